// Windows over a series that streams past, value by value in its order: averages, scores against the recent
// past, highs, lows and drawdowns. Memory is that of the longest window, whatever the length of the series.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// The last values, at most `capacity` (at least 1) of them.
template <typename T>
class Window {
 public:
  explicit Window(uint32_t capacity) : values_(capacity) {}
  void Push(T value) {
    values_[next_ % values_.size()] = value;
    ++next_;
  }
  uint64_t seen() const { return next_; }
  uint32_t size() const { return static_cast<uint32_t>(std::min<uint64_t>(next_, values_.size())); }
  bool full() const { return next_ >= values_.size(); }
  // The value that was pushed `back` pushes before the last one, back < size().
  T Back(uint32_t back) const { return values_[(next_ - 1 - back) % values_.size()]; }
  // fn(value) for those kept, oldest first.
  template <typename Fn>
  void ForEach(const Fn& fn) const {
    const size_t oldest = full() ? next_ % values_.size() : 0;
    for (size_t i = oldest; i < size(); ++i) fn(values_[i]);
    for (size_t i = 0; i < oldest; ++i) fn(values_[i]);
  }

 private:
  std::vector<T> values_;
  uint64_t next_ = 0;
};

// Averages of the last n values for several n at once, from exact sums of whole units (exact.h).
class MovingAverages {
 public:
  // Each n at least 1.
  explicit MovingAverages(const std::vector<uint32_t>& windows);
  void Next(int64_t units);
  // Sum of the last n values / (n units_per_one), per window; NaN before the n-th value.
  std::vector<double> Means(double units_per_one) const;

 private:
  std::vector<uint32_t> windows_;
  std::vector<int64_t> sums_;
  Window<int64_t> last_;
};

// How far a value lies from those before it, in their standard deviations (n - 1).
struct Score {
  double mean = 0, std = 0, z = 0;
};
class RollingScore {
 public:
  explicit RollingScore(uint32_t window) : last_(window) {}
  // Scores `value` against the `window` values before it, then takes it in. Nothing while there are fewer, or
  // where they are all equal. Two sums over the window per value, oldest first.
  std::optional<Score> Next(double value);

 private:
  Window<double> last_;
};

// A stretch of a price series: ends, extremes, greatest fall from a high, spread of the returns.
//   drawdown_t = p_t / max_(s <= t) p_s - 1; the least (of equal ones the first) and the day of its high
//   volatility = standard deviation (n - 1) of p_t / p_(t-1) - 1 inside the stretch, by Welford's updates
// Of equal highs and lows the first counts.
class PriceStretch {
 public:
  void Next(Date day, double price);
  uint64_t rows = 0;
  Date first_day, last_day, lowest_day, highest_day, trough_day, peak_day;
  double first = 0, last = 0, lowest = 0, highest = 0, max_drawdown = 0;
  double Return() const { return last / first - 1; }
  std::optional<double> Volatility() const;  // of at least two returns

 private:
  uint64_t returns_ = 0;
  double mean_ = 0, squares_ = 0;
};

}  // namespace millrace::ml
