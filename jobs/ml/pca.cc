#include "jobs/ml/pca.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "jobs/ml/scaler.h"

namespace millrace::ml {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Block = Eigen::Map<const RowMajor>;

struct AddVectors {
  void operator()(std::vector<double>& into, const std::vector<double>& more) const {
    for (size_t i = 0; i < into.size(); ++i) into[i] += more[i];
  }
};

std::vector<double> CentredGram(const std::vector<double>& mean, const FeatureBlock& block) {
  const RowMajor centred = Block(block.values.data(), block.rows, block.columns).rowwise() -
                           Eigen::Map<const Eigen::RowVectorXd>(mean.data(), block.columns);
  std::vector<double> gram(size_t{block.columns} * block.columns);
  Eigen::Map<RowMajor>(gram.data(), block.columns, block.columns).noalias() = centred.transpose() * centred;
  return gram;
}

std::vector<double> Project(const Pca& pca, const double* row) {
  std::vector<double> out(pca.k);
  for (uint32_t c = 0; c < pca.k; ++c) {
    double sum = 0;
    for (uint32_t i = 0; i < pca.columns; ++i) sum += row[i] * pca.components[size_t{c} * pca.columns + i];
    out[c] = sum;
  }
  return out;
}

std::string AxisName(uint32_t k, uint32_t component) {
  constexpr const char* kAxes[] = {"x", "y", "z"};
  return k <= 3 ? kAxes[component] : StrCat("pc", component + 1);
}

}  // namespace

double Pca::Ratio(uint32_t component) const {
  double total = 0;
  for (const double value : eigenvalues) total += value;
  return total == 0 ? 0.0 : eigenvalues[component] / total;
}

Pca FitPca(Job& job, const Features& features, uint32_t k) {
  const uint32_t columns = static_cast<uint32_t>(features.names.size());
  if (k == 0 || k > columns)
    job.Fail(StrCat("--k=", k, ": the ", columns, " columns have 1 to ", columns, " components"));
  if (features.rows < 2)
    job.Fail("one row alone has no variance: principal components want two rows at least");
  Pca pca{k, columns, {}, {}, ColumnMeans(features), {}};
  const std::vector<double> gram = features.blocks
                                       .Map(
                                           With(pca.mean),
                                           [](const std::vector<double>& mean, const FeatureBlock& block) {
                                             return CentredGram(mean, block);
                                           },
                                           "Gram")
                                       .Aggregate(AddVectors{});
  const RowMajor covariance =
      Eigen::Map<const RowMajor>(gram.data(), columns, columns) / static_cast<double>(features.rows - 1);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver{Eigen::MatrixXd(covariance)};
  if (solver.info() != Eigen::Success) job.Fail("the eigenvalues of the covariance do not converge");
  for (uint32_t c = 0; c < columns; ++c)  // it sorts them ascending
    pca.eigenvalues.push_back(std::max(0.0, solver.eigenvalues()[columns - 1 - c]));
  for (uint32_t c = 0; c < k; ++c) {
    Eigen::VectorXd component = solver.eigenvectors().col(columns - 1 - c);
    Eigen::Index largest = 0;
    component.cwiseAbs().maxCoeff(&largest);
    if (component[largest] < 0) component = -component;
    pca.components.insert(pca.components.end(), component.data(), component.data() + columns);
  }
  pca.offset = Project(pca, pca.mean.data());
  return pca;
}

Table ProjectedTable(const Features& features, const Pca& pca) {
  Schema schema;
  if (features.has_id) schema.Add(features.id_name, ValueType::kText);
  for (uint32_t c = 0; c < pca.k; ++c) schema.Add(AxisName(pca.k, c), ValueType::kDouble);
  return {schema, features.blocks.FlatMap<Row>(
                      With(pca),
                      [](const Pca& axes, const FeatureBlock& block, Emitter<Row>& out) {
                        for (uint32_t r = 0; r < block.rows; ++r) {
                          Row row;
                          if (!block.ids.empty()) row.Add(Value::Text(block.ids[r]));
                          for (const double x : Project(axes, block.row(r))) row.Add(Value::Double(x));
                          out(row);
                        }
                      },
                      "Project")};
}

Table ComponentsTable(Job& job, const Features& features, const Pca& pca) {
  Schema schema;
  schema.Add("component", ValueType::kInt64);
  schema.Add("eigenvalue", ValueType::kDouble);
  schema.Add("explained_variance_ratio", ValueType::kDouble);
  for (const std::string& name : features.names) schema.Add(name, ValueType::kDouble);
  std::vector<Row> rows;
  for (uint32_t c = 0; c < pca.k; ++c) {
    Row row{Value::Int64(c + 1), Value::Double(pca.eigenvalues[c]), Value::Double(pca.Ratio(c))};
    for (uint32_t i = 0; i < pca.columns; ++i)
      row.Add(Value::Double(pca.components[size_t{c} * pca.columns + i]));
    rows.push_back(std::move(row));
  }
  return {schema, job.Values<Row>(rows)};
}

std::vector<double> ProjectionSums(const Features& features, const Pca& pca) {
  return features.blocks
      .Map(
          With(pca),
          [](const Pca& axes, const FeatureBlock& block) {
            std::vector<double> sums(axes.k);
            for (uint32_t r = 0; r < block.rows; ++r) AddVectors{}(sums, Project(axes, block.row(r)));
            return sums;
          },
          "Sums")
      .Aggregate(AddVectors{});
}

}  // namespace millrace::ml
