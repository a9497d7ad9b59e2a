// k-means with forgetting: the centres follow the batches of points that arrive.
//
// Per batch, in this order: cost = sum of the squared distances to the nearest centre, with the centres
// before the update; every point gets the label of its nearest centre, of equally near ones the first; n_j
// points and their sum S_j per centre; then, with the decay L and the weights N_j (1 at first):
//   seed   N'_j = L N_j + n_j;  c'_j = (L N_j c_j + S_j) / N'_j where n_j > 0, else c_j stays
//   spark  N_j *= L; where n_j > 0: W = N_j + n_j, f = n_j / max(W, 1e-16), c_j = (1 - f) c_j + (f / n_j)
//   S_j, N_j = W.
//          Then, where the least weight is below 1e-8 of the greatest (of equal ones the first): both get
//          half their sum, the greatest centre moves by p = 1e-14 max(|x|, 1) per coordinate x, and the least
//          becomes its twin at x - p. Source: Spark's StreamingKMeansModel.update.
// A half-life of n batches is L = 0.5^(1/n).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans_kernel.h"

namespace millrace::ml {

struct StreamingOptions {
  bool spark = false;  // the rule
  double decay = 0.8;
  uint64_t batch = 100;  // points
};
MR_RECORD(StreamingOptions, MR_NAMED(spark), MR_NAMED(decay), MR_NAMED(batch))

struct StreamingModel {
  Centres centres;
  std::vector<double> weights;
};
MR_RECORD(StreamingModel, MR_NAMED(centres), MR_NAMED(weights))

struct BatchResult {
  uint64_t points = 0;
  double cost = 0;               // before the update
  std::vector<uint64_t> counts;  // per centre
  // Of the labels: the least difference of the squared distances to the two nearest centres;
  // infinity for one.
  double margin = 0;
  StreamingModel after;
  bool split = false;
};
MR_RECORD(BatchResult, MR_NAMED(points), MR_NAMED(cost), MR_NAMED(counts), MR_NAMED(margin), MR_NAMED(after),
          MR_NAMED(split))

// What the points of a batch leave for the update.
struct BatchSums {
  uint64_t points = 0;
  double cost = 0;
  std::vector<uint64_t> counts;  // n_j
  std::vector<double> sums;      // S_j, added up point by point
  double margin = std::numeric_limits<double>::infinity();
};

// True when centres were split.
bool UpdateModel(const StreamingOptions& options, const BatchSums& batch, StreamingModel* model);

// Batches of options.batch consecutive points, the last one shorter, one after another in one task: the
// points are shuffled to it in order and never held together. n points of d columns: 8 n d bytes shuffled;
// memory: a block.
std::vector<BatchResult> FollowBatches(const Dataset<std::vector<double>>& points,
                                       const StreamingOptions& options, const StreamingModel& model);

// Sum of the squared distances to the nearest centre, for each of several models: one pass over the blocks;
// none for no model.
std::vector<double> TestCosts(const Dataset<Numbered<FeatureBlock>>& blocks,
                              const std::vector<Centres>& models);

// k centres of standard normal coordinates by `seed`, the same everywhere: each is the sum of twelve numbers
// of SplitMix64(seed), uniform in [0, 1), minus six, centre by centre.
Centres DrawCentres(uint32_t k, uint32_t columns, uint64_t seed);

}  // namespace millrace::ml
