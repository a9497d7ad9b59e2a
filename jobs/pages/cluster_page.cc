#include "jobs/pages/cluster_page.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

namespace millrace::report {
namespace {

constexpr size_t kSampleRows = 1500;
constexpr size_t kMostLines = 40;       // of a cluster's plot: more is a grey wall
constexpr uint64_t kMostMembers = 400;  // whose lines are fetched
constexpr size_t kMostColumns = 12;     // of a cluster's bars
constexpr size_t kNamedInSheet = 60;

std::string ClusterName(uint32_t cluster) { return StrCat("cluster ", cluster); }

uint32_t Nearest(const std::vector<double>& row, const ml::Centres& centres) {
  uint32_t best = 0;
  double least = INFINITY;
  for (uint32_t c = 0; c < centres.k; ++c) {
    double distance = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      const double d = row[i] - centres.values[c * row.size() + i];
      distance += d * d;
    }
    if (distance < least) {
      least = distance;
      best = c;
    }
  }
  return best;
}

Chart ScatterChart(const ml::Features& features, const ClusterSample& sample, uint32_t k) {
  Chart chart{.kind = Chart::Kind::kScatter, .title = "Rows"};
  const bool plane = features.names.size() <= 2;
  const std::vector<std::vector<double>> places = plane ? sample.rows : TwoComponents(sample.rows);
  chart.note =
      StrCat(sample.rows.size() < features.rows ? StrCat(sample.rows.size(), " of the rows, evenly spread, ")
                                                : std::string("all rows "),
             plane ? "by their columns" : "on their two principal components");
  chart.x_title = plane ? features.names[0] : "first component";
  chart.y_title = features.names.size() == 1 ? "" : plane ? features.names[1] : "second component";
  chart.series.resize(k);
  for (uint32_t c = 0; c < k; ++c) chart.series[c].name = ClusterName(c);
  for (size_t i = 0; i < places.size(); ++i) {
    Series& series = chart.series[sample.clusters[i]];
    series.x.push_back(places[i][0]);
    series.y.push_back(places[i].size() > 1 ? places[i][1] : 0);
  }
  return chart;
}

// The centres' distances from the sample's mean, in its standard deviations; 0 where there is none.
std::vector<std::vector<double>> Standardised(const ml::Features& features, const ml::Centres& centres,
                                              const ClusterSample& sample) {
  const size_t d = features.names.size();
  std::vector<double> mean(d), deviation(d);
  const double n = static_cast<double>(sample.rows.size());
  for (const std::vector<double>& row : sample.rows)
    for (size_t i = 0; i < d; ++i) mean[i] += row[i] / n;
  for (const std::vector<double>& row : sample.rows)
    for (size_t i = 0; i < d; ++i) deviation[i] += (row[i] - mean[i]) * (row[i] - mean[i]) / n;
  std::vector<std::vector<double>> out(centres.k, std::vector<double>(d));
  for (uint32_t c = 0; c < centres.k; ++c) {
    for (size_t i = 0; i < d; ++i) {
      if (deviation[i] > 0) out[c][i] = (centres.values[c * d + i] - mean[i]) / std::sqrt(deviation[i]);
    }
  }
  return out;
}

Chart CentreBars(const ml::Features& features, uint32_t cluster, uint64_t size,
                 const std::vector<double>& apart) {
  std::vector<size_t> order(apart.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (order.size() > kMostColumns) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return std::abs(apart[a]) > std::abs(apart[b]); });
    order.resize(kMostColumns);
  }
  Chart chart{.kind = Chart::Kind::kSideways,
              .title = StrCat("Cluster ", cluster),
              .note = StrCat(Short(static_cast<double>(size)), size == 1 ? " row" : " rows",
                             apart.size() > kMostColumns
                                 ? StrCat("; the ", kMostColumns, " columns farthest from the mean")
                                 : std::string()),
              .y_title = "standard deviations from the mean"};
  Series series{.name = "", .hue = static_cast<int>(cluster)};
  for (const size_t i : order) {
    chart.categories.push_back(features.names[i]);
    series.y.push_back(apart[i]);
  }
  chart.series.push_back(std::move(series));
  return chart;
}

Figures RunFigures(const ml::Features& features, const ml::KMeansRun& run, std::optional<double> silhouette) {
  Figures figures{{{"rows", Short(static_cast<double>(features.rows))},
                   {"columns", Short(static_cast<double>(features.names.size()))},
                   {"clusters", StrCat(run.centres.k)},
                   {run.converged ? "iterations" : "iterations, not converged", StrCat(run.iterations)},
                   {"final cost", Short(run.final_cost)}}};
  if (silhouette.has_value()) figures.figures.push_back({"mean silhouette", Short(*silhouette)});
  return figures;
}

}  // namespace

