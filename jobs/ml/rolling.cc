#include "jobs/ml/rolling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "jobs/ml/exact.h"

namespace millrace::ml {
namespace {

uint32_t Longest(const std::vector<uint32_t>& windows) {
  return windows.empty() ? 1 : *std::max_element(windows.begin(), windows.end());
}

}  // namespace

MovingAverages::MovingAverages(const std::vector<uint32_t>& windows)
    : windows_(windows), sums_(windows.size()), last_(Longest(windows)) {}

void MovingAverages::Next(int64_t units) {
  for (size_t i = 0; i < windows_.size(); ++i) {
    // Out with the oldest before it is overwritten.
    if (last_.seen() >= windows_[i]) sums_[i] -= last_.Back(windows_[i] - 1);
    sums_[i] = AddExact(sums_[i], units, "a moving average");
  }
  last_.Push(units);
}

std::vector<double> MovingAverages::Means(double units_per_one) const {
  std::vector<double> means;
  for (size_t i = 0; i < windows_.size(); ++i) {
    const bool full = last_.seen() >= windows_[i];
    means.push_back(full ? static_cast<double>(sums_[i]) / (windows_[i] * units_per_one)
                         : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

std::optional<Score> RollingScore::Next(double value) {
  std::optional<Score> score;
  if (last_.full()) {
    const uint32_t n = last_.size();
    const double newest = last_.Back(0);
    double sum = 0, squares = 0;
    // Equal values have no spread, even where rounding makes their mean another number.
    bool equal = true;
    last_.ForEach([&](double x) {
      sum += x;
      equal = equal && x == newest;
    });
    const double mean = sum / n;
    last_.ForEach([&](double x) { squares += (x - mean) * (x - mean); });
    const double std = std::sqrt(squares / (n - 1));
    if (!equal && std > 0) score = Score{mean, std, (value - mean) / std};
  }
  last_.Push(value);
  return score;
}

void PriceStretch::Next(Date day, double price) {
  if (rows == 0) {
    first_day = lowest_day = highest_day = trough_day = peak_day = day;
    first = lowest = highest = price;
  } else {
    const double x = price / last - 1;
    const double from_mean = x - mean_;
    mean_ += from_mean / static_cast<double>(++returns_);
    squares_ += from_mean * (x - mean_);
  }
  ++rows;
  last_day = day;
  last = price;
  if (price < lowest) lowest = price, lowest_day = day;
  if (price > highest) highest = price, highest_day = day;
  const double drawdown = price / highest - 1;
  if (drawdown < max_drawdown) max_drawdown = drawdown, trough_day = day, peak_day = highest_day;
}

std::optional<double> PriceStretch::Volatility() const {
  if (returns_ < 2) return std::nullopt;
  return std::sqrt(squares_ / static_cast<double>(returns_ - 1));
}

}  // namespace millrace::ml
