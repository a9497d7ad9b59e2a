// The pages of clusterings.
#pragma once

#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "common/report/page.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/stock_summary.h"

namespace millrace::report {

// Cost by number of clusters; runs[0] is the one that was taken, the others are the elbow.
Chart ElbowChart(const std::vector<ml::KMeansRun>& runs);

// Mean silhouette by number of clusters (one cluster has none). `silhouettes`: one per run.
Chart SilhouetteChart(const std::vector<ml::KMeansRun>& runs, const std::vector<double>& silhouettes);

// A sample of the rows, spread evenly over them, with the cluster of each. One action.
struct ClusterSample {
  std::vector<std::vector<double>> rows;
  std::vector<uint32_t> clusters;
};
ClusterSample SampleClusters(const ml::Features& features, const ml::Centres& centres, size_t most);

// Coordinates of the sample on its own two principal components, x in the first; for one column the second is
// 0. The entry of largest magnitude of a component is positive. min(m, d)^3 for m rows of d columns.
std::vector<std::vector<double>> TwoComponents(const std::vector<std::vector<double>>& rows);

// k-means: figures, elbow, silhouettes, cost per iteration, sizes, the sample on two principal components,
// and what sets each cluster apart: the centre's columns in standard deviations from the mean of the sample.
// `silhouettes`: one per run, or none.
Page KMeansPage(const ml::Features& features, const std::vector<ml::KMeansRun>& runs,
                const std::vector<double>& silhouettes);

// stock-clusters: elbow, averages per symbol, cumulative returns of the first symbols of each cluster.
// `members`: the first symbols, in the order of the pivot's rows; more than these are not drawn.
inline constexpr uint64_t kMostSymbols = 5000;
Page StockClustersPage(const ml::Features& pivot, const std::vector<ml::KMeansRun>& runs,
                       const std::vector<ml::StockSummary>& members, double silhouette);

}  // namespace millrace::report
