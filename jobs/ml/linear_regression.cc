#include "jobs/ml/linear_regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "jobs/ml/scaler.h"

namespace millrace::ml {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// What a column has to have of its own, of its spread, to say something beside the others.
constexpr double kOwnPart = 1e-11;

struct AppendRows {
  void operator()(GrowingR& into, const GrowingR& more) const { into.Append(more); }
};

struct AddCounts {
  void operator()(std::vector<uint64_t>& into, const std::vector<uint64_t>& more) const {
    for (size_t i = 0; i < more.size(); ++i) into[i] += more[i];
  }
};

// Features and target side by side.
FeatureBlock WithTarget(const SampleBlock& block) {
  FeatureBlock out;
  out.rows = block.features.rows;
  out.columns = block.features.columns + 1;
  out.values.reserve(size_t{out.rows} * out.columns);
  for (uint32_t r = 0; r < out.rows; ++r) {
    const double* row = block.features.row(r);
    out.values.insert(out.values.end(), row, row + block.features.columns);
    out.values.push_back(block.targets[r]);
  }
  return out;
}

GrowingR ScaledRows(const std::vector<double>& shift, const std::vector<double>& factor,
                    const FeatureBlock& block) {
  GrowingR rows{block.columns, {}, block.values};
  for (size_t i = 0; i < rows.rows.size(); ++i)
    rows.rows[i] = (rows.rows[i] - shift[i % block.columns]) * factor[i % block.columns];
  return rows;
}

void CheckFeatures(Job& job, const Samples& samples, const ScaleParameters& scale) {
  const size_t d = samples.names.size();
  if (samples.train_rows < d + 1)
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat(d, " coefficients and an intercept want ", d + 1,
                                              " train rows at least; there are ", samples.train_rows));
  for (size_t i = 0; i < d; ++i)
    if (scale.std[i] == 0)
      job.Fail(
          pb::ErrorInfo::BAD_INPUT,
          StrCat("column '", samples.names[i], "' is constant (", scale.mean[i],
                 " in all train rows) and says nothing beside the intercept; leave it out of --features"));
}

// The columns that pivoting leaves for the end follow from the others.
void CheckRank(Job& job, const Samples& samples, const Eigen::MatrixXd& r) {
  Eigen::ColPivHouseholderQR<Eigen::MatrixXd> pivoted(r);
  pivoted.setThreshold(kOwnPart);
  if (pivoted.rank() == r.cols()) return;
  std::vector<std::string> names;
  for (Eigen::Index i = pivoted.rank(); i < r.cols(); ++i)
    names.push_back(
        StrCat("'", samples.names[static_cast<size_t>(pivoted.colsPermutation().indices()[i])], "'"));
  std::sort(names.begin(), names.end());
  job.Fail(pb::ErrorInfo::BAD_INPUT,
           StrCat("the features depend on each other, so that many coefficients fit equally well: ",
                  StrJoin(names, ", "), names.size() == 1 ? " follows" : " follow",
                  " from the other columns; leave out with --features what is redundant"));
}

}  // namespace

// Householder with one reflection per column k, over r's row k and all new rows: r's other rows are 0 there.
// Inner loops run along rows, so that each number is a sum in the order of the rows.
void GrowingR::TakeIn() {
  if (r.empty()) r.assign(size_t{columns} * columns, 0.0);
  const size_t n = rows.size() / columns;
  std::vector<double> w(columns);
  for (size_t k = 0; k < columns; ++k) {
    double* top = r.data() + k * columns;
    double below = 0;
    for (size_t i = 0; i < n; ++i) below += rows[i * columns + k] * rows[i * columns + k];
    if (below == 0) continue;
    const double length = std::sqrt(top[k] * top[k] + below);
    const double corner = top[k] > 0 ? -length : length;  // no cancellation in top[k] - corner
    const double v = top[k] - corner, beta = 2 / (v * v + below);
    for (size_t j = k; j < columns; ++j) w[j] = v * top[j];
    for (size_t i = 0; i < n; ++i) {
      const double* row = rows.data() + i * columns;
      for (size_t j = k; j < columns; ++j) w[j] += row[k] * row[j];
    }
    for (size_t j = k; j < columns; ++j) {
      w[j] *= beta;
      top[j] -= v * w[j];
    }
    top[k] = corner;
    for (size_t i = 0; i < n; ++i) {
      double* row = rows.data() + i * columns;
      const double x = row[k];
      for (size_t j = k + 1; j < columns; ++j) row[j] -= x * w[j];
    }
  }
  rows.clear();
}

