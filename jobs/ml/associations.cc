#include "jobs/ml/associations.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::ml {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Columns = Eigen::Map<const Eigen::MatrixXd>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// A spread that is this small a part of what was squared is rounding.
constexpr double kRounding = 1e-14;

// into += a^T b
void AddProduct(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, std::vector<double>* into) {
  into->resize(static_cast<size_t>(a.cols() * b.cols()));
  Eigen::Map<RowMajor>(into->data(), a.cols(), b.cols()).noalias() += a.transpose() * b;
}

// Sums relative to a shift become sums relative to one that is `by` less.
void MoveShifts(CoMoments* m, const std::vector<double>& by_i, const std::vector<double>& by_j) {
  for (size_t i = 0; i < m->rows(); ++i) {
    for (size_t j = 0; j < m->columns(); ++j) {
      const size_t at = i * m->columns() + j;
      const double a = by_i[i], b = by_j[j], n = m->n[at];
      m->xy[at] += a * m->y[at] + b * m->x[at] + a * b * n;
      m->xx[at] += 2 * a * m->x[at] + a * a * n;
      m->yy[at] += 2 * b * m->y[at] + b * b * n;
      m->x[at] += a * n;
      m->y[at] += b * n;
    }
  }
}

// The common mean of two parts, and how far each shift is above it.
void Meet(std::vector<double>* count, std::vector<double>* shift, const std::vector<double>& more_count,
          const std::vector<double>& more_shift, std::vector<double>* by, std::vector<double>* more_by) {
  for (size_t i = 0; i < shift->size(); ++i) {
    const double n = (*count)[i] + more_count[i];
    const double from = (*shift)[i], to = more_shift[i];
    const double mean = more_count[i] == 0 ? from
                        : (*count)[i] == 0 ? to
                                           : from + (to - from) * (more_count[i] / n);
    by->push_back(from - mean);
    more_by->push_back(to - mean);
    (*shift)[i] = mean;
    (*count)[i] = n;
  }
}

long double TermOf(uint64_t n) {
  return n == 0 ? 0 : static_cast<long double>(n) * std::log(static_cast<long double>(n));
}

void AddTo(std::vector<double>* into, const std::vector<double>& more) {
  for (size_t i = 0; i < into->size(); ++i) (*into)[i] += more[i];
}

}  // namespace

void CoMoments::AddBlock(const CentredColumns& i, const CentredColumns& j) {
  const Columns a(i.values.data(), i.rows, i.columns), b(j.values.data(), j.rows, j.columns);
  AddProduct(a, b, &xy);
  if (complete) {
    xx_i.resize(i.columns);
    xx_j.resize(j.columns);
    for (Eigen::Index c = 0; c < a.cols(); ++c) xx_i[static_cast<size_t>(c)] += a.col(c).squaredNorm();
    for (Eigen::Index c = 0; c < b.cols(); ++c) xx_j[static_cast<size_t>(c)] += b.col(c).squaredNorm();
    return;
  }
  const Columns p(i.masks.data(), i.rows, i.columns), q(j.masks.data(), j.rows, j.columns);
  AddProduct(p, q, &n);
  AddProduct(a, q, &x);
  AddProduct(p, b, &y);
  AddProduct(a.cwiseAbs2(), q, &xx);
  AddProduct(p, b.cwiseAbs2(), &yy);
}

void CoMoments::Fill() {
  if (!complete) return;
  complete = false;
  const size_t pairs = rows() * columns();
  x.assign(pairs, 0);
  y.assign(pairs, 0);
  n.assign(pairs, count_i.empty() ? 0 : count_i[0]);
  for (size_t i = 0; i < rows(); ++i) xx.insert(xx.end(), columns(), xx_i[i]);
  for (size_t i = 0; i < rows(); ++i) yy.insert(yy.end(), xx_j.begin(), xx_j.end());
}

