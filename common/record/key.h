// KeyCodec<K>: keys as bytes whose memcmp order is the order of the values, so that sort, merge, group and
// range partition work on bytes alone. No key's bytes are a prefix of another's (of the same type), so
// composite keys are their parts one after the other.
//
//   bool                00 false, 01 true
//   integers            big-endian at full width, the sign bit flipped for signed ones; enums likewise
//   float, double       total order: -inf < ... < -0.0 == 0.0 < ... < inf < NaN. All NaNs are one key,
//                       and so are -0.0 and 0.0; they decode as the quiet NaN and as 0.0
//   string, string_view byte order: the bytes with 00 written 00 FF, then 00 00
//   Date, Timestamp     as their integers
//   optional            00 for none (none first), or 01 and the value
//   pair, tuple, array, described records: part by part (lexicographic)
//   vector              01 before each element, 00 at the end (lexicographic, shorter first)
//   Descending<K>       the bytes of K inverted: the reverse order (none last, NaN first)
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/record/date.h"
#include "common/record/describe.h"

namespace millrace {

// Memory for decoded text that is not in the input as it is (text with zero bytes, descending text).
// Lives as long as the keys decoded with it are looked at.
class KeyArena {
 public:
  char* Allocate(size_t size) {
    if (size > left_) Grow(size);
    char* out = next_;
    next_ += size;
    left_ -= size;
    return out;
  }
  // Forgets all that was allocated; keeps one block for the next round.
  void Reset();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  void Grow(size_t size);

