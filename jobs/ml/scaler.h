// Scaling of columns: standard (z = (x - mean) * (1 / std), 0 where the std is 0) and max-abs
// (z = x * (1 / max|x|), 0 where that is 0). The reciprocal is rounded first, then multiplied, as Spark does.
#pragma once

#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"

namespace millrace::ml {

enum class Scaling : uint8_t { kStandardSample, kStandardPopulation, kMaxAbs };

struct ScaleParameters {
  Scaling scaling = Scaling::kStandardSample;
  std::vector<double> mean, std;  // standard
  std::vector<double> max_abs;    // max-abs
  std::vector<double> Shift() const {
    return scaling == Scaling::kMaxAbs ? std::vector<double>(max_abs.size()) : mean;
  }
  std::vector<double> Factor() const;
};

// One pass over the data; sums are compensated. A column of one single value has exactly that mean.
std::vector<double> ColumnMeans(const Features& features);

// Two passes over the data (one for max-abs); sums are compensated and folded block by block, in order.
ScaleParameters FitScaler(const Features& features, Scaling scaling);
// Likewise for blocks of `columns` columns that have `rows` rows together, one at least.
ScaleParameters FitScaler(const Dataset<FeatureBlock>& blocks, size_t columns, uint64_t rows,
                          Scaling scaling);

// The scaled rows, with the id column first where there is one.
Table ScaledTable(const Features& features, const ScaleParameters& parameters);
// The same as features, for the next stage.
Features ScaledFeatures(const Features& features, const ScaleParameters& parameters);
// column,mean,sample_std (or population_std), or column,max_abs.
Table ParametersTable(Job& job, const Features& features, const ScaleParameters& parameters);

}  // namespace millrace::ml
