// The hash table of a map-side combiner: encoded key bytes -> accumulator.
//
// Flushing is a function of the records alone: the table is full when the logical bytes of its entries
// (key bytes + kEntryBytes each) reach the limit given by the plan, never when memory runs short.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/record/hash.h"

namespace millrace::internal {

// Bytes that live until Clear(); chunks are kept for the next generation.
class ByteArena {
 public:
  std::string_view Copy(std::string_view bytes) {
    if (bytes.size() > left_ || at_ == nullptr) NextChunk(bytes.size());  // never null, also of no bytes
    char* at = at_;
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at_ += bytes.size();
    left_ -= bytes.size();
    return {at, bytes.size()};
  }
  void Clear() {
    next_ = 0;
    left_ = 0;
    large_.clear();
  }

 private:
  static constexpr size_t kChunkBytes = 256 << 10;
  void NextChunk(size_t wanted) {
    if (wanted > kChunkBytes) {
      large_.push_back(std::make_unique_for_overwrite<char[]>(wanted));
      at_ = large_.back().get();
      left_ = wanted;
      return;
    }
    if (next_ == chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
    at_ = chunks_[next_++].get();
    left_ = kChunkBytes;
  }
  std::vector<std::unique_ptr<char[]>> chunks_, large_;
  size_t next_ = 0, left_ = 0;
  char* at_ = nullptr;
};

inline bool SameBytes(const char* a, const char* b, size_t n) {
  if (n > 16) return std::memcmp(a, b, n) == 0;
  uint64_t x, y, u, v;
  if (n >= 8) {
    std::memcpy(&x, a, 8), std::memcpy(&y, b, 8);
    std::memcpy(&u, a + n - 8, 8), std::memcpy(&v, b + n - 8, 8);
    return x == y && u == v;
  }
  if (n >= 4) {
    uint32_t p, q, r, s;
    std::memcpy(&p, a, 4), std::memcpy(&q, b, 4);
    std::memcpy(&r, a + n - 4, 4), std::memcpy(&s, b + n - 4, 4);
    return p == q && r == s;
  }
  return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

// A mix for the table only: it decides neither partition nor order, so it may change freely.
inline uint64_t TableHash(std::string_view key) {
  const char* p = key.data();
  const size_t n = key.size();
  uint64_t a = 0, b = 0;
  if (n > 16) return StableHash(key);
  if (n >= 8) {
    std::memcpy(&a, p, 8);
    std::memcpy(&b, p + n - 8, 8);
  } else if (n >= 4) {
    uint32_t x, y;
    std::memcpy(&x, p, 4);
    std::memcpy(&y, p + n - 4, 4);
    a = x, b = y;
  } else if (n > 0) {
    a = static_cast<uint8_t>(p[0]) | static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 |
        static_cast<uint64_t>(static_cast<uint8_t>(p[n - 1])) << 16;
  }
  a = (a ^ n ^ 0x9e3779b97f4a7c15ull) * 0xd6e8feb86659fd93ull;
  const unsigned __int128 m = static_cast<unsigned __int128>(a ^ b) * 0xa0761d6478bd642full;
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

template <typename V>
class CombineTable {
 public:
  static constexpr uint64_t kEntryBytes = 48;

  struct Slot {
    const char* key = nullptr;
    uint32_t length = 0;
    uint32_t tag = 0;  // upper hash bits: most misses end here
    V value{};
    std::string_view bytes() const { return {key, length}; }
  };

  explicit CombineTable(size_t slots = 1 << 12) : slots_(slots) {}

  // The slot of `key`; `*fresh` says that its value has not been set yet.
  Slot& Find(std::string_view key, bool* fresh) {
    const uint64_t hash = TableHash(key);
    const uint32_t tag = static_cast<uint32_t>(hash >> 32);
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      Slot& slot = slots_[i];
      if (slot.key == nullptr) {
        if (2 * (used_ + 1) > slots_.size()) {
          Grow();
          return Find(key, fresh);
        }
        ++used_;
        logical_bytes_ += key.size() + kEntryBytes;
        slot.key = arena_.Copy(key).data();
        slot.length = static_cast<uint32_t>(key.size());
        slot.tag = tag;
        *fresh = true;
        return slot;
      }
      if (slot.tag == tag && slot.length == key.size() && SameBytes(slot.key, key.data(), key.size())) {
        *fresh = false;
        return slot;
      }
    }
  }

  uint64_t logical_bytes() const { return logical_bytes_; }
  size_t size() const { return used_; }

  template <typename Fn>
  void ForEach(Fn fn) {
    for (Slot& slot : slots_)
      if (slot.key != nullptr) fn(slot);
  }

  void Clear() {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    arena_.Clear();
    used_ = 0;
    logical_bytes_ = 0;
  }

 private:
  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (Slot& slot : old) {
      if (slot.key == nullptr) continue;
      size_t i = TableHash(slot.bytes()) & mask;
      while (slots_[i].key != nullptr) i = (i + 1) & mask;
      slots_[i] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  ByteArena arena_;
  size_t used_ = 0;
  uint64_t logical_bytes_ = 0;
};

}  // namespace millrace::internal