  std::vector<Block> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

// Specialised below:
//   static void Encode(const K& key, std::string* out);                     // appends
//   static bool Decode(std::string_view* in, KeyArena* arena, K* key);      // takes its bytes off *in
// Decoded views point into the input or the arena. Any input gives a key or false.
template <typename K>
struct KeyCodec;

template <typename K>
concept EncodableKey = requires(const K& key, K* target, std::string_view* in, KeyArena* arena,
                                std::string* out) {
  KeyCodec<K>::Encode(key, out);
  { KeyCodec<K>::Decode(in, arena, target) } -> std::same_as<bool>;
};

// A key part in the reverse order.
template <typename K>
struct Descending {
  K value{};
  friend constexpr bool operator==(const Descending&, const Descending&) = default;
  friend constexpr auto operator<=>(const Descending& a,
                                    const Descending& b) requires std::three_way_comparable<K> {
    return b.value <=> a.value;
  }
};
template <typename K>
Descending(K) -> Descending<K>;

template <typename K>
std::string EncodeKey(const K& key) {
  static_assert(EncodableKey<K>,
                "This type cannot be a key: keys are bool, integers, enums, floating point numbers, "
                "text, Date, Timestamp, optionals, tuples and described records of these.");
  std::string out;
  KeyCodec<K>::Encode(key, &out);
  return out;
}
// True when `bytes` are exactly one key.
template <typename K>
bool DecodeKey(std::string_view bytes, KeyArena* arena, K* key) {
  return KeyCodec<K>::Decode(&bytes, arena, key) && bytes.empty();
}

// The first 8 bytes as a big-endian number, shorter keys padded with zeros: a < b implies
// KeyPrefix64(a) <= KeyPrefix64(b).
inline uint64_t KeyPrefix64(std::string_view key) {
  uint64_t prefix = 0;
  if (key.size() >= 8) [[likely]] {
    std::memcpy(&prefix, key.data(), 8);
  } else if (!key.empty()) {
    std::memcpy(&prefix, key.data(), key.size());
  }
  return __builtin_bswap64(prefix);
}

namespace internal {
// Unsigned numbers, most significant byte first.
template <std::unsigned_integral U>
inline void PutBigEndian(U value, std::string* out) {
  char buffer[sizeof(U)];
  for (size_t i = 0; i < sizeof(U); ++i) buffer[i] = static_cast<char>(value >> (8 * (sizeof(U) - 1 - i)));
  out->append(buffer, sizeof(U));
}
template <std::unsigned_integral U>
inline bool TakeBigEndian(std::string_view* in, U* value) {
  if (in->size() < sizeof(U)) return false;
  U result = 0;
  for (size_t i = 0; i < sizeof(U); ++i) {
    result = static_cast<U>((static_cast<uint64_t>(result) << 8) | static_cast<uint8_t>((*in)[i]));
  }
  *value = result;
  in->remove_prefix(sizeof(U));
  return true;
}
// A byte that must be 0 or 1.
inline bool TakeFlag(std::string_view* in, bool* value) {
  if (in->empty() || static_cast<uint8_t>(in->front()) > 1) return false;
  *value = in->front() != 0;
  in->remove_prefix(1);
  return true;
}
void EncodeKeyTextWithZeros(std::string_view text, std::string* out);
bool DecodeKeyTextWithZeros(std::string_view* in, KeyArena* arena, std::string_view* text);

inline void EncodeKeyText(std::string_view text, std::string* out) {
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) [[unlikely]] {
    EncodeKeyTextWithZeros(text, out);
  } else {
    out->append(text);
  }
  out->append(2, '\0');
}
inline bool DecodeKeyText(std::string_view* in, KeyArena* arena, std::string_view* text) {
  const size_t zero = in->find('\0');
  if (zero == std::string_view::npos || zero + 1 >= in->size()) return false;
  if ((*in)[zero + 1] != '\0') [[unlikely]] {
    return DecodeKeyTextWithZeros(in, arena, text);
  }
  *text = in->substr(0, zero);
  in->remove_prefix(zero + 2);
  return true;
}
}  // namespace internal

template <>
struct KeyCodec<bool> {
  static void Encode(bool key, std::string* out) { out->push_back(key ? 1 : 0); }
  static bool Decode(std::string_view* in, KeyArena*, bool* key) { return internal::TakeFlag(in, key); }
};

template <std::integral K>
requires(!std::same_as<K, bool> && sizeof(K) <= 8) struct KeyCodec<K> {
  using U = std::make_unsigned_t<K>;
  static constexpr U kFlip = std::is_signed_v<K> ? static_cast<U>(U{1} << (8 * sizeof(K) - 1)) : U{0};
  static void Encode(K key, std::string* out) {
    internal::PutBigEndian(static_cast<U>(static_cast<U>(key) ^ kFlip), out);
  }
  static bool Decode(std::string_view* in, KeyArena*, K* key) {
    U raw;
    if (!internal::TakeBigEndian(in, &raw)) return false;
    *key = static_cast<K>(static_cast<U>(raw ^ kFlip));
    return true;
  }
};

template <typename K>
requires std::is_enum_v<K>
struct KeyCodec<K> {
  using Number = std::underlying_type_t<K>;
  static void Encode(K key, std::string* out) { KeyCodec<Number>::Encode(static_cast<Number>(key), out); }
  static bool Decode(std::string_view* in, KeyArena* arena, K* key) {
    Number number;
    if (!KeyCodec<Number>::Decode(in, arena, &number)) return false;
    *key = static_cast<K>(number);
    return true;
  }
};

template <typename K>
requires std::same_as<K, float> || std::same_as<K, double>
struct KeyCodec<K> {
  using U = std::conditional_t<sizeof(K) == 8, uint64_t, uint32_t>;
  static constexpr U kSign = U{1} << (8 * sizeof(K) - 1);
  static void Encode(K key, std::string* out) {
    if (key == 0) key = 0;                                      // -0.0
    if (key != key) key = std::numeric_limits<K>::quiet_NaN();  // positive: above inf
    const U bits = std::bit_cast<U>(key);
    internal::PutBigEndian(static_cast<U>((bits & kSign) != 0 ? ~bits : bits ^ kSign), out);
  }
  static bool Decode(std::string_view* in, KeyArena*, K* key) {
    U raw;
    if (!internal::TakeBigEndian(in, &raw)) return false;
    *key = std::bit_cast<K>(static_cast<U>((raw & kSign) != 0 ? raw ^ kSign : ~raw));
    return true;
  }
};

template <>
struct KeyCodec<std::string_view> {
  static void Encode(std::string_view key, std::string* out) { internal::EncodeKeyText(key, out); }
  static bool Decode(std::string_view* in, KeyArena* arena, std::string_view* key) {
    return internal::DecodeKeyText(in, arena, key);
  }
};

template <>
struct KeyCodec<std::string> {
  static void Encode(const std::string& key, std::string* out) { internal::EncodeKeyText(key, out); }
  static bool Decode(std::string_view* in, KeyArena* arena, std::string* key) {
    std::string_view view;
    if (!internal::DecodeKeyText(in, arena, &view)) return false;
    key->assign(view);
    return true;
  }
};

template <>
struct KeyCodec<Date> {
  static void Encode(Date key, std::string* out) { KeyCodec<int32_t>::Encode(key.days, out); }
  static bool Decode(std::string_view* in, KeyArena* arena, Date* key) {
    return KeyCodec<int32_t>::Decode(in, arena, &key->days);
  }
};

template <>
struct KeyCodec<Timestamp> {
  static void Encode(Timestamp key, std::string* out) { KeyCodec<int64_t>::Encode(key.micros, out); }
  static bool Decode(std::string_view* in, KeyArena* arena, Timestamp* key) {
    return KeyCodec<int64_t>::Decode(in, arena, &key->micros);
  }
};

template <typename K>
struct KeyCodec<std::optional<K>> {
  static void Encode(const std::optional<K>& key, std::string* out) {
    out->push_back(key.has_value() ? 1 : 0);
    if (key.has_value()) KeyCodec<K>::Encode(*key, out);
  }
  static bool Decode(std::string_view* in, KeyArena* arena, std::optional<K>* key) {
    bool present;
    if (!internal::TakeFlag(in, &present)) return false;
    if (!present) {
      key->reset();
      return true;
    }
    if (!key->has_value()) key->emplace();
    return KeyCodec<K>::Decode(in, arena, &**key);
  }
};

template <typename A, typename B>
struct KeyCodec<std::pair<A, B>> {
  static void Encode(const std::pair<A, B>& key, std::string* out) {
    KeyCodec<A>::Encode(key.first, out);
    KeyCodec<B>::Encode(key.second, out);
  }
  static bool Decode(std::string_view* in, KeyArena* arena, std::pair<A, B>* key) {
    return KeyCodec<A>::Decode(in, arena, &key->first) && KeyCodec<B>::Decode(in, arena, &key->second);
  }
};

template <typename... Parts>
struct KeyCodec<std::tuple<Parts...>> {
  static void Encode(const std::tuple<Parts...>& key, [[maybe_unused]] std::string* out) {
    std::apply([&](const auto&... part) { (KeyCodec<Parts>::Encode(part, out), ...); }, key);
  }
  static bool Decode([[maybe_unused]] std::string_view* in, [[maybe_unused]] KeyArena* arena,
                     std::tuple<Parts...>* key) {
    return std::apply([&](auto&... part) { return (KeyCodec<Parts>::Decode(in, arena, &part) && ...); },
                      *key);
  }
};

template <DescribedRecord K>
struct KeyCodec<K> {
  static void Encode(const K& key, std::string* out) {
    ForEachField<K>([&](const auto& field) {
      KeyCodec<typename std::decay_t<decltype(field)>::Type>::Encode(key.*field.member, out);
    });
  }
  static bool Decode(std::string_view* in, KeyArena* arena, K* key) {
    bool good = true;
    ForEachField<K>([&](const auto& field) {
      good = good &&
             KeyCodec<typename std::decay_t<decltype(field)>::Type>::Decode(in, arena, &(key->*field.member));
    });
    return good;
  }
};

// A key without content: all records in one group.
template <typename K>
requires std::is_empty_v<K> && std::is_default_constructible_v<K> &&(!DescribedRecord<K>)struct KeyCodec<K> {
  static void Encode(const K&, std::string*) {}
  static bool Decode(std::string_view*, KeyArena*, K*) { return true; }
};

template <typename K, size_t kSize>
struct KeyCodec<std::array<K, kSize>> {
  static void Encode(const std::array<K, kSize>& key, std::string* out) {
    for (const K& item : key) KeyCodec<K>::Encode(item, out);
  }
  static bool Decode(std::string_view* in, KeyArena* arena, std::array<K, kSize>* key) {
    for (K& item : *key) {
      if (!KeyCodec<K>::Decode(in, arena, &item)) return false;
    }
    return true;
  }
};

template <typename K>
struct KeyCodec<std::vector<K>> {
  static void Encode(const std::vector<K>& key, std::string* out) {
    for (const auto& item : key) {
      out->push_back(1);
      KeyCodec<K>::Encode(item, out);
    }
    out->push_back(0);
  }
  static bool Decode(std::string_view* in, KeyArena* arena, std::vector<K>* key) {
    key->clear();
    for (bool more; internal::TakeFlag(in, &more);) {
      if (!more) return true;
      K item{};
      if (!KeyCodec<K>::Decode(in, arena, &item)) return false;
      key->push_back(std::move(item));
    }
    return false;
  }
};

template <typename K>
struct KeyCodec<Descending<K>> {
  static void Encode(const Descending<K>& key, std::string* out) {
    const size_t start = out->size();
    KeyCodec<K>::Encode(key.value, out);
    for (size_t i = start; i < out->size(); ++i) (*out)[i] = static_cast<char>(~(*out)[i]);
  }
  // Inverts all that is left, of which K takes its part.
  static bool Decode(std::string_view* in, KeyArena* arena, Descending<K>* key) {
    char* inverted = arena->Allocate(in->size());
    for (size_t i = 0; i < in->size(); ++i) inverted[i] = static_cast<char>(~(*in)[i]);
    std::string_view rest(inverted, in->size());
    if (!KeyCodec<K>::Decode(&rest, arena, &key->value)) return false;
    in->remove_prefix(in->size() - rest.size());
    return true;
  }
};

}  // namespace millrace