void GrowingR::Append(const GrowingR& more) {
  if (!rows.empty()) TakeIn();
  for (const std::vector<double>* part : {&more.r, &more.rows}) {
    if (part->empty()) continue;
    rows = *part;
    TakeIn();
  }
}

double LinearModel::Predict(const double* row) const {
  double sum = intercept;
  for (size_t i = 0; i < coefficients.size(); ++i) sum += coefficients[i] * row[i];
  return sum;
}

LinearModel FitLinear(Job& job, const Samples& samples) {
  const Eigen::Index d = static_cast<Eigen::Index>(samples.names.size());
  const Dataset<FeatureBlock> train =
      samples.Train().Map([](const SampleBlock& block) { return WithTarget(block); }, "WithTarget");
  const ScaleParameters scale =
      FitScaler(train, samples.names.size() + 1, samples.train_rows, Scaling::kStandardPopulation);
  CheckFeatures(job, samples, scale);
  GrowingR all = train
                     .Map(
                         With(scale.Shift(), scale.Factor()),
                         [](const std::vector<double>& shift, const std::vector<double>& factor,
                            const FeatureBlock& block) { return ScaledRows(shift, factor, block); },
                         "ScaledRows")
                     .Aggregate(AppendRows{});
  if (!all.rows.empty()) all.TakeIn();
  const RowMajor whole = Eigen::Map<const RowMajor>(all.r.data(), d + 1, d + 1);
  const Eigen::MatrixXd r = whole.topLeftCorner(d, d).triangularView<Eigen::Upper>();
  CheckRank(job, samples, r);
  const Eigen::VectorXd right = whole.topRightCorner(d, 1);
  const Eigen::VectorXd solution = r.triangularView<Eigen::Upper>().solve(right);
  const Eigen::MatrixXd inverse = r.triangularView<Eigen::Upper>().solve(
      Eigen::MatrixXd::Identity(d, d));  // (Z^T Z)^-1 = inverse inverse^T

  LinearModel model;
  const double target_std = scale.std.back();
  const double n = static_cast<double>(samples.train_rows), freedom = n - static_cast<double>(d) - 1;
  model.residual_std = freedom > 0 ? std::abs(whole(d, d)) * target_std / std::sqrt(freedom) : std::nan("");
  model.intercept = scale.mean.back();
  Eigen::VectorXd mean_part(d);  // of the intercept's variance
  for (Eigen::Index i = 0; i < d; ++i) {
    const double factor = 1 / scale.std[static_cast<size_t>(i)], mean = scale.mean[static_cast<size_t>(i)];
    model.coefficients.push_back(solution[i] * target_std * factor);
    model.errors.push_back(model.residual_std * inverse.row(i).norm() * factor);
    model.intercept -= model.coefficients.back() * mean;
    mean_part[i] = mean * factor;
  }
  model.intercept_error =
      model.residual_std * std::sqrt(1 / n + (inverse.transpose() * mean_part).squaredNorm());
  return model;
}

RegressionTally EvaluateLinear(const Samples& samples, const LinearModel& model, bool test) {
  return (test ? samples.Evaluated() : samples.Train())
      .Map(
          With(model),
          [](const LinearModel& m, const SampleBlock& block) {
            std::vector<double> predictions(block.features.rows);
            for (uint32_t i = 0; i < block.features.rows; ++i)
              predictions[i] = m.Predict(block.features.row(i));
            RegressionTally tally;
            tally.Add(block.targets.data(), predictions.data(), predictions.size());
            return tally;
          },
          "Evaluate")
      .Aggregate(MergeTallies{});
}

