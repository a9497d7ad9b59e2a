// Runs of numbers and texts, the walk over sorted values, associations: against what is computed plainly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "jobs/ml/associations.h"
#include "jobs/ml/number_runs.h"
#include "jobs/ml/profile_stages.h"
#include "jobs/ml/quantiles.h"
#include "jobs/ml/text_runs.h"

namespace millrace::ml {
namespace {

// A small generator: the tests need variety, not quality.
class Numbers {
 public:
  uint64_t Next() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }
  uint64_t Below(uint64_t n) { return (Next() >> 33) % n; }
  double Real() { return static_cast<double>(Next() >> 11) / 9007199254740992.0; }

 private:
  uint64_t state_ = 1;
};

TEST(NumberRuns, OrderedBitsKeepTheOrder) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> ascending = {-infinity, -1e300, -2,  -1,    -1e-300, 0,
                                         5e-324,    1,      1.5, 1e300, infinity};
  for (size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(FromOrderedBits(OrderedBits(ascending[i])), ascending[i]);
    EXPECT_EQ(BitsOfOrder(OrderOfBits(OrderedBits(ascending[i]))), OrderedBits(ascending[i]));
    if (i > 0) {
      EXPECT_LT(OrderedBits(ascending[i - 1]), OrderedBits(ascending[i]));
      EXPECT_LT(OrderOfBits(OrderedBits(ascending[i - 1])), OrderOfBits(OrderedBits(ascending[i])));
    }
  }
  EXPECT_EQ(OrderedBits(-0.0), OrderedBits(0.0));
}

TEST(NumberRuns, RadixSorts) {
  Numbers random;
  for (const size_t n : {0u, 1u, 500u, 513u, 5000u}) {
    std::vector<uint64_t> values, scratch;
    for (size_t i = 0; i < n; ++i)
      values.push_back(n == 5000 ? random.Next() : OrderedBits(static_cast<double>(random.Below(300))));
    std::vector<uint64_t> want = values;
    std::sort(want.begin(), want.end());
    SortBits(&values, &scratch);
    EXPECT_EQ(values, want) << n;
  }
}

struct Block {
  std::string order, bytes;
};

void SortBlocks(std::vector<Block>* blocks) {
  std::stable_sort(blocks->begin(), blocks->end(),
                   [](const Block& a, const Block& b) { return a.order < b.order; });
}

// Many runs, of numbers near to each other, of far ones, and of some that stand there many times.
TEST(NumberRuns, AMergeSeesEveryValueOnceInOrder) {
  Numbers random;
  std::map<double, uint64_t> want;
  std::vector<Block> blocks;
  for (int run = 0; run < 60; ++run) {
    std::vector<uint64_t> values, scratch;
    for (int i = 0; i < 9000; ++i) {
      const uint64_t kind = random.Below(3);
      const double value = kind == 0   ? static_cast<double>(random.Below(7))
                           : kind == 1 ? static_cast<double>(random.Below(40000)) - 20000
                                       : random.Real() * (run + 1);
      ++want[value];
      values.push_back(OrderedBits(value));
    }
    SortBits(&values, &scratch);
    CutNumberRun(values, [&](std::string_view order, std::string_view bytes) {
      EXPECT_LE(bytes.size(), 8 + 16 * (kBlockValues + NumberBlock::kManyTimes));
      blocks.push_back({std::string(order), std::string(bytes)});
    });
  }
  SortBlocks(&blocks);
  std::vector<std::pair<double, uint64_t>> got;
  const auto emit = [&](double value, uint64_t count) { got.emplace_back(value, count); };
  NumberMerge merge;
  for (const Block& block : blocks) ASSERT_TRUE(merge.Add(block.order, block.bytes, emit));
  EXPECT_GT(got.size(), 100u) << "it emits before the end";
  merge.Finish(emit);
  EXPECT_EQ(got, (std::vector<std::pair<double, uint64_t>>(want.begin(), want.end())));
  EXPECT_FALSE(merge.Add(blocks[0].order, "damaged", emit));
}

TEST(TextRuns, AMergeSeesEveryTextOnceInOrder) {
  Numbers random;
  std::map<std::string, uint64_t> want;
  std::vector<Block> blocks;
  const auto keep = [&](std::string_view order, std::string_view bytes) {
    blocks.push_back({std::string(order), std::string(bytes)});
  };
  for (int run = 0; run < 30; ++run) {
    TextTable table;
    for (int i = 0; i < 9000; ++i) {
      const std::string text = random.Below(2) == 0
                                   ? "a common beginning " + std::to_string(random.Below(20))
                                   : std::to_string(random.Below(60000)) + std::string(1, '\0');
      ++want[text];
      const uint32_t number = table.Add(text);
      ASSERT_EQ(table.text(number), text);
    }
    TextBlocks writer;
    for (const uint32_t number : table.InOrder()) writer.Add(table.text(number), table.count(number), keep);
    writer.Flush(keep);
    table.Clear();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.Add("again"), 0u);
  }
  SortBlocks(&blocks);
  std::vector<std::pair<std::string, uint64_t>> got;
  const auto emit = [&](std::string_view text, uint64_t count) { got.emplace_back(text, count); };
  TextMerge merge;
  for (const Block& block : blocks) ASSERT_TRUE(merge.Add(block.order, block.bytes, emit));
  EXPECT_GT(got.size(), 1000u) << "it emits before the end";
  merge.Finish(emit);
  EXPECT_EQ(got, (std::vector<std::pair<std::string, uint64_t>>(want.begin(), want.end())));
}

