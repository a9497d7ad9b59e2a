// A small table that travels to every task: text -> number. What a join by broadcast looks things up in.
//
//   ml::TextLookup clusters;
//   if (!clusters.Add("household 17", 3)) ...;  // was there already
//   events.Map(With(clusters), [](const ml::TextLookup& table, const Row& row) { ...
//   table.Find(row[0].AsText()) ... })
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// Open addressing, at most four fifths full: 20 to 40 bytes an entry, and the bytes of keys of more than
// eight. It is encoded as it lies in memory: a task that gets it copies it, once.
class TextLookup {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;  // no such key; never a number

  // False when the key is there already: then nothing changes.
  bool Add(std::string_view key, uint32_t number);
  // The number of `key`, or kNone.
  uint32_t Find(std::string_view key) const { return Find(WordOf(key), !Inline(key), key); }

  // A key that is kept and looked up later.
  class Key {
   public:
    void Set(std::string_view text) {
      word_ = WordOf(text);
      size_ = Inline(text) ? text.size() : kStored;
      if (size_ == kStored) [[unlikely]]
        text_.assign(text);
    }
    // Points into this.
    std::string_view text() const {
      if (size_ == kStored) return text_;
      return {reinterpret_cast<const char*>(&word_), size_};
    }

   private:
    friend class TextLookup;
    static constexpr size_t kStored = SIZE_MAX;
    uint64_t word_ = 0;
    size_t size_ = 0;
    std::string text_;
  };
  uint32_t Find(const Key& key) const { return Find(key.word_, key.size_ == Key::kStored, key.text_); }
  // Has the memory of a later Find fetched: tables of many keys are not in the cache. Inline at any rate: gcc
  // takes a function that only prefetches for one without an effect, and leaves the call out.
  [[gnu::always_inline]] void Prefetch(const Key& key) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[Home(key.word_)]);
  }
  size_t size() const { return used_; }

  void EncodeTo(std::string* out) const;
  bool DecodeFrom(ByteReader& in);

 private:
  struct Slot {  // side by side: a look-up misses the cache once
    uint64_t word = 0;
    uint32_t number = kNone;  // kNone: free
    uint32_t start = 0;       // where in texts_ a stored key begins; 0: the word is the key
  };

  uint32_t Find(uint64_t word, bool stored, std::string_view key) const {
    if (slots_.empty()) return kNone;
    for (size_t i = Home(word);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.number == kNone) return kNone;
      if (slot.word == word && (stored ? StoredAt(slot.start, key) : slot.start == 0)) return slot.number;
    }
  }
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
    return (word * 0x9e3779b97f4a7c15ull) >> (64 - std::countr_zero(slots_.size()));
  }
  bool StoredAt(uint32_t start, std::string_view key) const {
    if (start == 0) return false;
    uint32_t size;
    std::memcpy(&size, texts_.data() + start, sizeof size);
    return std::string_view(texts_).substr(start + sizeof size, size) == key;
  }
  Slot& FreeSlot(uint64_t word) {
    size_t i = Home(word);
    while (slots_[i].number != kNone) i = (i + 1) & (slots_.size() - 1);
    return slots_[i];
  }

  uint64_t used_ = 0;
  std::vector<Slot> slots_;
  std::string texts_;  // size and bytes of stored keys, behind one byte
};

// What was found for the texts of a dictionary, by Value::code(): each is looked up once in a task, the
// others cost one access. 4 bytes per code up to the greatest seen.
class CodeTable {
 public:
  // TextLookup::kNone until it is set. `code` is not 0.
  uint32_t& operator[](uint32_t code) {
    if (code >= numbers_.size()) [[unlikely]]
      numbers_.resize(std::max<size_t>(size_t{code} + 1, 2 * numbers_.size()), TextLookup::kNone);
    return numbers_[code];
  }

 private:
  std::vector<uint32_t> numbers_;
};

}  // namespace millrace::ml

template <>
struct millrace::Codec<millrace::ml::TextLookup> {
  static void Encode(const ml::TextLookup& table, std::string* out) { table.EncodeTo(out); }
  static bool Decode(ByteReader& in, ml::TextLookup* table) { return table->DecodeFrom(in); }
};
