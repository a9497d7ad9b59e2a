// k-means by Lloyd's algorithm, several runs (one per k of an elbow, say) side by side in the same passes.
//
// Iteration t: (1) every point gets the label of its nearest centre, of equally near ones the first; cost_t
// is the sum of the squared distances, that is with the centres before the update; (2) a centre moves to the
// mean of its points, one without points stays; (3) the run stops after this update when no centre moved
// farther than the tolerance, or at the limit of iterations. Then the points are assigned once more: final
// labels and cost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans_kernel.h"

namespace millrace::ml {

struct KMeansOptions {
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
};

struct KMeansRun {
  Centres centres;
  uint32_t iterations = 0;
  bool converged = false;  // stopped by the tolerance
  std::vector<double> cost_per_iteration;
  std::vector<std::vector<uint64_t>> sizes_per_iteration;
  double final_cost = 0;
  std::vector<uint64_t> final_sizes;  // empty until the last pass
};
MR_RECORD(KMeansRun, MR_NAMED(centres), MR_NAMED(iterations), MR_NAMED(converged),
          MR_NAMED(cost_per_iteration), MR_NAMED(sizes_per_iteration), MR_NAMED(final_cost),
          MR_NAMED(final_sizes))

// One run per element of `initial`. Each pass over the data is one action, and one step of a loop.
std::vector<KMeansRun> Lloyd(const Features& features, const std::vector<Centres>& initial,
                             const KMeansOptions& options);

// Initial centres for every k of `ks`: first_k = rows 0..k-1; spaced_k = rows floor(i n / k); kmeans-parallel
// = k-means|| (Bahmani et al. 2012) by `seed`. Ends the job with a sentence where k is not in 1..rows.
std::vector<Centres> InitialCentres(Job& job, const Features& features, const std::string& method,
                                    const std::vector<uint32_t>& ks, uint64_t seed);
// From a csv with the features' columns, one centre per row.
Centres ReadCentres(Job& job, const Features& features, const std::string& path);

// Mean silhouette of squared distances; two passes.
double Silhouette(const Features& features, const Centres& centres);

struct Label {
  std::string id;  // of the id column, or the row's number
  uint32_t cluster = 0;
};
MR_RECORD(Label, MR_NAMED(id), MR_NAMED(cluster))
Dataset<Label> Labels(const Features& features, const Centres& centres);

// Cluster, then the features.
Table CentresTable(Job& job, const Features& features, const Centres& centres);

// What fits into one number of passes over the data, per centre set: see kmeans.cc.
struct Tally {
  double cost = 0;
  std::vector<double> sums;      // per centre and column
  std::vector<uint64_t> counts;  // per centre
};
MR_RECORD(Tally, MR_NAMED(cost), MR_NAMED(sums), MR_NAMED(counts))

// Costs, sums and counts of every centre set over all points, block by block in order. One action.
std::vector<Tally> TallyAll(const Features& features, const std::vector<Centres>& sets);

}  // namespace millrace::ml
