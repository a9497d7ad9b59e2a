// Linear and logistic regression on small data whose answers are known, and the parts they are made of.
#include <gtest/gtest.h>

#include <cmath>

#include "common/pipeline/testing/in_memory_link.h"
#include "jobs/ml/linear_regression.h"
#include "jobs/ml/logistic_regression.h"

namespace millrace::ml {
namespace {

// Columns x0, x1, ... and y, the last.
class RegressionTest : public ::testing::Test {
 protected:
  RegressionTest() : job_(link_) { job_.mutable_settings().output = "/out"; }
  Samples Make(const std::vector<std::vector<double>>& rows, uint32_t tasks = 1) {
    Schema schema;
    std::vector<std::string> names;
    for (size_t i = 0; i + 1 < rows[0].size(); ++i) names.push_back(StrCat("x", i));
    for (const std::string& name : names) schema.Add(name, ValueType::kDouble);
    schema.Add("y", ValueType::kDouble);
    std::vector<Row> records;
    for (const auto& values : rows) {
      Row row;
      for (const double value : values) row.Add(Value::Double(value));
      records.push_back(std::move(row));
    }
    return MakeSamples(job_, Table{schema, job_.Values<Row>(records, tasks)}, "", names, "y", "");
  }
  template <typename F>
  std::string FailureOf(const F& f) {
    try {
      f();
    } catch (const JobAborted& aborted) {
      return aborted.what();
    }
    return "no failure";
  }
  LogisticModel Logistic(const Samples& samples, const LogisticOptions& options) {
    const size_t d = samples.names.size();
    return FitLogistic(job_, samples, std::vector<double>(d), std::vector<double>(d, 1.0), options);
  }
  testing::InMemoryLink link_;
  Job job_;
};

TEST(GrowingR, SameTriangleHoweverTheRowsArrive) {
  // R^T R is the Gram matrix of all rows, in one piece, row by row, and from two triangles.
  const uint32_t d = 4;
  std::vector<double> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(std::sin(i * i + 1.0) * (1 + i % 5));
  std::vector<double> gram(d * d);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < d; ++j) gram[i % d * d + j] += rows[i] * rows[i / d * d + j];
  const auto check = [&](GrowingR r, const char* what) {
    if (!r.rows.empty()) r.TakeIn();
    for (size_t i = 0; i < d; ++i)
      for (size_t j = 0; j < d; ++j) {
        double product = 0;
        for (size_t k = 0; k < d; ++k) product += r.r[k * d + i] * r.r[k * d + j];
        EXPECT_NEAR(product, gram[i * d + j], 1e-12) << what;
        if (j < i) {
          EXPECT_EQ(r.r[i * d + j], 0) << what;
        }
      }
  };
  check({d, {}, rows}, "one piece");
  GrowingR one_by_one{d, {}, {rows.begin(), rows.begin() + d}};
  for (size_t i = d; i < rows.size(); i += d)
    one_by_one.Append({d, {}, {rows.begin() + i, rows.begin() + i + d}});
  check(one_by_one, "row by row");
  GrowingR first{d, {}, {rows.begin(), rows.begin() + 3 * d}},
      second{d, {}, {rows.begin() + 3 * d, rows.end()}};
  first.TakeIn();
  second.TakeIn();
  first.Append(second);
  check(first, "two triangles");
}

TEST_F(RegressionTest, FindsTheLineThatIsThere) {
  // Far from the origin and of very different sizes: normal equations would lose all digits.
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 500; ++i) {
    const double a = 1e8 + i % 23, b = 1e-6 * (i % 7), c = 1e8 + i % 23 + 1e-3 * (i % 11);
    rows.push_back({a, b, c, 3 + 2 * (a - 1e8) - 5e6 * b + 0.5 * (c - 1e8)});
  }
  for (const uint32_t tasks : {1u, 4u}) {
    const Samples samples = Make(rows, tasks);
    const LinearModel model = FitLinear(job_, samples);
    EXPECT_NEAR(model.coefficients[0], 2, 1e-6);
    EXPECT_NEAR(model.coefficients[1], -5e6, 1e-3);
    EXPECT_NEAR(model.coefficients[2], 0.5, 1e-6);
    EXPECT_NEAR(EvaluateLinear(samples, model, false).squares.Total(), 0, 1e-9);
  }
}

