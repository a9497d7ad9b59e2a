// Sorted runs of numbers: exact quantiles, distinct values and counts without holding a column in memory.
//
// A task sorts what it holds of a column (SortBits), cuts it into blocks (CutNumberRun) and sends each by the
// order of its first value. Who gets the blocks of all runs in that order merges them (NumberMerge) and sees
// the distinct values ascending with their counts. Memory of a merge: kBlockValues numbers per run.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::ml {

inline constexpr size_t kBlockValues = 1024;

// An integer whose order is the number's, and back. -0.0 and 0.0 are one. Not for NaN.
inline uint64_t OrderedBits(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value + 0.0);
  return bits ^ (static_cast<uint64_t>(static_cast<int64_t>(bits) >> 63) | uint64_t{1} << 63);
}
inline double FromOrderedBits(uint64_t ordered) {
  const uint64_t mask = ordered >> 63 != 0 ? uint64_t{1} << 63 : ~uint64_t{0};
  return std::bit_cast<double>(ordered ^ mask);
}

// Ascending, by radix: eight passes at most over values and scratch (made as large).
void SortBits(std::vector<uint64_t>* values, std::vector<uint64_t>* scratch);

// A block: numbers that stand alone or a few times, as often as they do, and numbers with their counts.
struct NumberBlock {
  static constexpr uint64_t kManyTimes = 8;  // from then on the count is cheaper
  struct Counted {
    uint64_t value, count;
  };
  std::vector<uint64_t> alone;
  std::vector<Counted> counted;

  size_t size() const { return alone.size() + 2 * counted.size(); }
  uint64_t First() const;               // of a block that is not empty
  void Encode(std::string* out) const;  // replaces *out
};

// Eight bytes whose order is the number's: what blocks are sorted by on their way.
std::string OrderOfBits(uint64_t value);
uint64_t BitsOfOrder(std::string_view order);

// emit(order, bytes) for every block of an ascending run.
template <typename Emit>
void CutNumberRun(std::span<const uint64_t> sorted, Emit emit) {
  NumberBlock block;
  std::string bytes;
  const auto flush = [&] {
    if (block.size() == 0) return;
    block.Encode(&bytes);
    emit(OrderOfBits(block.First()), std::string_view(bytes));
    block.alone.clear();
    block.counted.clear();
  };
  for (size_t i = 0, end; i < sorted.size(); i = end) {
    for (end = i + 1; end < sorted.size() && sorted[end] == sorted[i];) ++end;
    if (end - i >= NumberBlock::kManyTimes) {
      block.counted.push_back({sorted[i], end - i});
    } else {
      block.alone.insert(block.alone.end(), end - i, sorted[i]);
    }
    if (block.size() >= kBlockValues) flush();
  }
  flush();
}

// Blocks of many runs, in the order of their first values -> emit(value, count), each distinct
// value once, ascending.
class NumberMerge {
 public:
  // False: the bytes are no block.
  template <typename Emit>
  bool Add(std::string_view order, std::string_view bytes, Emit emit) {
    if (alone_.size() + counted_.size() >= limit_) {
      Drain(BitsOfOrder(order), emit);
      limit_ = std::max(kLeast, 4 * (alone_.size() + counted_.size()));
    }
    return Take(bytes);
  }
  template <typename Emit>
  void Finish(Emit emit) {
    Drain(~uint64_t{0}, emit);  // the image of a NaN, which no number has
  }

 private:
  static constexpr size_t kLeast = 64 << 10;
  bool Take(std::string_view bytes);
  void Sort();

  // Whatever is below `end` is complete: no block that follows begins below it.
  template <typename Emit>
  void Drain(uint64_t end, Emit emit) {
    Sort();
    size_t a = 0, c = 0;
    while (true) {
      const uint64_t x = a < alone_.size() ? alone_[a] : end,
                     y = c < counted_.size() ? counted_[c].value : end;
      const uint64_t value = std::min(x, y);
      if (value >= end) break;
      uint64_t count = 0;
      for (; a < alone_.size() && alone_[a] == value; ++a) ++count;
      for (; c < counted_.size() && counted_[c].value == value; ++c) count += counted_[c].count;
      emit(FromOrderedBits(value), count);
    }
    alone_.erase(alone_.begin(), alone_.begin() + static_cast<std::ptrdiff_t>(a));
    counted_.erase(counted_.begin(), counted_.begin() + static_cast<std::ptrdiff_t>(c));
  }

  std::vector<uint64_t> alone_, scratch_;
  std::vector<NumberBlock::Counted> counted_;
  size_t limit_ = kLeast;
};

}  // namespace millrace::ml