Chart ElbowChart(const std::vector<ml::KMeansRun>& runs) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "Elbow",
              .note = StrCat("cost by number of clusters; k = ", runs[0].centres.k, " was taken"),
              .x_title = "k",
              .y_title = "cost"};
  Series series{.name = ""};
  for (size_t i = 1; i < runs.size(); ++i) {
    series.x.push_back(runs[i].centres.k);
    series.y.push_back(runs[i].final_cost);
  }
  chart.series.push_back(std::move(series));
  chart.mark_x = runs[0].centres.k;
  chart.y_from_zero = true;
  return chart;
}

Chart SilhouetteChart(const std::vector<ml::KMeansRun>& runs, const std::vector<double>& silhouettes) {
  Chart chart{
      .kind = Chart::Kind::kLine, .title = "Silhouette", .x_title = "k", .y_title = "mean silhouette"};
  Series series{.name = ""};
  size_t best = 0;
  for (size_t i = 1; i < runs.size(); ++i) {
    const bool defined = runs[i].centres.k > 1;
    series.x.push_back(runs[i].centres.k);
    series.y.push_back(defined ? silhouettes[i] : kNone);
    if (defined && (best == 0 || silhouettes[i] > silhouettes[best])) best = i;
  }
  chart.note = StrCat(
      "how well rows lie in their cluster: 1 well, 0 between two, below 0 in the wrong one; highest at k = ",
      runs[best].centres.k);
  chart.series.push_back(std::move(series));
  chart.mark_x = runs[0].centres.k;
  chart.y_from_zero = true;
  return chart;
}

ClusterSample SampleClusters(const ml::Features& features, const ml::Centres& centres, size_t most) {
  const uint64_t m = std::min<uint64_t>(features.rows, most);
  std::vector<ml::RowPlace> places;
  for (uint64_t i = 0; i < m; ++i) places.push_back(features.Place(i * features.rows / m));
  ClusterSample sample{ml::FetchRows(features, places), {}};
  for (const std::vector<double>& row : sample.rows) sample.clusters.push_back(Nearest(row, centres));
  return sample;
}

std::vector<std::vector<double>> TwoComponents(const std::vector<std::vector<double>>& rows) {
  std::vector<std::vector<double>> out(rows.size(), std::vector<double>(2));
  if (rows.empty() || rows[0].empty()) return out;
  const Eigen::Index m = static_cast<Eigen::Index>(rows.size()),
                     d = static_cast<Eigen::Index>(rows[0].size());
  Eigen::MatrixXd x(m, d);
  for (Eigen::Index r = 0; r < m; ++r)
    for (Eigen::Index c = 0; c < d; ++c) x(r, c) = rows[static_cast<size_t>(r)][static_cast<size_t>(c)];
  x.rowwise() -= x.colwise().mean().eval();
  const bool wide = d > m;  // the smaller of the two products has the same components
  const Eigen::MatrixXd gram = wide ? Eigen::MatrixXd(x * x.transpose()) : Eigen::MatrixXd(x.transpose() * x);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);  // ascending
  for (Eigen::Index k = 0; k < std::min<Eigen::Index>(2, gram.rows()); ++k) {
    Eigen::VectorXd component = solver.eigenvectors().col(gram.rows() - 1 - k);
    if (wide) component = x.transpose() * component;
    const double length = component.norm();
    if (length == 0) continue;
    Eigen::Index largest = 0;
    component.cwiseAbs().maxCoeff(&largest);
    component *= (component(largest) < 0 ? -1 : 1) / length;
    const Eigen::VectorXd scores = x * component;
    for (Eigen::Index r = 0; r < m; ++r) out[static_cast<size_t>(r)][static_cast<size_t>(k)] = scores(r);
  }
  return out;
}

Page KMeansPage(const ml::Features& features, const std::vector<ml::KMeansRun>& runs,
                const std::vector<double>& silhouettes) {
  const ml::KMeansRun& run = runs[0];
  const ClusterSample sample = SampleClusters(features, run.centres, kSampleRows);
  Page page{"Clusters by k-means",
            StrCat(Short(static_cast<double>(features.rows)), " rows of ", features.names.size(),
                   " columns in ", run.centres.k, " clusters"),
            {}};
  page.Add(RunFigures(features, run, silhouettes.empty() ? std::nullopt : std::optional(silhouettes[0])));
  if (runs.size() > 1) page.Add(ElbowChart(runs));
  const auto several = std::count_if(runs.begin() + 1, runs.end(),
                                     [](const ml::KMeansRun& each) { return each.centres.k > 1; });
  if (several > 1 && !silhouettes.empty()) page.Add(SilhouetteChart(runs, silhouettes));
  page.Add(ScatterChart(features, sample, run.centres.k));
  Chart costs{
      .kind = Chart::Kind::kLine, .title = "Cost per iteration", .x_title = "iteration", .y_title = "cost"};
  Series series{.name = ""};
  for (size_t i = 0; i < run.cost_per_iteration.size(); ++i) {
    series.x.push_back(static_cast<double>(i + 1));
    series.y.push_back(run.cost_per_iteration[i]);
  }
  series.x.push_back(static_cast<double>(run.cost_per_iteration.size() + 1));
  series.y.push_back(run.final_cost);
  costs.series.push_back(std::move(series));
  page.Add(std::move(costs));
  Chart sizes{.kind = Chart::Kind::kBars, .title = "Rows per cluster", .y_title = "rows"};
  Series counts{.name = ""};
  for (uint32_t c = 0; c < run.centres.k; ++c) {
    sizes.categories.push_back(StrCat(c));
    counts.y.push_back(static_cast<double>(run.final_sizes[c]));
  }
  sizes.x_title = "cluster";
  sizes.series.push_back(std::move(counts));
  page.Add(std::move(sizes));
  page.Add(Part{"What sets the clusters apart",
                "Each centre against the mean of the rows, in their standard deviations."});
  const auto apart = Standardised(features, run.centres, sample);
  for (uint32_t c = 0; c < run.centres.k; ++c)
    page.Add(CentreBars(features, c, run.final_sizes[c], apart[c]));
  return page;
}

