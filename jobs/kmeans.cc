// k-means clustering by Lloyd's algorithm: the rules are in jobs/ml/kmeans.h.
//
//   mrsubmit run --local kmeans --input=features.csv --output=clusters --id=name --k=6
//     --init=kmeans-parallel --seed=1
//
// --init says where the centres start: first_k and spaced_k take rows of the input, kmeans-parallel chooses
// by --seed, --centres=FILE reads them (their number is k then). --elbow=2..10 finds the cost of every k of a
// range too, in the same passes over the data. Output: centres/ (cluster, then the features), labels/ (id,
// cluster; the id is the row's number where there is no --id), summary.json, report.json.
//
// Stages, for n rows of d columns: one pass into cached blocks of numbers (8 n d bytes and the ids); one per
// iteration, for all k of --elbow at once (n d products per centre; each task sends the sums of the centres,
// d + 2 numbers each); three more for labels, costs and the page. Nothing is shuffled. Memory: a block and
// the centres per slot.
#include <chrono>
#include <cstdio>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/kmeans_summary.h"
#include "jobs/pages/cluster_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct KMeansJobOptions : CommonOptions {
  uint32_t k = 6;
  std::string init = "first_k";
  uint64_t seed = 1;
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
  std::string elbow;
  std::vector<std::string> features;
  std::string id;
  std::string centres;
  std::string silhouette = "auto";
  bool timing = false;
  std::string report;
};
MR_OPTIONS(KMeansJobOptions, MR_OPTION(k, "integer", "Number of clusters"),
           MR_OPTION(init, "first_k|spaced_k|kmeans-parallel", "How the first centres are chosen"),
           MR_OPTION(seed, "integer", "Of kmeans-parallel: the same seed gives the same centres"),
           MR_OPTION(tolerance, "number", "Stops when no centre moves farther than that"),
           MR_OPTION(max_iterations, "integer", "Stops after that many iterations"),
           MR_OPTION(elbow, "range", "Also finds the cost of every k of a range like 2..10"),
           MR_OPTION(features, "columns", "The columns to cluster by; empty = all numeric ones"),
           MR_OPTION(id, "column", "The column that names the rows"),
           MR_OPTION(centres, "path", "File with the first centres, instead of --init"),
           MR_OPTION(silhouette, "auto|yes|no",
                     "Silhouettes and margin of labels; auto = up to 100,000 rows"),
           MR_OPTION(timing, "flag", "Prints the seconds of the iterations to standard output"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

void KMeans(Job& job, const KMeansJobOptions& options) {
  const std::vector<uint32_t> elbow = ml::ElbowRange(job, options.elbow);
  const Table table = ml::ReadFeatureTable(job, options.input, options.id, options.features);
  const ml::Features features = ml::MakeFeatures(job, table, options.id, options.features);

  // The run that is asked for, and beside it those of the elbow.
  std::vector<uint32_t> ks = elbow;
  if (options.centres.empty()) ks.insert(ks.begin(), options.k);
  std::vector<ml::Centres> initial = ml::InitialCentres(job, features, options.init, ks, options.seed);
  if (!options.centres.empty())
    initial.insert(initial.begin(), ml::ReadCentres(job, features, options.centres));

  const auto began = std::chrono::steady_clock::now();
  const bool judged =
      options.silhouette == "yes" || (options.silhouette == "auto" && features.rows <= 100'000);
  const std::vector<ml::KMeansRun> runs =
      ml::Lloyd(features, initial, {options.tolerance, options.max_iterations, judged});
  const std::chrono::duration<double> fit = std::chrono::steady_clock::now() - began;
  if (options.timing)
    std::fprintf(stdout, "{\"seconds\": %.6f, \"parts\": {\"fit\": %.6f}}\n", fit.count(), fit.count());

  const ml::KMeansRun& run = runs[0];
  ml::CentresTable(job, features, run.centres).Write(options.output + "/centres");
  ml::Labels(features, run.centres).Write(options.output + "/labels");
  std::vector<ml::Centres> found;
  for (const ml::KMeansRun& each : runs) found.push_back(each.centres);
  const auto silhouettes = judged ? ml::Silhouettes(features, found) : std::vector<double>();
  const auto rows = options.centres.empty() ? ml::InitialRows(options.init, options.k, features.rows)
                                            : std::vector<uint64_t>();
  job.WriteFile("summary.json", ml::SummaryJson(features, runs, rows, silhouettes));
  WriteReport(job, report::KMeansPage(features, runs, silhouettes));
}
MR_JOB("kmeans", KMeans, "Clusters of rows by k-means")

}  // namespace millrace
