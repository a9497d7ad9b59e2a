// Little-endian bytes: a bounds-checked reader, and writers that append to a string.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace millrace {

// Reads from a buffer it does not own. Every call returns false, and changes nothing it was to fill,
// when the bytes do not suffice; no input can make it read outside.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  size_t remaining() const { return static_cast<size_t>(end_ - next_); }
  bool empty() const { return next_ == end_; }
  std::string_view rest() const { return {next_, remaining()}; }

  // The next `size` bytes as a view into the buffer.
  bool Bytes(size_t size, std::string_view* out) {
    if (size > remaining()) return false;
    *out = {next_, size};
    next_ += size;
    return true;
  }
  // A number of fixed width.
  template <typename T>
  bool Fixed(T* out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) > remaining()) return false;
    std::memcpy(out, next_, sizeof(T));
    next_ += sizeof(T);
    return true;
  }
  bool Copy(void* out, size_t size) {
    if (size > remaining()) return false;
    if (size > 0) std::memcpy(out, next_, size);
    next_ += size;
    return true;
  }
  // LEB128, at most 10 bytes; values over 64 bits are refused.
  bool Varint(uint64_t* out) {
    if (next_ != end_ && static_cast<uint8_t>(*next_) < 0x80) [[likely]] {
      *out = static_cast<uint8_t>(*next_++);
      return true;
    }
    return VarintSlow(out);
  }
  // Varint length, then that many bytes.
  bool Text(std::string_view* out) {
    const char* start = next_;
    uint64_t size;
    if (Varint(&size) && Bytes(size, out)) return true;
    next_ = start;
    return false;
  }

 private:
  bool VarintSlow(uint64_t* out) {
    uint64_t value = 0;
    const char* p = next_;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p == end_) return false;
      const uint8_t byte = static_cast<uint8_t>(*p++);
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *out = value;
        next_ = p;
        return true;
      }
    }
    return false;
  }

  const char* next_;
  const char* end_;
};

inline constexpr size_t kMaxVarintBytes = 10;
// Writes at `to`, which has room for kMaxVarintBytes; returns the end.
inline char* WriteVarint(uint64_t value, char* to) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}
inline void PutVarint(uint64_t value, std::string* out) {
  if (value < 0x80) [[likely]] {
    out->push_back(static_cast<char>(value));
    return;
  }
  char buffer[kMaxVarintBytes];
  out->append(buffer, WriteVarint(value, buffer));
}
template <typename T>
inline void PutFixed(T value, std::string* out) {
  static_assert(std::is_trivially_copyable_v<T>);
  char buffer[sizeof(T)];
  std::memcpy(buffer, &value, sizeof(T));
  out->append(buffer, sizeof(T));
}
inline void PutText(std::string_view text, std::string* out) {
  PutVarint(text.size(), out);
  out->append(text);
}

// Signed as unsigned, small magnitudes small: 0, -1, 1, -2 -> 0, 1, 2, 3.
constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1))); }

}  // namespace millrace
