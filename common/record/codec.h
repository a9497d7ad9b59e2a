// Codec<T>: values as bytes between tasks. Little-endian, the same bytes for the same value on every
// machine (floating point values travel bit by bit, NaN payloads and -0.0 included). Not meant to be kept:
// writer and reader are the same binary. Every value takes at least one byte, so that no input of n
// bytes decodes into more than n elements. Decoding is bounds-checked: any input gives a value or false.
//
//   bool                one byte, 0 or 1
//   8-bit integers      one byte; wider ones as varints, signed ones zigzag
//   float, double       4, 8 bytes; Date 4, Timestamp 8 bytes
//   string, string_view varint length, bytes; a decoded view points into the buffer
//   optional            0, or 1 and the value
//   pair, tuple, array, described records: their parts in order (one zero byte when there are none)
//   vector, map         varint count, elements; floating point elements in one memcpy
//   enum                its integer
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/record/bytes.h"
#include "common/record/date.h"
#include "common/record/describe.h"

namespace millrace {

// Specialised below, and by rooms with types of their own:
//   static void Encode(const T& value, std::string* out);   // appends
//   static bool Decode(ByteReader& in, T* value);           // *value is undefined after false
template <typename T>
struct Codec;

template <typename T>
concept Encodable = requires(const T& value, T* target, ByteReader& in, std::string* out) {
  Codec<T>::Encode(value, out);
  { Codec<T>::Decode(in, target) } -> std::same_as<bool>;
};

// Appends the bytes of `value`.
template <typename T>
void EncodeTo(const T& value, std::string* out) {
  static_assert(Encodable<T>,
                "Millrace cannot encode this type: describe the struct with MR_RECORD(Type, "
                "MR_FIELD(member, \"Column\"), ...) after it, in its namespace.");
  Codec<T>::Encode(value, out);
}
template <typename T>
std::string EncodeToString(const T& value) {
  std::string out;
  EncodeTo(value, &out);
  return out;
}
// True when `bytes` are exactly one value. Views in *value point into `bytes`.
template <typename T>
bool DecodeAll(std::string_view bytes, T* value) {
  static_assert(Encodable<T>, "Millrace cannot decode this type: describe it with MR_RECORD.");
  ByteReader in(bytes);
  return Codec<T>::Decode(in, value) && in.empty();
}

namespace internal {
// Types whose elements are copied as they are.
template <typename T>
concept FlatElement = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, Date> ||
    std::same_as<T, Timestamp> || std::same_as<T, std::byte> ||
    (std::integral<T> && sizeof(T) == 1 && !std::same_as<T, bool>);
template <typename T>
concept FixedWidth = FlatElement<T> || std::same_as<T, bool>;
}  // namespace internal

template <>
struct Codec<bool> {
  static void Encode(bool value, std::string* out) { out->push_back(value ? 1 : 0); }
  static bool Decode(ByteReader& in, bool* value) {
    uint8_t byte;
    if (!in.Fixed(&byte) || byte > 1) return false;
    *value = byte != 0;
    return true;
  }
};

template <internal::FlatElement T>
struct Codec<T> {
  static void Encode(const T& value, std::string* out) { PutFixed(value, out); }
  static bool Decode(ByteReader& in, T* value) { return in.Fixed(value); }
};

template <std::integral T>
requires(sizeof(T) > 1 && sizeof(T) <= 8) struct Codec<T> {
  static void Encode(T value, std::string* out) {
    if constexpr (std::is_signed_v<T>) {
      PutVarint(ZigZag(value), out);
    } else {
      PutVarint(value, out);
    }
  }
  static bool Decode(ByteReader& in, T* value) {
    uint64_t raw;
    if (!in.Varint(&raw)) return false;
    if constexpr (std::is_signed_v<T>) {
      const int64_t wide = UnZigZag(raw);
      *value = static_cast<T>(wide);
      return static_cast<int64_t>(*value) == wide;
    } else {
      *value = static_cast<T>(raw);
      return static_cast<uint64_t>(*value) == raw;
    }
  }
};

template <typename T>
requires std::is_enum_v<T> &&(!internal::FlatElement<T>)struct Codec<T> {
  using Number = std::underlying_type_t<T>;
  static void Encode(T value, std::string* out) { Codec<Number>::Encode(static_cast<Number>(value), out); }
  static bool Decode(ByteReader& in, T* value) {
    Number number;
    if (!Codec<Number>::Decode(in, &number)) return false;
    *value = static_cast<T>(number);
    return true;
  }
};

template <>
struct Codec<std::string_view> {
  static void Encode(std::string_view value, std::string* out) { PutText(value, out); }
  static bool Decode(ByteReader& in, std::string_view* value) { return in.Text(value); }
};

template <>
struct Codec<std::string> {
  static void Encode(const std::string& value, std::string* out) { PutText(value, out); }
  static bool Decode(ByteReader& in, std::string* value) {
    std::string_view view;
    if (!in.Text(&view)) return false;
    value->assign(view);
    return true;
  }
};

template <typename T>
struct Codec<std::optional<T>> {
  static void Encode(const std::optional<T>& value, std::string* out) {
    out->push_back(value.has_value() ? 1 : 0);
    if (value.has_value()) Codec<T>::Encode(*value, out);
  }
  static bool Decode(ByteReader& in, std::optional<T>* value) {
    bool present;
    if (!Codec<bool>::Decode(in, &present)) return false;
    if (!present) {
      value->reset();
      return true;
    }
    if (!value->has_value()) value->emplace();
    return Codec<T>::Decode(in, &**value);
  }
};

namespace internal {
// Types of few bytes are written to a buffer first, and appended together with their neighbours: one
// append for a whole record of numbers. 0: not such a type.
template <typename T>
struct SmallBytes {
  static constexpr size_t kMax = FixedWidth<T>                                ? sizeof(T)
                                 : std::is_integral_v<T> || std::is_enum_v<T> ? kMaxVarintBytes
                                                                              : 0;
};
template <typename T>
struct SmallBytes<std::optional<T>> {
  static constexpr size_t kMax = SmallBytes<T>::kMax == 0 ? 0 : 1 + SmallBytes<T>::kMax;
};
template <typename T>
inline constexpr bool kIsText = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;

// The same bytes as Codec<T>::Encode.
template <typename T>
char* WriteSmall(const T& value, char* to) {
  if constexpr (FixedWidth<T>) {
    std::memcpy(to, &value, sizeof(T));
    return to + sizeof(T);
  } else if constexpr (std::is_enum_v<T>) {
    return WriteSmall(static_cast<std::underlying_type_t<T>>(value), to);
  } else if constexpr (std::is_integral_v<T>) {
    return WriteVarint(
        std::is_signed_v<T> ? ZigZag(static_cast<int64_t>(value)) : static_cast<uint64_t>(value), to);
  } else {
    *to++ = value.has_value() ? 1 : 0;
    return value.has_value() ? WriteSmall(*value, to) : to;
  }
}

// The parts of a product type; none is one zero byte.
template <typename... Parts>
void EncodeParts(std::string* out, const Parts&... parts) {
  if constexpr (sizeof...(Parts) == 0) {
    out->push_back(0);
  } else {
    constexpr size_t kRoom = ((kIsText<Parts> ? kMaxVarintBytes : SmallBytes<Parts>::kMax) + ...);
    char buffer[kRoom + 1];
    char* to = buffer;
    const auto flush = [&] {
      if (to != buffer) out->append(buffer, to);
      to = buffer;
    };
    const auto encode = [&]<typename Part>(const Part& part) {
      if constexpr (SmallBytes<Part>::kMax > 0) {
        to = WriteSmall(part, to);
      } else if constexpr (kIsText<Part>) {
        to = WriteVarint(part.size(), to);
        flush();
        out->append(part);
      } else {
        flush();
        Codec<Part>::Encode(part, out);
      }
    };
    (encode(parts), ...);
    flush();
  }
}
template <typename... Parts>
bool DecodeParts(ByteReader& in, Parts*... parts) {
  if constexpr (sizeof...(Parts) == 0) {
    uint8_t zero;
    return in.Fixed(&zero) && zero == 0;
  } else {
    return (Codec<Parts>::Decode(in, parts) && ...);
  }
}
}  // namespace internal

template <typename A, typename B>
struct Codec<std::pair<A, B>> {
  static void Encode(const std::pair<A, B>& value, std::string* out) {
    internal::EncodeParts(out, value.first, value.second);
  }
  static bool Decode(ByteReader& in, std::pair<A, B>* value) {
    return internal::DecodeParts(in, &value->first, &value->second);
  }
};

template <typename... Parts>
struct Codec<std::tuple<Parts...>> {
  static void Encode(const std::tuple<Parts...>& value, std::string* out) {
    std::apply([out](const auto&... parts) { internal::EncodeParts(out, parts...); }, value);
  }
  static bool Decode(ByteReader& in, std::tuple<Parts...>* value) {
    return std::apply([&in](auto&... parts) { return internal::DecodeParts(in, &parts...); }, *value);
  }
};

template <DescribedRecord T>
struct Codec<T> {
  static void Encode(const T& value, std::string* out) {
    std::apply([&](const auto&... field) { internal::EncodeParts(out, value.*field.member...); },
               FieldsOf<T>());
  }
  static bool Decode(ByteReader& in, T* value) {
    return std::apply(
        [&](const auto&... field) { return internal::DecodeParts(in, &(value->*field.member)...); },
        FieldsOf<T>());
  }
};

// Structs without members, std::monostate.
template <typename T>
requires std::is_empty_v<T> && std::is_default_constructible_v<T> &&(!DescribedRecord<T>)struct Codec<T> {
  static void Encode(const T&, std::string* out) { internal::EncodeParts(out); }
  static bool Decode(ByteReader& in, T*) { return internal::DecodeParts(in); }
};
template <>
struct Codec<std::tuple<>> {
  static void Encode(const std::tuple<>&, std::string* out) { internal::EncodeParts(out); }
  static bool Decode(ByteReader& in, std::tuple<>*) { return internal::DecodeParts(in); }
};

template <typename T, size_t kSize>
struct Codec<std::array<T, kSize>> {
  static void Encode(const std::array<T, kSize>& value, std::string* out) {
    if constexpr (kSize == 0) {
      internal::EncodeParts(out);
    } else if constexpr (internal::FlatElement<T>) {
      out->append(reinterpret_cast<const char*>(value.data()), kSize * sizeof(T));
    } else {
      for (const T& item : value) Codec<T>::Encode(item, out);
    }
  }
  static bool Decode(ByteReader& in, std::array<T, kSize>* value) {
    if constexpr (kSize == 0) {
      return internal::DecodeParts(in);
    } else if constexpr (internal::FlatElement<T>) {
      return in.Copy(value->data(), kSize * sizeof(T));
    } else {
      for (T& item : *value) {
        if (!Codec<T>::Decode(in, &item)) return false;
      }
      return true;
    }
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static void Encode(const std::vector<T>& value, std::string* out) {
    PutVarint(value.size(), out);
    if constexpr (internal::FlatElement<T>) {
      if (!value.empty()) out->append(reinterpret_cast<const char*>(value.data()), value.size() * sizeof(T));
    } else {
      for (const auto& item : value) Codec<T>::Encode(item, out);
    }
  }
  static bool Decode(ByteReader& in, std::vector<T>* value) {
    uint64_t size;
    if (!in.Varint(&size)) return false;
    if constexpr (internal::FlatElement<T>) {
      if (size > in.remaining() / sizeof(T)) return false;
      value->resize(size);
      return in.Copy(value->data(), size * sizeof(T));
    } else {
      if (size > in.remaining()) return false;
      value->clear();
      value->reserve(size < 1024 ? size : 1024);  // what a lying count could cost stays small
      for (uint64_t i = 0; i < size; ++i) {
        T item{};
        if (!Codec<T>::Decode(in, &item)) return false;
        value->push_back(std::move(item));
      }
      return true;
    }
  }
};

template <typename K, typename V>
struct Codec<std::map<K, V>> {
  static void Encode(const std::map<K, V>& value, std::string* out) {
    PutVarint(value.size(), out);
    for (const auto& [key, item] : value) {
      Codec<K>::Encode(key, out);
      Codec<V>::Encode(item, out);
    }
  }
  static bool Decode(ByteReader& in, std::map<K, V>* value) {
    uint64_t size;
    if (!in.Varint(&size) || size > in.remaining()) return false;
    value->clear();
    for (uint64_t i = 0; i < size; ++i) {
      std::pair<K, V> item{};
      if (!Codec<K>::Decode(in, &item.first) || !Codec<V>::Decode(in, &item.second)) return false;
      value->emplace_hint(value->end(), std::move(item));
    }
    return true;
  }
};

}  // namespace millrace
