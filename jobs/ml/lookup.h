// A small table that travels to every task: text -> number. What a join by broadcast looks things up in.
//
//   ml::TextLookup clusters;
//   if (!clusters.Add("household 17", 3)) ...;  // was there already
//   events.Map(With(clusters), [](const ml::TextLookup& table, const Row& row) { ...
//   table.Find(row[0].AsText()) ... })
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// Open addressing, at most half full: 24 to 48 bytes an entry, and the bytes of keys of more than eight. It
// is encoded as it lies in memory: a task that gets it copies it, once.
class TextLookup {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;  // no such key; never a number

  // False when the key is there already: then nothing changes.
  bool Add(std::string_view key, uint32_t number);
  // The number of `key`, or kNone.
  uint32_t Find(std::string_view key) const {
    if (numbers_.empty()) return kNone;
    const uint64_t word = WordOf(key);
    const bool stored = !Inline(key);
    for (size_t i = Home(word);; i = (i + 1) & (numbers_.size() - 1)) {
      if (numbers_[i] == kNone) return kNone;
      if (words_[i] == word && SameKey(i, key, stored)) return numbers_[i];
    }
  }
  size_t size() const { return used_; }

  void EncodeTo(std::string* out) const;
  bool DecodeFrom(ByteReader& in);

 private:
  // Keys of one to eight bytes are their own word, but for those that end in a zero byte. Of others the word
  // is a hash, and the bytes are stored.
  static bool Inline(std::string_view key) { return key.size() - 1 < 8 && key.back() != '\0'; }
  static uint64_t WordOf(std::string_view key) {
    if (!Inline(key)) return StableHash(key);
    const char* p = key.data();
    const size_t n = key.size();
    uint64_t word = 0;
    if (n == 8) {
      std::memcpy(&word, p, 8);
    } else if (n >= 4) {
      uint32_t low, high;  // they overlap
      std::memcpy(&low, p, 4);
      std::memcpy(&high, p + n - 4, 4);
      word = low | static_cast<uint64_t>(high) << (8 * (n - 4));
    } else {
      for (size_t i = 0; i < n; ++i) word |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << (8 * i);
    }
    return word;
  }
  size_t Home(uint64_t word) const {
    return (word * 0x9e3779b97f4a7c15ull) >> (64 - std::countr_zero(numbers_.size()));
  }
  bool SameKey(size_t slot, std::string_view key, bool stored) const {
    const uint32_t at = starts_.empty() ? 0 : starts_[slot];
    if (!stored) return at == 0;
    if (at == 0) return false;
    uint32_t size;
    std::memcpy(&size, texts_.data() + at, sizeof size);
    return std::string_view(texts_).substr(at + sizeof size, size) == key;
  }
  void Grow();

  uint64_t used_ = 0;
  std::vector<uint64_t> words_;    // per slot
  std::vector<uint32_t> numbers_;  // per slot; kNone: free
  std::vector<uint32_t> starts_;  // per slot: where in texts_ a stored key begins, 0 for the others; or empty
  std::string texts_;             // size and bytes of stored keys, behind one byte
};

}  // namespace millrace::ml

template <>
struct millrace::Codec<millrace::ml::TextLookup> {
  static void Encode(const ml::TextLookup& table, std::string* out) { table.EncodeTo(out); }
  static bool Decode(ByteReader& in, ml::TextLookup* table) { return table->DecodeFrom(in); }
};