TEST_F(RegressionTest, StandardErrorsAreThoseOfTheTextbook) {
  // x = 1..5, y = 2, 4, 5, 4, 5: b = 0.6, a = 2.2, s = sqrt(2.4 / 3), se(b) = s / sqrt(10),
  // se(a) = s sqrt(1.1).
  const Samples samples = Make({{1, 2}, {2, 4}, {3, 5}, {4, 4}, {5, 5}});
  const LinearModel model = FitLinear(job_, samples);
  EXPECT_NEAR(model.coefficients[0], 0.6, 1e-14);
  EXPECT_NEAR(model.intercept, 2.2, 1e-14);
  EXPECT_NEAR(model.residual_std, std::sqrt(0.8), 1e-14);
  EXPECT_NEAR(model.errors[0], std::sqrt(0.08), 1e-14);
  EXPECT_NEAR(model.intercept_error, std::sqrt(0.88), 1e-14);
  EXPECT_TRUE(std::isnan(FitLinear(job_, Make({{1, 2}, {2, 4}})).errors[0])) << "an exact fit has no error";
}

TEST_F(RegressionTest, ShownPredictionsAreTheSameWhateverTheTasks) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 1000; ++i) rows.push_back({i * 1.0, i * 3.0});
  LinearModel model;
  model.intercept = 1;
  model.coefficients = {2};
  for (const uint32_t tasks : {1u, 7u}) {
    const Samples samples = Make(rows, tasks);
    const auto all = SamplePredictions(samples, model, 1000);
    ASSERT_EQ(all.size(), 1000u);
    for (uint64_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(all[i].row, i);
      EXPECT_EQ(all[i].target, static_cast<double>(3 * i));
      EXPECT_EQ(all[i].prediction, static_cast<double>(1 + 2 * i));
    }
    std::vector<uint64_t> want, got;  // one row of ten, by the hash of its number
    for (uint64_t i = 0; i < 1000; ++i)
      if (MixBits(i) % 10 == 0) want.push_back(i);
    for (const ShownPrediction& one : SamplePredictions(samples, model, 100)) {
      got.push_back(one.row);
      EXPECT_EQ(one.target, static_cast<double>(3 * one.row));
      EXPECT_EQ(one.prediction, static_cast<double>(1 + 2 * one.row));
    }
    EXPECT_EQ(got, want);
    EXPECT_GT(got.size(), 50u);
    EXPECT_LT(got.size(), 200u);
  }
}

TEST_F(RegressionTest, ResidualsAreCountedInBinsWithOpenEnds) {
  // The prediction is 10: residuals -9, -2, -1.5, -1, 0, 0.5, 1.999, 2, 90.
  std::vector<std::vector<double>> rows;
  for (const double residual : {-9.0, -2.0, -1.5, -1.0, 0.0, 0.5, 1.999, 2.0, 90.0})
    rows.push_back({7, 10 + residual});
  LinearModel model;
  model.intercept = 10;
  model.coefficients = {0};
  for (const uint32_t tasks : {1u, 4u}) {
    const Samples samples = Make(rows, tasks);
    EXPECT_EQ(CountResiduals(samples, model, -2, 2, 4), (std::vector<uint64_t>{3, 1, 2, 3}));
    EXPECT_EQ(CountResiduals(samples, model, -9, 91, 2), (std::vector<uint64_t>{8, 1}));
    EXPECT_EQ(CountResiduals(samples, model, 5, 6, 1), (std::vector<uint64_t>{9}));
  }
}

TEST_F(RegressionTest, RefusesFeaturesThatSayNothingNew) {
  EXPECT_NE(FailureOf([&] {
              FitLinear(job_, Make({{1, 7, 1}, {2, 7, 2}, {4, 7, 3}}));
            }).find("column 'x1' is constant (7 in all train rows)"),
            std::string::npos);
  const auto rows = [](double own) {
    std::vector<std::vector<double>> all;
    for (int i = 0; i < 50; ++i)
      all.push_back({i * 1.0, i % 3 * 1.0, 2.0 * i - i % 3 + own * (i % 5), i % 4 * 1.0});
    return all;
  };
  EXPECT_NE(FailureOf([&] { FitLinear(job_, Make(rows(0))); }).find("depend on each other"),
            std::string::npos);
  EXPECT_EQ(FailureOf([&] { FitLinear(job_, Make(rows(1e-6))); }), "no failure");
  EXPECT_NE(FailureOf([&] {
              FitLinear(job_, Make({{1, 2, 3}, {2, 3, 5}}));
            }).find("2 coefficients and an intercept want 3 train rows at least; there are 2"),
            std::string::npos);
}

