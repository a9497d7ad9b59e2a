#include "jobs/ml/quantiles.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::ml {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// a + b and what rounding takes from it (Knuth).
void AddExactly(double value, double* sum, double* rest) {
  const double total = *sum + value, part = total - *sum;
  *rest += (*sum - (total - part)) + (value - part);
  *sum = total;
}

bool Better(const ValueCount& a, const ValueCount& b) {
  if (a.count != b.count) return a.count > b.count;
  return a.number != b.number ? a.number < b.number : a.text < b.text;
}

double ValueOfRank(const ColumnPart& column, uint64_t rank) {
  for (const RankedValue& ranked : column.ranked)
    if (ranked.rank == rank) return ranked.value;
  return kNaN;
}

}  // namespace

void ColumnTotals::Add(double value) {
  least = present == 0 ? value : std::min(least, value);
  greatest = present == 0 ? value : std::max(greatest, value);
  ++present;
  AddExactly(value, &sum, &rest);
}

void ColumnTotals::Merge(const ColumnTotals& more) {
  if (more.present > 0) {
    least = present == 0 ? more.least : std::min(least, more.least);
    greatest = present == 0 ? more.greatest : std::max(greatest, more.greatest);
  }
  rows += more.rows;
  present += more.present;
  before += more.before;
  AddExactly(more.sum, &sum, &rest);
  rest += more.rest;
}

double ColumnTotals::Mean() const {
  if (present == 0) return 0;
  if (least == greatest) return least;
  return (sum + rest) / static_cast<double>(present);
}

QuantilePlace PlaceOfQuantile(double p, uint64_t n) {
  const double h = p * static_cast<double>(n - 1);
  const uint64_t low = static_cast<uint64_t>(h);
  return {low, std::min(low + 1, n - 1), h - std::floor(h)};
}

std::vector<uint64_t> RanksOfQuantiles(uint64_t n) {
  std::vector<uint64_t> ranks;
  for (const double p : kQuantiles) {
    if (n == 0) break;
    const QuantilePlace place = PlaceOfQuantile(p, n);
    for (const uint64_t rank : {place.low, place.high})
      if (ranks.empty() || ranks.back() < rank) ranks.push_back(rank);
  }
  return ranks;
}

void TopValues::Add(ValueCount value) {
  const auto at =
      std::upper_bound(top_.begin(), top_.end(), value,
                       [](const ValueCount& a, const ValueCount& b) { return a.count > b.count; });
  top_.insert(at, std::move(value));
  if (top_.size() > limit_) top_.pop_back();
}

std::vector<ValueCount> MergeTop(std::vector<ValueCount> all, uint32_t limit) {
  std::sort(all.begin(), all.end(), Better);
  if (all.size() > limit) all.resize(limit);
  return all;
}

SortedWalk::SortedWalk(const ColumnTotals& totals, uint32_t top, uint32_t bins)
    : top_(top), ranks_(RanksOfQuantiles(totals.present)), seen_(totals.before), mean_(totals.Mean()) {
  part_.totals = totals;
  const double range = totals.greatest - totals.least;
  if (totals.present > 0 && bins > 0 && std::isfinite(range)) {
    part_.bins.assign(bins, 0);
    per_unit_ = range > 0 ? static_cast<double>(bins) / range : 0;
  }
  while (next_rank_ < ranks_.size() && ranks_[next_rank_] < seen_) ++next_rank_;
}

void SortedWalk::Add(double value, uint64_t count) {
  ++part_.distinct;
  if (value == 0) part_.zeros = count;
  seen_ += count;
  while (next_rank_ < ranks_.size() && ranks_[next_rank_] < seen_)
    part_.ranked.push_back({ranks_[next_rank_++], value});
  if (top_.Wants(count)) top_.Add({value, {}, count});
  const double n = static_cast<double>(count), d = value - mean_, d2 = d * d;
  part_.m2 += n * d2;
  part_.m3 += n * (d2 * d);
  part_.m4 += n * (d2 * d2);
  if (!part_.bins.empty()) {
    const size_t bin = static_cast<size_t>((value - part_.totals.least) * per_unit_);
    part_.bins[std::min(bin, part_.bins.size() - 1)] += count;
  }
}

ColumnPart SortedWalk::Finish() {
  part_.top = top_.values();
  return std::move(part_);
}

void MergeParts(ColumnPart* into, const ColumnPart& more, uint32_t top) {
  into->distinct += more.distinct;
  into->zeros += more.zeros;
  into->m2 += more.m2;
  into->m3 += more.m3;
  into->m4 += more.m4;
  into->ranked.insert(into->ranked.end(), more.ranked.begin(), more.ranked.end());
  into->top.insert(into->top.end(), more.top.begin(), more.top.end());
  into->top = MergeTop(std::move(into->top), top);
  for (size_t i = 0; i < std::min(into->bins.size(), more.bins.size()); ++i) into->bins[i] += more.bins[i];
}

NumberSummary Summarise(const ColumnPart& column) {
  const ColumnTotals& totals = column.totals;
  const double n = static_cast<double>(totals.present);
  NumberSummary s{kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, {}};
  s.quantiles.fill(kNaN);
  if (totals.present == 0) return s;
  s.sum = totals.sum + totals.rest;
  s.mean = totals.Mean();
  s.range = totals.greatest - totals.least;
  for (size_t q = 0; q < kQuantiles.size(); ++q) {
    const QuantilePlace place = PlaceOfQuantile(kQuantiles[q], totals.present);
    const double low = ValueOfRank(column, place.low), high = ValueOfRank(column, place.high);
    s.quantiles[q] = low == high ? low : low + place.weight * (high - low);  // also of two infinities
  }
  s.iqr = s.quantiles[3] - s.quantiles[1];
  if (totals.present > 1) s.variance = column.m2 / (n - 1);
  s.std = std::sqrt(s.variance);
  if (totals.present > 2 && column.m2 > 0)
    s.skew = n * std::sqrt(n - 1) / (n - 2) * (column.m3 / std::pow(column.m2, 1.5));
  if (totals.present > 3 && column.m2 > 0)
    s.kurtosis =
        (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * n * (column.m4 / (column.m2 * column.m2)) - 3 * (n - 1));
  return s;
}

}  // namespace millrace::ml
