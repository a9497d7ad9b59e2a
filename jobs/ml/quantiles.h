// What one walk over the sorted values of a column tells: exact quantiles, moments about the mean, the most
// frequent values, a histogram.
//
// Sizes and sums come first (ColumnTotals), so the mean and the ranks of the quantiles are known when the
// walk begins; parts of a column (ranges of its values) are walked one by one and put together afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// A column's size and sums. `before`: present values below the range at hand.
struct ColumnTotals {
  uint64_t rows = 0, present = 0, before = 0;
  double sum = 0, rest = 0;  // the sum is sum + rest: its rounding errors are kept
  double least = 0, greatest = 0;
  void Add(double value);
  void Merge(const ColumnTotals& more);
  double Mean() const;  // exact for a column of one single value; 0 without a value
};
MR_RECORD(ColumnTotals, MR_NAMED(rows), MR_NAMED(present), MR_NAMED(before), MR_NAMED(sum), MR_NAMED(rest),
          MR_NAMED(least), MR_NAMED(greatest))

inline constexpr std::array<double, 5> kQuantiles = {0.05, 0.25, 0.5, 0.75, 0.95};

// Quantile p of n values by linear interpolation: h = p (n - 1), x[floor h] + (h - floor h) (x[floor h + 1] -
// x[floor h]); type 7 of Hyndman and Fan, Sample Quantiles in Statistical Packages (1996).
struct QuantilePlace {
  uint64_t low = 0, high = 0;  // ranks, from 0
  double weight = 0;           // of the higher one
};
QuantilePlace PlaceOfQuantile(double p, uint64_t n);
// The ranks that kQuantiles need, ascending, each once.
std::vector<uint64_t> RanksOfQuantiles(uint64_t n);

struct RankedValue {
  uint64_t rank = 0;
  double value = 0;
};
MR_RECORD(RankedValue, MR_NAMED(rank), MR_NAMED(value))

// A value and how often it stands there; numbers have no text.
struct ValueCount {
  double number = 0;
  std::string text;
  uint64_t count = 0;
};
MR_RECORD(ValueCount, MR_NAMED(number), MR_NAMED(text), MR_NAMED(count))

// The `limit` values with the greatest counts, equal counts by value, of values that come in ascending order.
class TopValues {
 public:
  explicit TopValues(uint32_t limit) : limit_(limit) {}
  bool Wants(uint64_t count) const {
    return top_.size() < limit_ || (limit_ > 0 && count > top_.back().count);
  }
  void Add(ValueCount value);  // where it is wanted
  const std::vector<ValueCount>& values() const { return top_; }

 private:
  uint32_t limit_;
  std::vector<ValueCount> top_;
};
// The best of several lists.
std::vector<ValueCount> MergeTop(std::vector<ValueCount> all, uint32_t limit);

// Of a column, or of a range of its values.
struct ColumnPart {
  ColumnTotals totals;
  uint64_t distinct = 0, zeros = 0;
  double m2 = 0, m3 = 0, m4 = 0;    // sums of powers of (value - mean)
  std::vector<RankedValue> ranked;  // those of RanksOfQuantiles that lie here
  std::vector<ValueCount> top;
  std::vector<uint64_t> bins;  // of equal width from least to greatest; none where those are not finite
};
MR_RECORD(ColumnPart, MR_NAMED(totals), MR_NAMED(distinct), MR_NAMED(zeros), MR_NAMED(m2), MR_NAMED(m3),
          MR_NAMED(m4), MR_NAMED(ranked), MR_NAMED(top), MR_NAMED(bins))

// The walk: O(1) per distinct value.
class SortedWalk {
 public:
  SortedWalk(const ColumnTotals& totals, uint32_t top, uint32_t bins);
  void Add(double value, uint64_t count);  // ascending, each value once
  ColumnPart Finish();

 private:
  ColumnPart part_;
  TopValues top_;
  std::vector<uint64_t> ranks_;
  size_t next_rank_ = 0;
  uint64_t seen_;
  double mean_, per_unit_ = 0;
};

// The figures of a numeric column; NaN where one is not defined (no value; variance of one value; a skew of
// less than three, a kurtosis of less than four values or of a constant column).
struct NumberSummary {
  double sum, mean, variance, std, range, iqr, skew, kurtosis;
  std::array<double, kQuantiles.size()> quantiles;
};
// `parts` in ascending order of their values. Sample variance (n - 1); skew = n sqrt(n-1)/(n-2) m3/m2^1.5;
// kurtosis (excess) = (n-1)/((n-2)(n-3)) ((n+1) n m4/m2^2 - 3(n-1)): Joanes and Gill (1998), G1 and G2.
NumberSummary Summarise(const ColumnPart& column);
// Two neighbouring parts of one column.
void MergeParts(ColumnPart* into, const ColumnPart& more, uint32_t top);

}  // namespace millrace::ml