void CoMoments::Merge(CoMoments more) {
  std::vector<double> by_i, by_j, more_i, more_j;
  Meet(&count_i, &shift_i, more.count_i, more.shift_i, &by_i, &more_i);
  Meet(&count_j, &shift_j, more.count_j, more.shift_j, &by_j, &more_j);
  MoveShifts(this, by_i, by_j);
  MoveShifts(&more, more_i, more_j);
  AddTo(&n, more.n);
  AddTo(&x, more.x);
  AddTo(&y, more.y);
  AddTo(&xx, more.xx);
  AddTo(&yy, more.yy);
  AddTo(&xy, more.xy);
}

double CoMoments::Pearson(size_t i, size_t j) const {
  const size_t at = i * columns() + j;
  if (n[at] < 2) return kNaN;
  const double sxx = xx[at] - x[at] * x[at] / n[at], syy = yy[at] - y[at] * y[at] / n[at];
  if (!(sxx > kRounding * xx[at]) || !(syy > kRounding * yy[at])) return kNaN;
  const double sxy = xy[at] - x[at] * y[at] / n[at];
  return std::clamp(sxy / (std::sqrt(sxx) * std::sqrt(syy)), -1.0, 1.0);
}

void Contingency::Add(std::string_view row, std::string_view column, uint64_t count) {
  if (rows_ == 0 || row != row_) {
    EndRow();
    row_ = row;
    ++rows_;
  }
  auto at = columns_.find(column);
  if (at == columns_.end()) at = columns_.emplace(column, ColumnSums{}).first;
  at->second.count += count;
  cells_.emplace_back(&at->second, count);
  row_count_ += count;
  cell_terms_ += TermOf(count);
}

void Contingency::EndRow() {
  for (auto& [column, count] : cells_)
    column->weight += static_cast<long double>(count) * static_cast<long double>(count) /
                      static_cast<long double>(row_count_);
  row_terms_ += TermOf(row_count_);
  total_ += row_count_;
  row_count_ = 0;
  cells_.clear();
}

// In long double: chi2 / n is the small rest of a sum near 1 where columns hardly depend on each other.
Contingency::Result Contingency::Finish() {
  EndRow();
  Result result{kNaN, kNaN, kNaN};
  if (total_ == 0) return result;
  const long double n = static_cast<long double>(total_);
  long double phi = -1, column_terms = 0;
  for (const auto& [name, column] : columns_) {
    phi += column.weight / static_cast<long double>(column.count);
    column_terms += TermOf(column.count);
  }
  const uint64_t least = std::min<uint64_t>(rows_, columns_.size());
  if (least > 1)
    result.cramers_v =
        static_cast<double>(std::sqrt(std::max<long double>(phi, 0) / static_cast<long double>(least - 1)));
  const long double log_n = std::log(n);
  const long double rows = log_n - row_terms_ / n, columns = log_n - column_terms / n,
                    cells = log_n - cell_terms_ / n;
  const long double shared = std::max<long double>(rows + columns - cells, 0);
  result.row_given_column = rows_ == 1 ? 1.0 : static_cast<double>(shared / rows);
  result.column_given_row = columns_.size() == 1 ? 1.0 : static_cast<double>(shared / columns);
  return result;
}

void GroupMoments::Merge(const GroupMoments& more) {
  if (more.count == 0) return;
  const double a = static_cast<double>(count), b = static_cast<double>(more.count), d = more.mean - mean;
  mean = count == 0 ? more.mean : mean + d * (b / (a + b));
  m2 += more.m2 + (count == 0 ? 0 : d * d * (a * b / (a + b)));
  count += more.count;
}

double CorrelationRatio(const std::map<std::string, GroupMoments, std::less<>>& groups) {
  GroupMoments all;
  for (const auto& [name, group] : groups) all.Merge(group);
  if (all.count == 0) return kNaN;
  double between = 0;
  for (const auto& [name, group] : groups) {
    const double d = group.mean - all.mean;
    between += static_cast<double>(group.count) * d * d;
  }
  return all.m2 > 0 ? std::sqrt(std::min(between / all.m2, 1.0)) : 0.0;
}

}  // namespace millrace::ml