// The figures of ten values, by hand.
TEST(Quantiles, OneWalkOrSeveralPartsGiveTheSameFigures) {
  const std::vector<double> values = {-3, 0, 0, 1, 2, 2, 2, 7, 9, 10};
  ColumnTotals totals;
  totals.rows = 12;
  for (const double value : values) totals.Add(value);
  for (const size_t cut : {size_t{0}, size_t{3}, size_t{7}, values.size()}) {
    ColumnPart parts[2];
    for (int p = 0; p < 2; ++p) {
      totals.before = p == 0 ? 0 : cut;
      SortedWalk walk(totals, 3, 4);
      const size_t end = p == 0 ? cut : values.size();
      for (size_t i = totals.before, next; i < end; i = next) {
        for (next = i + 1; next < end && values[next] == values[i];) ++next;
        walk.Add(values[i], next - i);
      }
      parts[p] = walk.Finish();
    }
    MergeParts(&parts[0], parts[1], 3);
    const ColumnPart& column = parts[0];
    const NumberSummary s = Summarise(column);
    EXPECT_EQ(column.distinct, 7u);
    EXPECT_EQ(column.zeros, 2u);
    EXPECT_EQ(s.sum, 30);
    EXPECT_EQ(s.mean, 3);
    EXPECT_DOUBLE_EQ(s.variance, 162.0 / 9);
    EXPECT_DOUBLE_EQ(s.quantiles[0], -3 + 0.45 * 3);
    EXPECT_DOUBLE_EQ(s.quantiles[1], 0.25);
    EXPECT_DOUBLE_EQ(s.quantiles[2], 2);
    EXPECT_DOUBLE_EQ(s.quantiles[3], 5.75);
    EXPECT_DOUBLE_EQ(s.quantiles[4], 9.55);
    ASSERT_EQ(column.top.size(), 3u);
    EXPECT_EQ(column.top[0].number, 2);
    EXPECT_EQ(column.top[1].number, 0);
    EXPECT_EQ(column.top[2].number, -3);
    EXPECT_EQ(column.bins, (std::vector<uint64_t>{3, 4, 0, 3}));
  }
}

TEST(Quantiles, SumsKeepWhatRoundingTakes) {
  ColumnTotals a, b;
  a.Add(1e16);
  for (int i = 0; i < 10; ++i) b.Add(1);
  b.Add(-1e16);
  a.Merge(b);
  EXPECT_EQ(a.sum + a.rest, 10);
  EXPECT_EQ(a.present, 12u);
  ColumnTotals constant;
  for (int i = 0; i < 3; ++i) constant.Add(0.1);
  EXPECT_EQ(constant.Mean(), 0.1);
}

TEST(Quantiles, FewValuesHaveFewFigures) {
  for (uint64_t n = 0; n <= 4; ++n) {
    ColumnTotals totals;
    for (uint64_t i = 0; i < n; ++i) totals.Add(static_cast<double>(i));
    SortedWalk walk(totals, 3, 4);
    for (uint64_t i = 0; i < n; ++i) walk.Add(static_cast<double>(i), 1);
    const NumberSummary s = Summarise(walk.Finish());
    EXPECT_EQ(std::isnan(s.mean), n < 1);
    EXPECT_EQ(std::isnan(s.quantiles[2]), n < 1);
    EXPECT_EQ(std::isnan(s.variance), n < 2);
    EXPECT_EQ(std::isnan(s.skew), n < 3);
    EXPECT_EQ(std::isnan(s.kurtosis), n < 4);
  }
}

double PlainPearson(const std::vector<double>& x, const std::vector<double>& y) {
  long double n = 0, mx = 0, my = 0, sxx = 0, syy = 0, sxy = 0;
  for (size_t r = 0; r < x.size(); ++r)
    if (!std::isnan(x[r]) && !std::isnan(y[r])) n += 1, mx += x[r], my += y[r];
  mx /= n, my /= n;
  for (size_t r = 0; r < x.size(); ++r)
    if (!std::isnan(x[r]) && !std::isnan(y[r]))
      sxx += (x[r] - mx) * (x[r] - mx), syy += (y[r] - my) * (y[r] - my), sxy += (x[r] - mx) * (y[r] - my);
  return static_cast<double>(sxy / std::sqrt(sxx * syy));
}

