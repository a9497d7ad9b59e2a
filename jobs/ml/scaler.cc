#include "jobs/ml/scaler.h"

#include <algorithm>
#include <cmath>

namespace millrace::ml {
namespace {

// Sums of many columns with their rounding errors (Neumaier): what is lost in `sum` stands in `rest`.
struct ColumnSums {
  std::vector<double> sum, rest, least, greatest;
};
MR_RECORD(ColumnSums, MR_NAMED(sum), MR_NAMED(rest), MR_NAMED(least), MR_NAMED(greatest))

void Add(double value, double* sum, double* rest) {
  const double next = *sum + value;
  *rest += std::abs(*sum) >= std::abs(value) ? (*sum - next) + value : (value - next) + *sum;
  *sum = next;
}

struct MergeSums {
  void operator()(ColumnSums& into, const ColumnSums& more) const {
    for (size_t i = 0; i < into.sum.size(); ++i) {
      Add(more.sum[i], &into.sum[i], &into.rest[i]);
      into.rest[i] += more.rest[i];
      into.least[i] = std::min(into.least[i], more.least[i]);
      into.greatest[i] = std::max(into.greatest[i], more.greatest[i]);
    }
  }
};

ColumnSums EmptySums(size_t columns) {
  const double infinity = std::numeric_limits<double>::infinity();
  return {std::vector<double>(columns), std::vector<double>(columns), std::vector<double>(columns, infinity),
          std::vector<double>(columns, -infinity)};
}

ColumnSums SumBlock(const FeatureBlock& block) {
  ColumnSums sums = EmptySums(block.columns);
  for (uint32_t r = 0; r < block.rows; ++r) {
    const double* row = block.row(r);
    for (uint32_t i = 0; i < block.columns; ++i) {
      Add(row[i], &sums.sum[i], &sums.rest[i]);
      sums.least[i] = std::min(sums.least[i], row[i]);
      sums.greatest[i] = std::max(sums.greatest[i], row[i]);
    }
  }
  return sums;
}

ColumnSums SquaresBlock(const std::vector<double>& mean, const FeatureBlock& block) {
  ColumnSums sums = EmptySums(block.columns);
  for (uint32_t r = 0; r < block.rows; ++r)
    for (uint32_t i = 0; i < block.columns; ++i) {
      const double x = block.row(r)[i] - mean[i];
      Add(x * x, &sums.sum[i], &sums.rest[i]);
    }
  return sums;
}

struct LinearMap {
  std::vector<double> shift, factor;
  double Apply(double x, size_t i) const { return (x - shift[i]) * factor[i]; }
};
MR_RECORD(LinearMap, MR_NAMED(shift), MR_NAMED(factor))

Row ScaledRow(const LinearMap& map, const FeatureBlock& block, uint32_t r) {
  const size_t first = block.ids.empty() ? 0 : 1;
  Row row(first + block.columns);
  if (first > 0) row[0] = Value::Text(block.ids[r]);
  for (uint32_t i = 0; i < block.columns; ++i) row[first + i] = Value::Double(map.Apply(block.row(r)[i], i));
  return row;
}

ColumnSums SumColumns(const Dataset<FeatureBlock>& blocks) {
  return blocks.Map([](const FeatureBlock& block) { return SumBlock(block); }, "Sums").Aggregate(MergeSums{});
}

// A column of one single value has exactly that mean, and no rounding error becomes its spread.
std::vector<double> MeansOf(const ColumnSums& sums, uint64_t rows) {
  std::vector<double> means;
  for (size_t i = 0; i < sums.sum.size(); ++i)
    means.push_back(sums.least[i] == sums.greatest[i]
                        ? sums.least[i]
                        : (sums.sum[i] + sums.rest[i]) / static_cast<double>(rows));
  return means;
}

LinearMap MapOf(const ScaleParameters& parameters) { return {parameters.Shift(), parameters.Factor()}; }

}  // namespace

std::vector<double> ScaleParameters::Factor() const {
  std::vector<double> factor = scaling == Scaling::kMaxAbs ? max_abs : std;
  for (double& f : factor) f = std::isfinite(1.0 / f) ? 1.0 / f : 0.0;  // none, or next to none
  return factor;
}

std::vector<double> ColumnMeans(const Features& features) {
  return MeansOf(SumColumns(features.blocks), features.rows);
}

ScaleParameters FitScaler(const Features& features, Scaling scaling) {
  return FitScaler(features.blocks, features.names.size(), features.rows, scaling);
}

ScaleParameters FitScaler(const Dataset<FeatureBlock>& blocks, size_t columns, uint64_t rows,
                          Scaling scaling) {
  ScaleParameters parameters;
  parameters.scaling = scaling;
  const double n = static_cast<double>(rows);
  const ColumnSums sums = SumColumns(blocks);
  if (scaling == Scaling::kMaxAbs) {
    for (size_t i = 0; i < columns; ++i)
      parameters.max_abs.push_back(std::max(std::abs(sums.least[i]), std::abs(sums.greatest[i])));
    return parameters;
  }
  parameters.mean = MeansOf(sums, rows);
  const ColumnSums squares = blocks
                                 .Map(
                                     With(parameters.mean),
                                     [](const std::vector<double>& mean, const FeatureBlock& block) {
                                       return SquaresBlock(mean, block);
                                     },
                                     "Squares")
                                 .Aggregate(MergeSums{});
  const double divisor = scaling == Scaling::kStandardSample ? n - 1 : n;
  for (size_t i = 0; i < columns; ++i) {
    const double sum = squares.sum[i] + squares.rest[i];
    parameters.std.push_back(sum == 0 ? 0.0 : std::sqrt(sum / divisor));
  }
  return parameters;
}

Table ScaledTable(const Features& features, const ScaleParameters& parameters) {
  Schema schema;
  if (features.has_id) schema.Add(features.id_name, ValueType::kText);
  for (const std::string& name : features.names) schema.Add(name, ValueType::kDouble);
  return {schema, features.blocks.FlatMap<Row>(
                      With(MapOf(parameters)),
                      [](const LinearMap& map, const FeatureBlock& block, Emitter<Row>& out) {
                        for (uint32_t r = 0; r < block.rows; ++r) out(ScaledRow(map, block, r));
                      },
                      "Scale")};
}

Features ScaledFeatures(const Features& features, const ScaleParameters& parameters) {
  Features scaled = features;
  scaled.blocks = features.blocks
                      .Map(
                          With(MapOf(parameters)),
                          [](const LinearMap& map, const FeatureBlock& block) {
                            FeatureBlock out = block;
                            for (size_t i = 0; i < out.values.size(); ++i)
                              out.values[i] = map.Apply(out.values[i], i % out.columns);
                            return out;
                          },
                          "Scale")
                      .Cache();
  scaled.numbered = scaled.blocks.WithRowNumber(features.task_blocks);
  return scaled;
}

Table ParametersTable(Job& job, const Features& features, const ScaleParameters& parameters) {
  Schema schema;
  schema.Add("column", ValueType::kText);
  const bool max_abs = parameters.scaling == Scaling::kMaxAbs;
  if (max_abs) {
    schema.Add("max_abs", ValueType::kDouble);
  } else {
    schema.Add("mean", ValueType::kDouble);
    schema.Add(parameters.scaling == Scaling::kStandardSample ? "sample_std" : "population_std",
               ValueType::kDouble);
  }
  std::vector<Row> rows;
  for (size_t i = 0; i < features.names.size(); ++i) {
    Row row;
    row.AddText(features.names[i]);
    row.Add(Value::Double(max_abs ? parameters.max_abs[i] : parameters.mean[i]));
    if (!max_abs) row.Add(Value::Double(parameters.std[i]));
    rows.push_back(std::move(row));
  }
  return {schema, job.Values<Row>(rows)};
}

}  // namespace millrace::ml
