// k-means by Lloyd's algorithm, several runs (one per k of an elbow, say) side by side in the same passes.
//
// Iteration t: (1) every point gets the label of its nearest centre, of equally near ones the first; cost_t
// is the sum of the squared distances, that is with the centres before the update; (2) a centre moves to the
// mean of its points, one without points stays; (3) the run stops after this update when no centre moved
// farther than the tolerance, or at the limit of iterations. Then the points are assigned once more: final
// labels and cost.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans_kernel.h"

namespace millrace::ml {

struct KMeansOptions {
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
  bool label_margin = false;  // found for the first run: k distances more per point and pass
};

struct KMeansRun {
  Centres centres;
  uint32_t iterations = 0;
  bool converged = false;  // stopped by the tolerance
  std::vector<double> cost_per_iteration;
  std::vector<std::vector<uint64_t>> sizes_per_iteration;
  std::vector<double> max_moved_squared_per_iteration;
  // How near a label was to being another one: the least difference of the squared distances to the two
  // nearest centres, over all points and passes. Infinity for one centre, and where it was not looked for.
  double label_margin = std::numeric_limits<double>::infinity();
  double final_cost = 0;
  std::vector<uint64_t> final_sizes;  // empty until the last pass
};
MR_RECORD(KMeansRun, MR_NAMED(centres), MR_NAMED(iterations), MR_NAMED(converged),
          MR_NAMED(cost_per_iteration), MR_NAMED(sizes_per_iteration),
          MR_NAMED(max_moved_squared_per_iteration), MR_NAMED(label_margin), MR_NAMED(final_cost),
          MR_NAMED(final_sizes))

// One run per element of `initial`. Each pass over the data is one action, and one step of a loop.
std::vector<KMeansRun> Lloyd(const Features& features, const std::vector<Centres>& initial,
                             const KMeansOptions& options);

// Initial centres for every k of `ks`: first_k = rows 0..k-1; spaced_k = rows floor(i n / k); kmeans-parallel
// = k-means|| (Bahmani et al. 2012) by `seed`. Ends the job with a sentence where k is not in 1..rows.
std::vector<Centres> InitialCentres(Job& job, const Features& features, const std::string& method,
                                    const std::vector<uint32_t>& ks, uint64_t seed);
// The rows where first_k and spaced_k start; none for kmeans-parallel.
std::vector<uint64_t> InitialRows(const std::string& method, uint32_t k, uint64_t rows);
// From a csv with the features' columns, one centre per row.
Centres ReadCentres(Job& job, const Features& features, const std::string& path);

// Mean silhouettes of squared distances, of several clusterings side by side; three passes.
std::vector<double> Silhouettes(const Features& features, const std::vector<Centres>& sets);
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
  std::vector<double> sums;                                 // per centre and column
  std::vector<uint64_t> counts;                             // per centre
  double margin = std::numeric_limits<double>::infinity();  // of labels; see KMeansRun
};
MR_RECORD(Tally, MR_NAMED(cost), MR_NAMED(sums), MR_NAMED(counts), MR_NAMED(margin))

// Costs, sums and counts of every centre set over all points, block by block in order; `first_margin`: also
// the margin of the first set. One action.
std::vector<Tally> TallyAll(const Features& features, const std::vector<Centres>& sets,
                            bool first_margin = false);

}  // namespace millrace::ml