// Columns far from 0 and drifting, in chunks, with and without missing values.
TEST(Associations, CoMomentsOfChunksGivePearson) {
  for (const bool holes : {false, true}) {
    Numbers random;
    const size_t rows = 5000, columns = 3, chunk = 700;
    std::vector<std::vector<double>> x(columns, std::vector<double>(rows));
    for (size_t r = 0; r < rows; ++r) {
      const double common = random.Real();
      x[0][r] = 1e6 + static_cast<double>(r) + common;
      x[1][r] = 1e-3 * (common - random.Real()) + 5;
      x[2][r] = -2 * common;
      for (size_t c = 0; holes && c < columns; ++c)
        if (random.Below(4) == 0) x[c][r] = std::nan("");
    }
    CoMoments all;
    for (size_t first = 0; first < rows; first += chunk) {
      const size_t n = std::min(chunk, rows - first);
      CoMoments sums;
      CentredColumns block{static_cast<uint32_t>(n), columns, {}, {}};
      for (const std::vector<double>& column : x) {
        ColumnTotals totals;
        for (size_t r = first; r < first + n; ++r)
          if (!std::isnan(column[r])) totals.Add(column[r]);
        for (size_t r = first; r < first + n; ++r) {
          block.values.push_back(std::isnan(column[r]) ? 0.0 : column[r] - totals.Mean());
          block.masks.push_back(std::isnan(column[r]) ? 0.0 : 1.0);
        }
        sums.complete &= totals.present == n;
        sums.count_i.push_back(static_cast<double>(totals.present));
        sums.shift_i.push_back(totals.Mean());
      }
      sums.count_j = sums.count_i;
      sums.shift_j = sums.shift_i;
      EXPECT_EQ(sums.complete, !holes);
      sums.AddBlock(block, block);
      sums.Fill();
      if (first == 0) {
        all = sums;
      } else {
        all.Merge(sums);
      }
    }
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        EXPECT_NEAR(all.Pearson(i, j), PlainPearson(x[i], x[j]), 1e-12) << holes << i << j;
  }
}

TEST(Associations, ContingencyOfATableByHand) {
  Contingency table;  // rows a, b; columns x, y: 10 20 / 30 0
  table.Add("a", "x", 10);
  table.Add("a", "y", 20);
  table.Add("b", "x", 30);
  const Contingency::Result result = table.Finish();
  EXPECT_NEAR(result.cramers_v, std::sqrt(0.5), 1e-15);  // chi2 = 60 (10*0 - 20*30)^2 / (30 30 40 20) = 30
  const auto h = [](std::initializer_list<double> p) {
    double sum = 0;
    for (const double x : p) sum -= x * std::log(x);
    return sum;
  };
  const double rows = h({0.5, 0.5}), columns = h({2.0 / 3, 1.0 / 3}), cells = h({1.0 / 6, 1.0 / 3, 0.5});
  EXPECT_NEAR(result.row_given_column, (rows + columns - cells) / rows, 1e-15);
  EXPECT_NEAR(result.column_given_row, (rows + columns - cells) / columns, 1e-15);
}

TEST(Associations, IndependentAndConstantColumns) {
  Contingency independent, constant, none;
  for (const char* row : {"a", "b", "c"})
    for (const char* column : {"x", "y"}) independent.Add(row, column, 7);
  EXPECT_NEAR(independent.Finish().cramers_v, 0, 1e-9);
  constant.Add("a", "x", 3);
  constant.Add("a", "y", 3);
  const Contingency::Result result = constant.Finish();
  EXPECT_TRUE(std::isnan(result.cramers_v));
  EXPECT_EQ(result.row_given_column, 1);
  EXPECT_EQ(result.column_given_row, 0);
  EXPECT_TRUE(std::isnan(none.Finish().row_given_column));
}

TEST(Associations, CorrelationRatioOfGroups) {
  std::map<std::string, GroupMoments, std::less<>> groups;
  EXPECT_TRUE(std::isnan(CorrelationRatio(groups))) << "of no rows";
  groups["a"] = {2, 1, 0};
  groups["b"] = {2, 3, 4};
  EXPECT_DOUBLE_EQ(CorrelationRatio(groups), std::sqrt(4.0 / 8.0));
  GroupMoments merged{2, 1, 0};
  merged.Merge({2, 3, 4});
  EXPECT_EQ(merged.count, 4u);
  EXPECT_EQ(merged.mean, 2);
  EXPECT_EQ(merged.m2, 8);
}

// Five columns; the first ones that are equal to them.
TEST(Equal, ColumnsAreEqualThatAreSoInEveryPart) {
  std::vector<uint32_t> all;
  MergeEqual(&all, {0, 0, 0, 3, 3});
  EXPECT_EQ(all, (std::vector<uint32_t>{0, 0, 0, 3, 3}));
  MergeEqual(&all, {0, 1, 1, 1, 0});  // 1, 2, 3 and 0, 4
  EXPECT_EQ(all, (std::vector<uint32_t>{0, 1, 1, 3, 4}));
  MergeEqual(&all, {0, 0, 0, 0, 0});
  EXPECT_EQ(all, (std::vector<uint32_t>{0, 1, 1, 3, 4}));
}

}  // namespace
}  // namespace millrace::ml
