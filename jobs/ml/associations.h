// How two columns go together, over the rows where both have a value: Pearson's r of two numeric columns,
// Cramer's V and the uncertainty coefficient of two categorical ones, the correlation ratio of one of each.
// All from partial results of chunks, merged in a fixed order.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// A chunk's column, the rows one after the other: 0 and mask 0 where a value is missing.
struct CentredColumns {
  uint32_t rows = 0, columns = 0;
  std::vector<double> values, masks;  // column by column; value - the column's mean in the chunk
};

// Sums over pairs (i, j) of the columns of two tiles, each column relative to a shift of its own (its mean):
// over the rows where both are present the number n, the sums of x_i, x_j, x_i^2, x_j^2 and x_i x_j.
// Row-major, rows i. Merging moves both sides to the mean of both, so nothing large is ever subtracted (Chan,
// Golub, LeVeque, 1983).
struct CoMoments {
  std::vector<double> count_i, count_j, shift_i, shift_j;  // per column: present values, and the shift
  bool complete = true;                     // nothing is missing: only xy, xx_i, xx_j are there
  std::vector<double> xx_i, xx_j;           // per column, over all its present values
  std::vector<double> n, x, y, xx, yy, xy;  // per pair

  size_t rows() const { return shift_i.size(); }
  size_t columns() const { return shift_j.size(); }
  void AddBlock(const CentredColumns& i, const CentredColumns& j);  // O(rows i columns)
  void Fill();                                                      // after it, `complete` is false
  void Merge(CoMoments more);                                       // both are filled
  double Pearson(size_t i, size_t j) const;  // Sxy / sqrt(Sxx Syy); NaN where a column is constant there
};
MR_RECORD(CoMoments, MR_NAMED(count_i), MR_NAMED(count_j), MR_NAMED(shift_i), MR_NAMED(shift_j),
          MR_NAMED(complete), MR_NAMED(xx_i), MR_NAMED(xx_j), MR_NAMED(n), MR_NAMED(x), MR_NAMED(y),
          MR_NAMED(xx), MR_NAMED(yy), MR_NAMED(xy))

// Of a contingency table whose cells come row by row. Memory: the rows' counts are folded, the columns' kept.
class Contingency {
 public:
  void Add(std::string_view row, std::string_view column, uint64_t count);
  struct Result {
    double cramers_v;         // sqrt(chi2 / (n (min(R, C) - 1))), NaN where that is 0 / 0
    double row_given_column;  // (H(row) - H(row|column)) / H(row), 1 where H(row) = 0
    double column_given_row;
  };
  Result Finish();

 private:
  struct ColumnSums {
    uint64_t count = 0;
    long double weight = 0;  // sum over rows of cell^2 / row total
  };
  void EndRow();
  std::map<std::string, ColumnSums, std::less<>> columns_;
  std::string row_;
  uint64_t rows_ = 0, row_count_ = 0, total_ = 0;
  std::vector<std::pair<ColumnSums*, uint64_t>> cells_;  // of the row at hand
  long double row_terms_ = 0, cell_terms_ = 0;           // sums of n log n
};

// A number by category: count, mean and sum of squares about the mean.
struct GroupMoments {
  uint64_t count = 0;
  double mean = 0, m2 = 0;
  void Merge(const GroupMoments& more);
};
MR_RECORD(GroupMoments, MR_NAMED(count), MR_NAMED(mean), MR_NAMED(m2))

// sqrt(sum_c n_c (mean_c - mean)^2 / sum (v - mean)^2); 0 where that is, NaN without rows.
double CorrelationRatio(const std::map<std::string, GroupMoments, std::less<>>& groups);

}  // namespace millrace::ml
