// Windows against their definitions, and exact amounts at their limits.
#include "jobs/ml/rolling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "jobs/ml/exact.h"

namespace millrace::ml {
namespace {

std::vector<double> Series(size_t n) {
  SplitMix64 random(7);
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) values.push_back(1 + static_cast<double>(random.Next() >> 44) * 1e-6);
  return values;
}

TEST(Window, KeepsTheLastValuesOldestFirst) {
  Window<int> window(3);
  const auto kept = [&] {
    std::vector<int> values;
    window.ForEach([&](int value) { values.push_back(value); });
    return values;
  };
  EXPECT_EQ(kept(), std::vector<int>{});
  window.Push(1);
  window.Push(2);
  EXPECT_FALSE(window.full());
  EXPECT_EQ(kept(), (std::vector<int>{1, 2}));
  for (int i = 3; i <= 7; ++i) window.Push(i);
  EXPECT_TRUE(window.full());
  EXPECT_EQ(kept(), (std::vector<int>{5, 6, 7}));
  EXPECT_EQ(window.Back(0), 7);
  EXPECT_EQ(window.Back(2), 5);
}

TEST(MovingAverages, AreExactSumsOfTheLastValues) {
  const std::vector<uint32_t> windows = {3, 1, 5};
  MovingAverages averages(windows);
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 30; ++i) {
    values.push_back(i * i % 17 + 1'000'000'007);
    averages.Next(values.back());
    const std::vector<double> means = averages.Means(10);
    for (size_t w = 0; w < windows.size(); ++w) {
      if (values.size() < windows[w]) {
        EXPECT_TRUE(std::isnan(means[w])) << i;
        continue;
      }
      int64_t sum = 0;
      for (size_t j = values.size() - windows[w]; j < values.size(); ++j) sum += values[j];
      EXPECT_EQ(means[w], static_cast<double>(sum) / (windows[w] * 10.0)) << i << " of " << windows[w];
    }
  }
}

TEST(RollingScore, ComparesWithTheValuesBefore) {
  const std::vector<double> values = Series(50);
  RollingScore scores(4);
  for (size_t t = 0; t < values.size(); ++t) {
    const auto score = scores.Next(values[t]);
    ASSERT_EQ(score.has_value(), t >= 4) << t;
    if (t < 4) continue;
    double sum = 0, squares = 0;
    for (size_t i = t - 4; i < t; ++i) sum += values[i];
    for (size_t i = t - 4; i < t; ++i) squares += (values[i] - sum / 4) * (values[i] - sum / 4);
    EXPECT_EQ(score->mean, sum / 4);
    EXPECT_EQ(score->std, std::sqrt(squares / 3));
    EXPECT_EQ(score->z, (values[t] - score->mean) / score->std);
  }
}

TEST(RollingScore, EqualValuesHaveNoSpread) {
  RollingScore scores(20);  // twenty times 0.1 is not 2.0
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(scores.Next(0.1).has_value());
  EXPECT_FALSE(scores.Next(9).has_value());
  EXPECT_TRUE(scores.Next(0.1).has_value());
}

TEST(PriceStretch, FindsExtremesAndTheGreatestFall) {
  PriceStretch stretch;
  const std::vector<double> prices = {4, 8, 2, 8, 1, 10, 5, 1};
  for (size_t i = 0; i < prices.size(); ++i) stretch.Next(Date{static_cast<int32_t>(i)}, prices[i]);
  EXPECT_EQ(stretch.rows, 8u);
  EXPECT_EQ(stretch.Return(), 1.0 / 4 - 1);
  EXPECT_EQ(stretch.lowest, 1);
  EXPECT_EQ(stretch.lowest_day.days, 4) << "the first of two";
  EXPECT_EQ(stretch.highest_day.days, 5);
  EXPECT_EQ(stretch.max_drawdown, 1.0 / 10 - 1);
  EXPECT_EQ(stretch.trough_day.days, 7);
  EXPECT_EQ(stretch.peak_day.days, 5);
  double mean = 0, squares = 0;
  for (size_t i = 1; i < prices.size(); ++i) mean += (prices[i] / prices[i - 1] - 1) / 7;
  for (size_t i = 1; i < prices.size(); ++i) squares += std::pow(prices[i] / prices[i - 1] - 1 - mean, 2);
  EXPECT_NEAR(*stretch.Volatility(), std::sqrt(squares / 6), 1e-12);
}

TEST(PriceStretch, OfEqualHighsTheFirstCounts) {
  PriceStretch stretch;
  for (int32_t i = 0; i < 3; ++i) stretch.Next(Date{i}, i < 2 ? 8 : 4);
  EXPECT_EQ(stretch.peak_day.days, 0);
  EXPECT_EQ(stretch.max_drawdown, -0.5);
  PriceStretch rising;
  rising.Next(Date{0}, 1);
  EXPECT_FALSE(rising.Volatility().has_value());
  rising.Next(Date{1}, 2);
  EXPECT_FALSE(rising.Volatility().has_value()) << "one return has no spread";
  EXPECT_EQ(rising.max_drawdown, 0);
}

TEST(ToUnits, IsExactUpToItsLimit) {
  EXPECT_EQ(ToUnits(0.1, 1000, "x"), 100);
  EXPECT_EQ(ToUnits(-1.005, 1000, "x"), -1005);
  EXPECT_EQ(ToUnits(0.0005, 1000, "x"), 0) << "ties to even";
  EXPECT_EQ(ToUnits(0.0015, 1000, "x"), 2);
  for (int64_t units = (int64_t{1} << 51) - 1000; units < (int64_t{1} << 51); ++units) {
    double value;
    ASSERT_TRUE(ParseDouble(StrCat(units / 1000000, ".", std::to_string(1000000 + units % 1000000).substr(1)),
                            &value));
    ASSERT_EQ(ToUnits(value, 1000000, "x"), units);
  }
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 2.3e9})
    EXPECT_THROW(ToUnits(bad, 1000000, "x"), BadInput) << bad;
}

TEST(AddExact, RefusesWhatDoesNotFit) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(AddExact(kMost - 1, 1, "x"), kMost);
  EXPECT_THROW(AddExact(kMost, 1, "x"), BadInput);
  EXPECT_EQ(MultiplyExact(-3, 5, "x"), -15);
  EXPECT_THROW(MultiplyExact(kMost, 2, "x"), BadInput);
}

TEST(CompensatedSum, KeepsWhatRoundingTakes) {
  CompensatedSum sum;
  for (const double x : {1.0, 1e100, 1.0, -1e100}) sum.Add(x);
  EXPECT_EQ(sum.Total(), 2);
  CompensatedSum other;
  for (const double x : {1e-3, 1e100, -1e100}) other.Add(x);
  sum.Add(other);
  EXPECT_EQ(sum.Total(), 2.001);
}

}  // namespace
}  // namespace millrace::ml
