// Sorted runs of texts: exact counts of distinct texts without holding them all in memory.
//
// A task counts the texts of a chunk in a table (TextTable), sends them in byte order, cut into blocks
// (TextBlocks), each by the order of its first text; who gets the blocks of all runs in that order merges
// them (TextMerge) and sees every text once, in byte order, with its count. Memory of a merge:
// kBlockBytes per run.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::ml {

inline constexpr size_t kBlockBytes = 8 << 10;

// Bytes that live until Clear() or the end.
class TextArena {
 public:
  std::string_view Copy(std::string_view text);
  void Clear();
  size_t bytes() const { return bytes_; }

 private:
  std::deque<std::string> chunks_;  // none grows: views stay
  size_t bytes_ = 0;
};

// Distinct texts, numbered in the order of their first coming, with their counts.
class TextTable {
 public:
  uint32_t Add(std::string_view text);  // its number
  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
  std::string_view text(uint32_t number) const { return entries_[number].text; }
  uint64_t count(uint32_t number) const { return entries_[number].count; }
  size_t bytes() const { return arena_.bytes() + entries_.size() * sizeof(Entry); }
  std::vector<uint32_t> InOrder() const;  // the numbers, by the bytes of the texts
  void Clear();

 private:
  struct Entry {
    std::string_view text;
    uint64_t count, hash;
  };
  void Grow();
  std::vector<uint32_t> slots_;  // number + 1; 0 = free
  std::vector<Entry> entries_;
  TextArena arena_;
  uint32_t last_ = 0;  // numbers often repeat
};

// What a block is sorted by: the beginning of its first text.
std::string_view OrderOfText(std::string_view text);

// Writes an ascending run: emit(order, bytes) per block.
class TextBlocks {
 public:
  template <typename Emit>
  void Add(std::string_view text, uint64_t count, Emit emit) {
    if (bytes_.empty()) order_ = OrderOfText(text);
    Append(text, count);
    if (bytes_.size() >= kBlockBytes) Flush(emit);
  }
  template <typename Emit>
  void Flush(Emit emit) {
    if (!bytes_.empty()) emit(std::string_view(order_), std::string_view(bytes_));
    bytes_.clear();
  }

 private:
  void Append(std::string_view text, uint64_t count);
  std::string order_, bytes_;
};

// Blocks of many runs, in their order -> emit(text, count), each distinct text once, in byte order.
class TextMerge {
 public:
  // False: the bytes are no block.
  template <typename Emit>
  bool Add(std::string_view order, std::string_view bytes, Emit emit) {
    if (entries_.size() >= most_entries_ || arena_->bytes() >= most_bytes_) {
      Drain(&order, emit);
      most_entries_ = std::max(kEntries, 4 * entries_.size());
      most_bytes_ = std::max(kBytes, 4 * arena_->bytes());
    }
    return Take(bytes);
  }
  template <typename Emit>
  void Finish(Emit emit) {
    Drain(nullptr, emit);
  }

 private:
  static constexpr size_t kEntries = 64 << 10, kBytes = 1 << 20;
  struct Entry {
    uint64_t prefix;
    std::string_view text;
    uint64_t count;
  };
  bool Take(std::string_view bytes);
  void Sort();
  void Forget(size_t first);  // entries below; what is left gets an arena of its own

  // Whatever is below *end is complete: no block that follows begins below it.
  template <typename Emit>
  void Drain(const std::string_view* end, Emit emit) {
    Sort();
    size_t i = 0;
    while (i < entries_.size() && (end == nullptr || entries_[i].text < *end)) {
      const std::string_view text = entries_[i].text;
      uint64_t count = 0;
      for (; i < entries_.size() && entries_[i].text == text; ++i) count += entries_[i].count;
      emit(text, count);
    }
    Forget(i);
  }

  std::vector<Entry> entries_;
  std::unique_ptr<TextArena> arena_ = std::make_unique<TextArena>();
  size_t most_entries_ = kEntries, most_bytes_ = kBytes;
};

}  // namespace millrace::ml
