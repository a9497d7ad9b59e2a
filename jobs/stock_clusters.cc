// Stocks that moved alike: returns -> pivot -> scale -> elbow -> k-means -> averages per symbol -> report.
//
//   mrsubmit run --local stock-clusters --input=prices.csv --output=clusters
//
// Input: CSV with the columns Symbol, Date, Close; every symbol needs a row of every date. Output: returns/,
// pivot/, scaled/, centres/, labels/, elbow/, summary/ (Symbol, cluster, average of all cells of its pivot
// row, of the daily ones, of the cumulative ones) and report.html, a page with all plots that needs no
// network.
#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/kmeans_summary.h"
#include "jobs/ml/pivot.h"
#include "jobs/ml/returns.h"
#include "jobs/ml/scaler.h"
#include "jobs/ml/stock_summary.h"
#include "jobs/report/cluster_report.h"

namespace millrace {

struct StockClustersOptions : CommonOptions {
  uint32_t k = 6;
  std::string init = "first_k";
  uint64_t seed = 1;
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
  std::string elbow = "2..10";
  std::string close_precision = "single";
};
MR_OPTIONS(StockClustersOptions, MR_OPTION(k, "integer", "Number of clusters"),
           MR_OPTION(init, "first_k|spaced_k|kmeans-parallel", "How the first centres are chosen"),
           MR_OPTION(seed, "integer", "Of kmeans-parallel: the same seed gives the same centres"),
           MR_OPTION(tolerance, "number", "k-means stops when no centre moves farther than that"),
           MR_OPTION(max_iterations, "integer", "k-means stops after that many iterations"),
           MR_OPTION(elbow, "range", "The k whose costs are compared"),
           MR_OPTION(close_precision, "single|double", "Closing prices are rounded to that precision first"))

constexpr uint64_t kMostLines = 400;  // symbols whose lines are drawn

// What the page shows: the elbow, every symbol's averages, and the cumulative returns of the first symbols.
report::ClusterReport Report(const ml::Features& pivot, const std::vector<ml::KMeansRun>& runs,
                             const Dataset<ml::StockSummary>& summary, double silhouette) {
  report::ClusterReport page;
  page.k = runs[0].centres.k;
  page.silhouette = silhouette;
  page.title = "Stocks that moved alike";
  for (size_t i = 1; i < pivot.names.size(); i += 2)
    page.columns.push_back(pivot.names[i].substr(0, pivot.names[i].find('_')));
  page.subtitle =
      StrCat(pivot.rows, " symbols in ", page.k, " clusters by their daily and cumulative returns, ",
             page.columns.front(), " to ", page.columns.back());
  for (size_t i = 1; i < runs.size(); ++i) page.elbow.push_back({runs[i].centres.k, runs[i].final_cost});
  std::vector<ml::RowPlace> places;
  for (uint64_t row = 0; row < std::min(pivot.rows, kMostLines); ++row) places.push_back(pivot.Place(row));
  std::vector<std::vector<double>> rows = ml::FetchRows(pivot, places);
  for (const ml::StockSummary& s : summary.Collect()) {
    report::ClusterMember member{s.symbol, s.cluster, s.average_daily, s.average_cumulative, {}};
    if (page.members.size() < rows.size())
      for (size_t i = 1; i < pivot.names.size(); i += 2) member.line.push_back(rows[page.members.size()][i]);
    page.members.push_back(std::move(member));
  }
  return page;
}

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

  job.WriteFile("report.html",
                report::RenderHtml(Report(raw, runs, summary, ml::Silhouette(scaled, centres))));
}
MR_JOB("stock-clusters", StockClusters, "Clusters of stocks by their returns, with a report")

}  // namespace millrace
