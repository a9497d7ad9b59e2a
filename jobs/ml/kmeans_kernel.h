// The inner loop of k-means: nearest centre of many points, costs and sums. Same bits on every CPU: each
// score is accumulated in column order with fused multiply-add, whatever the width of the vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// k centres of `columns` numbers each, row by row.
struct Centres {
  uint32_t k = 0, columns = 0;
  std::vector<double> values;
  const double* row(size_t c) const { return values.data() + c * columns; }
  double* row(size_t c) { return values.data() + c * columns; }
};
MR_RECORD(Centres, MR_NAMED(k), MR_NAMED(columns), MR_NAMED(values))

// Centres laid out for the search: four of them (a group) side by side per column, relative to an origin.
// About n k columns / 16 cycles for n rows: 110 ns a row for 100 centres of 16 columns at 3 GHz.
class NearestCentre {
 public:
  explicit NearestCentre(const Centres& centres);

  // labels[i] = the centre nearest to row i (of equal ones the first), cost[i] = squared distance to it.
  void Assign(const double* rows, size_t n, uint32_t* labels, double* cost) const;

 private:
  const uint32_t k_, columns_, groups_;
  std::vector<double> origin_;     // subtracted from points and centres: keeps |c|^2 - 2xc from cancelling
  std::vector<double> by_column_;  // [chunk][column][group in chunk][lane]
  std::vector<double> half_norm_;  // |c|^2 / 2, infinity beyond k
  std::vector<double> centres_;
};

// Squared distance from x to the nearest centre other than `label`; infinity where there is none.
double SecondDistance(const Centres& centres, const double* x, uint32_t label);

// sum (a[i] - b[i])^2 over eight running sums, added up in a fixed order.
double SquaredDistance(const double* a, const double* b, size_t n);

// into[i] += from[i]: the same bits whatever the vectors, for every element is a sum of its own.
void AddTo(const double* from, size_t n, double* into);

}  // namespace millrace::ml
