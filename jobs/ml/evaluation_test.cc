// Metrics against their definitions, written once more without any cleverness.
#include "jobs/ml/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "common/pipeline/testing/in_memory_link.h"

namespace millrace::ml {
namespace {

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() : job_(link_) { job_.mutable_settings().output = "/out"; }
  // Scores from a few values only, so that many are equal.
  std::vector<Scored> Rows(size_t n, uint64_t seed, int values) {
    Random random(seed);
    std::vector<Scored> rows;
    for (size_t i = 0; i < n; ++i) {
      const double score = static_cast<double>(random.Between(-values, values)) / 4;
      rows.push_back({i, StrCat("id", i), random.Chance(0.3 + 0.1 * std::tanh(score)), score,
                      1 / (1 + std::exp(-score))});
    }
    return rows;
  }
  testing::InMemoryLink link_;
  Job job_;
};

TEST_F(EvaluationTest, RocAndAucByAllPairs) {
  for (const uint32_t partitions : {1u, 3u}) {
    job_.mutable_settings().partitions = partitions;
    for (const int values : {0, 2, 40}) {
      const std::vector<Scored> rows = Rows(300, 5 + values, values);
      const Roc roc = MakeRoc(job_.Values<Scored>(rows, 4).Cache());
      double won = 0, pairs = 0;
      std::set<double, std::greater<>> scores;
      for (const Scored& a : rows) {
        scores.insert(a.score);
        for (const Scored& b : rows)
          if (a.positive && !b.positive) won += a.score > b.score ? 1 : a.score == b.score ? 0.5 : 0, ++pairs;
      }
      ASSERT_TRUE(roc.auc.has_value());
      EXPECT_DOUBLE_EQ(*roc.auc, won / pairs);
      EXPECT_EQ(roc.distinct_scores, scores.size());
      EXPECT_EQ(roc.smallest_gap, values == 0 ? std::numeric_limits<double>::infinity() : 0.25);
      const std::vector<RocPoint> points = roc.points.Collect();
      ASSERT_EQ(points.size(), scores.size() + 1);
      EXPECT_EQ(points[0].threshold, std::numeric_limits<double>::infinity());
      EXPECT_EQ(points[0].tp + points[0].fp, 0u);
      size_t i = 1;
      for (const double score : scores) {
        uint64_t tp = 0, fp = 0, p = 0;
        for (const Scored& row : rows) {
          p += row.positive;
          if (row.score >= score) (row.positive ? tp : fp) += 1;
        }
        EXPECT_EQ(points[i].threshold, score);
        EXPECT_EQ(points[i].tp, tp);
        EXPECT_EQ(points[i].fp, fp);
        EXPECT_EQ(points[i].tpr, static_cast<double>(tp) / static_cast<double>(p));
        EXPECT_EQ(points[i].fpr, static_cast<double>(fp) / static_cast<double>(rows.size() - p));
        ++i;
      }
    }
  }
}

TEST_F(EvaluationTest, OneClassHasNoAuc) {
  const Roc roc = MakeRoc(job_.Values<Scored>({{0, "", true, 1, 0.7}, {1, "", true, 2, 0.9}}));
  EXPECT_FALSE(roc.auc.has_value());
  const std::vector<RocPoint> points = roc.points.Collect();
  EXPECT_FALSE(points.back().fpr.has_value());
  EXPECT_EQ(points.back().tpr, 1.0);
}

TEST_F(EvaluationTest, ASampleOfTheCurveHasEverySoManyPointsAndBothEnds) {
  std::vector<Scored> rows;  // scores 10, 9, ..., 1: a curve of 11 points
  for (uint64_t i = 0; i < 10; ++i) rows.push_back({i, "", i % 2 == 0, 10.0 - static_cast<double>(i), 0});
  const Roc roc = MakeRoc(job_.Values<Scored>(rows, 3).Cache());
  const auto thresholds = [&roc](uint64_t most) {
    std::vector<double> out;
    for (const RocPoint& point : RocSample(roc, most)) out.push_back(point.threshold);
    return out;
  };
  const double start = std::numeric_limits<double>::infinity();
  EXPECT_EQ(thresholds(100), (std::vector<double>{start, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(thresholds(11), thresholds(100));
  EXPECT_EQ(thresholds(10), (std::vector<double>{start, 9, 7, 5, 3, 1}));
  EXPECT_EQ(thresholds(4), (std::vector<double>{start, 8, 5, 2, 1}));  // every third, and the last
  EXPECT_EQ(thresholds(1), (std::vector<double>{start, 1}));
  const std::vector<RocPoint> points = RocSample(roc, 4);
  EXPECT_EQ(points[1].tp, 2u);  // of scores 10, 9, 8
  EXPECT_EQ(points[1].fp, 1u);
  EXPECT_EQ(points[1].tpr, 0.4);
  EXPECT_EQ(points.back().tpr, 1.0);
  EXPECT_EQ(points.back().fpr, 1.0);
  EXPECT_TRUE(RocSample(MakeRoc(job_.Values<Scored>({{0, "", true, 1, 0.7}})), 4).empty()) << "one class";
}

TEST_F(EvaluationTest, BandsBeginAtTheirLowerEnd) {
  const auto bands = [this](const std::vector<Scored>& rows, uint32_t n) {
    return CountBands(job_.Values<Scored>(rows, 3), n);
  };
  const ScoreBands four = bands({{0, "", true, 0, 0},
                                 {1, "", false, 0, 0.24999},
                                 {2, "", true, 0, 0.25},
                                 {3, "", true, 0, 0.5},
                                 {4, "", false, 0, 0.74},
                                 {5, "", false, 0, 0.999},
                                 {6, "", true, 0, 1}},
                                4);
  EXPECT_EQ(four.positives, (std::vector<uint64_t>{1, 1, 1, 1}));
  EXPECT_EQ(four.negatives, (std::vector<uint64_t>{1, 0, 1, 1}));
  for (const uint32_t n : {1u, 3u, 20u, 49u, 100u}) {  // i / n is where band i begins, rounded as it may be
    std::vector<Scored> rows;
    for (uint32_t i = 0; i < n; ++i) {
      const double edge = static_cast<double>(i) / n;
      rows.push_back({i, "", true, 0, edge});
      rows.push_back({i, "", false, 0, std::nextafter(edge, 0.0)});
    }
    const ScoreBands found = bands(rows, n);
    EXPECT_EQ(found.positives, std::vector<uint64_t>(n, 1)) << n;
    std::vector<uint64_t> below(n, 1);  // each in the band before, the first one stays at 0
    below[0] = n == 1 ? 1 : 2;
    below[n - 1] = n == 1 ? 1 : 0;
    EXPECT_EQ(found.negatives, below) << n;
  }
  const ScoreBands none = bands({}, 2);
  EXPECT_EQ(none.positives, (std::vector<uint64_t>{0, 0}));
}

TEST_F(EvaluationTest, ConfusionAndLogLoss) {
  const std::vector<Scored> rows = Rows(500, 3, 20);
  const Confusion confusion = MakeConfusion(job_.Values<Scored>(rows, 3), 0.6);
  uint64_t tp = 0, fp = 0, fn = 0, tn = 0;
  double loss = 0, nearest = 1;
  for (const Scored& row : rows) {
    const bool taken = row.probability > 0.6;
    (row.positive ? (taken ? tp : fn) : (taken ? fp : tn)) += 1;
    loss -= std::log(row.positive ? row.probability : 1 - row.probability);
    nearest = std::min(nearest, std::abs(row.probability - 0.6));
  }
  EXPECT_EQ(confusion.tp, tp);
  EXPECT_EQ(confusion.fp, fp);
  EXPECT_EQ(confusion.fn, fn);
  EXPECT_EQ(confusion.tn, tn);
  EXPECT_EQ(confusion.nearest, nearest);
  EXPECT_NEAR(confusion.LogLoss(), loss / 500, 1e-13);
  const auto json = confusion.Json();
  EXPECT_DOUBLE_EQ(json["precision"], static_cast<double>(tp) / static_cast<double>(tp + fp));
  EXPECT_DOUBLE_EQ(json["f1"], 2 * json["precision"].get<double>() * json["recall"].get<double>() /
                                   (json["precision"].get<double>() + json["recall"].get<double>()));
  // Far out the loss is the score itself: nothing is rounded to ln(0).
  const Confusion far =
      MakeConfusion(job_.Values<Scored>({{0, "", true, -800, 0}, {1, "", false, -800, 0}}), 0.5);
  EXPECT_EQ(far.LogLoss(), 400);
  EXPECT_TRUE(far.Json()["precision"].is_null()) << "nothing was taken for positive";
}

TEST_F(EvaluationTest, RegressionTalliesOfPartsAreThatOfTheWhole) {
  std::vector<double> y, f;
  for (int i = 0; i < 1000; ++i) {
    y.push_back(1e9 + std::sin(i));
    f.push_back(1e9 + std::sin(i) * 0.75 + 0.01);
  }
  RegressionTally whole, parts;
  whole.Add(y.data(), f.data(), y.size());
  for (size_t at = 0; at < y.size(); at += 100) {
    RegressionTally part;
    part.Add(y.data() + at, f.data() + at, 100);
    parts.Merge(part);
  }
  long double mean = 0, spread = 0, squares = 0;
  for (const double v : y) mean += v;
  mean /= 1000;
  for (size_t i = 0; i < y.size(); ++i) {
    spread += (y[i] - mean) * (y[i] - mean);
    squares += (static_cast<long double>(y[i]) - f[i]) * (static_cast<long double>(y[i]) - f[i]);
  }
  for (const RegressionTally& tally : {whole, parts}) {
    EXPECT_EQ(tally.rows, 1000u);
    EXPECT_NEAR(tally.spread, static_cast<double>(spread), 1e-6) << "about the mean, not about 0";
    const auto json = RegressionMetrics(tally);
    EXPECT_NEAR(json["MSE"], static_cast<double>(squares / 1000), 1e-13);
    EXPECT_NEAR(json["R2"], static_cast<double>(1 - squares / spread), 1e-8);
  }
  RegressionTally flat;
  const double same[] = {2, 2};
  flat.Add(same, same, 2);
  EXPECT_TRUE(RegressionMetrics(flat)["R2"].is_null());
}

TEST_F(EvaluationTest, LikeliestByProbabilityThenId) {
  std::vector<Scored> rows;
  for (uint64_t i = 0; i < 10'000; ++i)
    rows.push_back({i, StrCat("c", 9'999 - i), false, 0, i % 100 / 100.0});
  const auto best = Likeliest(job_.Values<Scored>(rows, 3), 101);
  ASSERT_EQ(best.size(), 101u);
  EXPECT_EQ(best[0].id, "c0");
  EXPECT_EQ(best[1].id, "c100");
  EXPECT_EQ(best[2].id, "c1000");
  EXPECT_EQ(best[99].id, "c9900");
  EXPECT_EQ(best[100].probability, 0.98);
}

}  // namespace
}  // namespace millrace::ml
