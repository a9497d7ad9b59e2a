// Stocks that moved alike: returns -> pivot -> scale -> elbow -> k-means -> averages per symbol -> report.
//
//   mrsubmit run --local stock-clusters --input=prices.csv --output=clusters
//
// Input: CSV with the columns Symbol, Date, Close; every symbol needs a row of every date. Output: returns/,
// pivot/, scaled/, centres/, labels/, elbow/, summary/ (Symbol, cluster, average of all cells of its pivot
// row, of the daily ones, of the cumulative ones), report.json and report.html, a page with all plots that
// needs no network.
//
// Stages, for n rows of s symbols over d dates: returns and pivot as in stock-pivot (n records of 18 bytes
// and the symbol are shuffled); s x 2 d numbers in cached blocks, scaled, then passes over them as jobs/ml/
// kmeans.h says, for all k at once; labels meet the averages in a join (2 s records of 40 bytes). Memory: a
// block and the centres of all k per slot; in the driver what the page draws, 5,000 symbols at most.
#include "common/pipeline/pipeline.h"
#include "common/report/html.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/kmeans_summary.h"
#include "jobs/ml/pivot.h"
#include "jobs/ml/returns.h"
#include "jobs/ml/scaler.h"
#include "jobs/ml/stock_summary.h"
#include "jobs/pages/cluster_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct StockClustersOptions : CommonOptions {
  uint32_t k = 6;
  std::string init = "first_k";
  uint64_t seed = 1;
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
  std::string elbow = "2..10";
  std::string close_precision = "single";
  std::string report;
};
MR_OPTIONS(StockClustersOptions, MR_OPTION(k, "integer", "Number of clusters"),
           MR_OPTION(init, "first_k|spaced_k|kmeans-parallel", "How the first centres are chosen"),
           MR_OPTION(seed, "integer", "Of kmeans-parallel: the same seed gives the same centres"),
           MR_OPTION(tolerance, "number", "k-means stops when no centre moves farther than that"),
           MR_OPTION(max_iterations, "integer", "k-means stops after that many iterations"),
           MR_OPTION(elbow, "range", "The k whose costs are compared"),
           MR_OPTION(close_precision, "single|double", "Closing prices are rounded to that precision first"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

void StockClusters(Job& job, const StockClustersOptions& options) {
  const std::string& out = options.output;
  std::vector<uint32_t> ks = ml::ElbowRange(job, options.elbow);
  ks.insert(ks.begin(), options.k);

  // Prices -> one row of returns per symbol.
  const auto series =
      ml::ReturnSeries(job, options.input, ml::IsSingle(options.close_precision), /*all=*/true).Cache();
  ml::SeriesRows(series).Write(out + "/returns");
  const Table pivot = ml::PivotReturns(series);
  pivot.Write(out + "/pivot");

  // Every column to mean 0 and deviation 1.
  const ml::Features raw = ml::MakeFeatures(job, pivot, "Symbol");
  const ml::ScaleParameters parameters = ml::FitScaler(raw, ml::Scaling::kStandardSample);
  ml::ScaledTable(raw, parameters).Write(out + "/scaled");
  const ml::Features scaled = ml::ScaledFeatures(raw, parameters);

  // All k side by side; the first one is the result.
  ks.erase(std::remove_if(ks.begin() + 1, ks.end(), [&](uint32_t k) { return k > scaled.rows; }), ks.end());
  const auto initial = ml::InitialCentres(job, scaled, options.init, ks, options.seed);
  const auto runs = ml::Lloyd(scaled, initial, {options.tolerance, options.max_iterations});
  const ml::Centres& centres = runs[0].centres;
  ml::CentresTable(job, scaled, centres).Write(out + "/centres");
  ml::ElbowTable(job, runs).Write(out + "/elbow");
  const auto labels = ml::Labels(scaled, centres);
  labels.Write(out + "/labels");

  // Averages of the unscaled returns, with the cluster of each symbol.
  const auto summary = ml::SummaryOf(raw, labels).Cache();
  summary.Write(out + "/summary");

  const report::Page page = report::StockClustersPage(raw, runs, summary.Take(report::kMostSymbols),
                                                      ml::Silhouette(scaled, centres));
  WriteReport(job, page);
  job.WriteFile("report.html", report::RenderHtml(report::ToJson(page)).value());
}
MR_JOB("stock-clusters", StockClusters, "Clusters of stocks by their returns, with a report")

}  // namespace millrace