TEST_F(RegressionTest, LogisticMinimiserHasNoGradient) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 60; ++i)
    rows.push_back({std::sin(i), i % 7 - 3.0, (i * 37 % 10 < 4 + i % 7 / 2) ? 1.0 : 0.0});
  for (const double c : {1e-3, 1.0, 1e6}) {
    for (const bool penalised : {false, true}) {
      const Samples samples = Make(rows, 3);
      const LogisticModel model = Logistic(samples, {c, penalised});
      // By the definition, written once more.
      double w[2] = {model.coefficients[0], model.coefficients[1]}, b = penalised ? model.intercept : 0;
      double scale = 0;
      for (const auto& row : rows) {
        const double t = row[2] > 0 ? 1 : -1;
        const double miss = 1 / (1 + std::exp(t * (model.coefficients[0] * row[0] +
                                                   model.coefficients[1] * row[1] + model.intercept)));
        w[0] -= c * t * miss * row[0];
        w[1] -= c * t * miss * row[1];
        b -= c * t * miss;
        scale += c * miss;
      }
      for (const double g : {w[0], w[1], b}) EXPECT_LE(std::abs(g), 1e-9 * scale) << "c " << c;
      EXPECT_LE(model.iterations, 20u);
    }
  }
}

TEST_F(RegressionTest, SeparableClassesHaveAMinimumToo) {
  const Samples samples = Make({{-2, 0}, {-1, 0}, {1, 1}, {3, 1}});
  double before = 0;
  for (const double c : {1.0, 1e3, 1e6, 1e9}) {
    const LogisticModel model = Logistic(samples, {c});
    EXPECT_TRUE(std::isfinite(model.coefficients[0]));
    EXPECT_GT(model.coefficients[0], before) << "the penalty alone holds it back";
    before = model.coefficients[0];
  }
}

TEST_F(RegressionTest, StepsThatOvershootAreHalved) {
  // Far out on the wrong side the curvature is nearly nothing, and a full step goes much too far.
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 60; ++i) rows.push_back({std::sin(i), i % 7 - 3.0, i % 3 == 0 ? 1.0 : 0.0});
  const Samples samples = Make(rows);
  const LogisticModel near = Logistic(samples, {1.0});
  const LogisticModel far = Logistic(samples, {1.0, false, 100, {40, -60, 20}});
  EXPECT_EQ(near.halvings, 0u);
  EXPECT_GT(far.halvings, 0u);
  EXPECT_NEAR(far.coefficients[0], near.coefficients[0], 1e-9);
  EXPECT_NEAR(far.coefficients[1], near.coefficients[1], 1e-9);
  EXPECT_NEAR(far.intercept, near.intercept, 1e-9);
}

TEST_F(RegressionTest, RefusesWhatCannotBeTold) {
  EXPECT_EQ(FailureOf([&] {
              Logistic(Make({{1, 1}, {2, 1}}), {});
            }),
            "the target 'y' is 1 in all 2 train rows; two classes are needed to tell them apart");
  EXPECT_EQ(FailureOf([&] {
              Logistic(Make({{1, 1}, {2, 0}, {2, 2.5}}), {});
            }),
            "the target 'y' is 2.5 in row 2 (counted from 0); a class is 0 or 1");
  EXPECT_NE(FailureOf([&] { Logistic(Make({{1, 1}, {2, 0}}), {-1.0}); }).find("--c=-1:"), std::string::npos);
  EXPECT_NE(FailureOf([&] {
              Logistic(Make({{1, 1}, {2, 0}}), {1.0, false, 1});
            }).find("has not converged after 1 iterations"),
            std::string::npos);
}

}  // namespace
}  // namespace millrace::ml