Page StockClustersPage(const ml::Features& pivot, const std::vector<ml::KMeansRun>& runs,
                       const std::vector<ml::StockSummary>& members, double silhouette) {
  const uint32_t k = runs[0].centres.k;
  std::vector<std::string> days;  // of every second column: the cumulative returns
  for (size_t i = 1; i < pivot.names.size(); i += 2)
    days.push_back(pivot.names[i].substr(0, pivot.names[i].find('_')));
  Page page{"Stocks that moved alike",
            StrCat(pivot.rows, " symbols in ", k, " clusters by their daily and cumulative returns, ",
                   days.front(), " to ", days.back()),
            {}};
  page.Add(RunFigures(pivot, runs[0], silhouette));
  if (runs.size() > 1) page.Add(ElbowChart(runs));
  Chart scatter{
      .kind = Chart::Kind::kScatter,
      .title = "Symbols",
      .note = StrCat(
          "average daily against average cumulative return",
          members.size() < pivot.rows ? StrCat("; the first ", members.size(), " are drawn") : std::string()),
      .x_title = "average daily return",
      .y_title = "average cumulative return",
      .x_format = Format::kPercent,
      .y_format = Format::kPercent,
      .names_shown = true};
  scatter.series.resize(k);
  std::vector<std::vector<size_t>> of_cluster(k);
  for (uint32_t c = 0; c < k; ++c) scatter.series[c].name = ClusterName(c);
  for (size_t i = 0; i < members.size(); ++i) {
    Series& series = scatter.series[members[i].cluster];
    series.x.push_back(members[i].average_daily);
    series.y.push_back(members[i].average_cumulative);
    series.names.push_back(members[i].symbol);
    of_cluster[members[i].cluster].push_back(i);
  }
  page.Add(std::move(scatter));

  std::vector<ml::RowPlace> places;
  for (uint64_t row = 0; row < std::min(pivot.rows, kMostMembers); ++row) places.push_back(pivot.Place(row));
  const std::vector<std::vector<double>> rows = ml::FetchRows(pivot, places);
  page.Add(Part{"Cumulative returns", ""});
  Sheet sheet{.title = "Members", .columns = {"cluster", "members", "symbols"}, .wide = true};
  for (uint32_t c = 0; c < k; ++c) {
    const uint64_t size = runs[0].final_sizes[c];
    Chart chart{.kind = Chart::Kind::kLine,
                .title = StrCat("Cluster ", c),
                .categories = days,
                .y_format = Format::kPercent};
    std::string names;
    uint64_t named = 0;
    for (size_t at = 0; at < of_cluster[c].size(); ++at) {
      const size_t i = of_cluster[c][at];
      if (at < kNamedInSheet) {
        names += (names.empty() ? "" : ", ") + members[i].symbol;
        ++named;
      }
      if (i >= rows.size() || chart.series.size() >= kMostLines) continue;
      Series line{.name = members[i].symbol, .hue = size > 10 ? static_cast<int>(c) : -1};
      line.faint = size > 10;
      for (size_t column = 1; column < rows[i].size(); column += 2) line.y.push_back(rows[i][column]);
      chart.series.push_back(std::move(line));
    }
    if (size > named) names += StrCat(named == 0 ? "" : " and ", size - named, " more");
    chart.note = StrCat(
        size, size == 1 ? " symbol" : " symbols",
        chart.series.size() < size ? StrCat(", the first ", chart.series.size(), " drawn") : std::string());
    if (!chart.series.empty()) page.Add(std::move(chart));
    sheet.rows.push_back({StrCat(c), StrCat(size), names});
  }
  page.Add(std::move(sheet));
  return page;
}

}  // namespace millrace::report
