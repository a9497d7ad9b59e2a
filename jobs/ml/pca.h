// Principal components of the columns of a table.
//
// C = (X - m)^T (X - m) / (n - 1), m the column means; the components are the unit eigenvectors of C with the
// greatest eigenvalues, the entry of largest magnitude positive (of equal ones the first). Projection: row .
// component, without subtracting the mean, as Spark's PCA does it; `offset` is what centring would subtract.
// Source: Jolliffe, Principal Component Analysis, 2nd edition, chapter 1; the Gram matrix is centred before
// it is squared, so that nothing cancels.
#pragma once

#include <cstdint>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"

namespace millrace::ml {

struct Pca {
  uint32_t k = 0, columns = 0;
  std::vector<double> components;          // k x columns, row by row, greatest eigenvalue first
  std::vector<double> eigenvalues;         // all of C's, descending; those below 0 by rounding are 0
  std::vector<double> mean;                // per column
  std::vector<double> offset;              // mean . component, per component
  double Ratio(uint32_t component) const;  // of the variance that it explains; 0 where there is no variance
};
MR_RECORD(Pca, MR_NAMED(k), MR_NAMED(columns), MR_NAMED(components), MR_NAMED(eigenvalues), MR_NAMED(mean),
          MR_NAMED(offset))

// Two passes over the data, n d^2 products; each task sends d^2 numbers, the driver's eigenvalues cost d^3.
// Ends the job with a sentence where k is 0 or over the number of columns, or n < 2.
Pca FitPca(Job& job, const Features& features, uint32_t k);

// The id column where there is one, then x, y, z (for k up to 3) or pc1, pc2, ...
Table ProjectedTable(const Features& features, const Pca& pca);
// component (from 1), eigenvalue, explained_variance_ratio, then one column per feature.
Table ComponentsTable(Job& job, const Features& features, const Pca& pca);
// Sums of the projections, per component.
std::vector<double> ProjectionSums(const Features& features, const Pca& pca);

}  // namespace millrace::ml