Table PredictionsTable(const Samples& samples, const LinearModel& model) {
  Schema schema;
  schema.Add("row", ValueType::kInt64);
  if (!samples.id.empty()) schema.Add(samples.id, ValueType::kText);
  for (const char* name : {"target", "prediction", "residual"}) schema.Add(name, ValueType::kDouble);
  return {schema, samples.Evaluated().FlatMap<Row>(
                      With(model),
                      [](const LinearModel& m, const SampleBlock& block, Emitter<Row>& out) {
                        for (uint32_t i = 0; i < block.features.rows; ++i) {
                          Row row{Value::Int64(static_cast<int64_t>(block.numbers[i]))};
                          if (!block.features.ids.empty()) row.Add(Value::Text(block.features.ids[i]));
                          const double prediction = m.Predict(block.features.row(i));
                          for (const double x : {block.targets[i], prediction, block.targets[i] - prediction})
                            row.Add(Value::Double(x));
                          out(row);
                        }
                      },
                      "Predict")};
}

Table LinearCoefficientsTable(Job& job, const Samples& samples, const LinearModel& model) {
  Schema schema;
  schema.Add("feature", ValueType::kText);
  for (const char* name : {"coefficient", "standard_error", "t"}) schema.Add(name, ValueType::kDouble);
  std::vector<Row> rows;
  const auto add = [&rows](const std::string& name, double value, double error) {
    Row row;
    row.AddText(name);
    // An exact fit has no error, and no t.
    for (const double x : {value, error, error > 0 ? value / error : std::nan("")}) row.Add(Value::Double(x));
    rows.push_back(std::move(row));
  };
  for (size_t i = 0; i < samples.names.size(); ++i)
    add(samples.names[i], model.coefficients[i], model.errors[i]);
  add("(intercept)", model.intercept, model.intercept_error);
  return {schema, job.Values<Row>(rows)};
}

std::vector<double> FirstPredictions(const Samples& samples, const LinearModel& model, uint64_t n) {
  struct ByRow {
    bool operator()(const Numbered<double>& a, const Numbered<double>& b) const { return a.row < b.row; }
  };
  std::vector<Numbered<double>> first =
      samples.blocks
          .FlatMap<Numbered<double>>(
              With(model, n),
              [](const LinearModel& m, uint64_t limit, const SampleBlock& block,
                 Emitter<Numbered<double>>& out) {
                for (uint32_t i = 0; i < block.features.rows && block.numbers[i] < limit; ++i)
                  out({block.numbers[i], m.Predict(block.features.row(i))});
              },
              "FirstPredictions")
          .Collect();
  std::sort(first.begin(), first.end(), ByRow{});
  std::vector<double> predictions;
  for (const Numbered<double>& one : first) predictions.push_back(one.record);
  return predictions;
}

std::vector<ShownPrediction> SamplePredictions(const Samples& samples, const LinearModel& model,
                                               uint64_t most) {
  const uint64_t each = (samples.evaluated_rows() + most - 1) / most;
  std::vector<ShownPrediction> shown =
      samples.Evaluated()
          .FlatMap<ShownPrediction>(
              With(model, each),
              [](const LinearModel& m, uint64_t step, const SampleBlock& block,
                 Emitter<ShownPrediction>& out) {
                for (uint32_t i = 0; i < block.features.rows; ++i)
                  if (step <= 1 || MixBits(block.numbers[i]) % step == 0)
                    out({block.numbers[i], block.targets[i], m.Predict(block.features.row(i))});
              },
              "SamplePredictions")
          .Collect();
  std::sort(shown.begin(), shown.end(),
            [](const ShownPrediction& a, const ShownPrediction& b) { return a.row < b.row; });
  return shown;
}

std::vector<uint64_t> CountResiduals(const Samples& samples, const LinearModel& model, double from, double to,
                                     uint32_t bins) {
  const double per_unit = static_cast<double>(bins) / (to - from);
  return samples.Evaluated()
      .Map(
          With(model, from, per_unit, bins),
          [](const LinearModel& m, double least, double scale, uint32_t n, const SampleBlock& block) {
            std::vector<uint64_t> counts(n);
            for (uint32_t i = 0; i < block.features.rows; ++i) {
              const double place = (block.targets[i] - m.Predict(block.features.row(i)) - least) * scale;
              ++counts[static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(n - 1)))];
            }
            return counts;
          },
          "CountResiduals")
      .Aggregate(AddCounts{}, std::vector<uint64_t>(bins));
}

}  // namespace millrace::ml
