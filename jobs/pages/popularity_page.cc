#include "jobs/pages/popularity_page.h"

#include <algorithm>
#include <set>

namespace millrace::report {
namespace {

constexpr size_t kDrawnClusters = 12;
constexpr size_t kDrawnTriggers = 20;
constexpr size_t kDrawnStations = 12;  // per cluster
constexpr size_t kSheetStations = 7;
constexpr size_t kNameLength = 24;

double Count(uint64_t n) { return static_cast<double>(n); }
std::string ClusterName(const ml::Groups& groups, uint32_t cluster) {
  return StrCat("Cluster ", Clipped(groups.clusters[cluster], kNameLength));
}

std::vector<ml::Popularity> Of(const std::vector<ml::Popularity>& best, uint32_t subset, uint32_t cluster) {
  std::vector<ml::Popularity> rows;
  for (const ml::Popularity& row : best)
    if (row.subset == subset && row.cluster == cluster) rows.push_back(row);
  return rows;
}

Chart StationChart(const std::string& title, std::vector<ml::Popularity> rows) {
  Chart chart{.kind = Chart::Kind::kSideways,
              .title = title,
              .note = StrCat(Short(Count(rows[0].views_of_cluster)),
                             rows[0].views_of_cluster == 1 ? " view" : " views"),
              .y_title = "% of views"};
  rows.resize(std::min(rows.size(), kDrawnStations));
  Series cluster{.name = "this cluster"}, everybody{.name = "everybody", .hue = 7};
  for (const ml::Popularity& row : rows) {
    chart.categories.push_back(Clipped(row.station, kNameLength));
    cluster.y.push_back(row.popularity);
    everybody.y.push_back(row.general);
  }
  chart.series = {std::move(cluster), std::move(everybody)};
  return chart;
}

Sheet StationSheet(const ml::Groups& groups, const std::vector<ml::Popularity>& best, uint32_t subset) {
  Sheet sheet{.title = "Best stations by rank", .wide = true};
  size_t most = 0;
  for (uint32_t c = 0; c < groups.clusters.size(); ++c) {
    const std::vector<ml::Popularity> rows = Of(best, subset, c);
    std::vector<std::string> line = {groups.clusters[c],
                                     rows.empty() ? "0" : Short(Count(rows[0].views_of_cluster))};
    for (size_t i = 0; i < std::min(rows.size(), kSheetStations); ++i)
      line.push_back(Clipped(rows[i].station, kNameLength));
    most = std::max(most, line.size() - 2);
    sheet.rows.push_back(std::move(line));
  }
  sheet.columns = {"cluster", "views"};
  for (size_t i = 1; i <= most; ++i) sheet.columns.push_back(StrCat(i));
  for (std::vector<std::string>& line : sheet.rows) line.resize(most + 2);
  return sheet;
}

std::string SubsetTitle(const ml::Groups& groups, uint32_t subset) {
  if (subset == 0) return groups.subsets() == 1 ? "Best stations" : "All households";
  return StrCat("One household in ", groups.divisors[subset - 1]);
}

Chart ViewsChart(const ml::Groups& groups, const std::vector<uint64_t>& views) {
  Chart chart{
      .kind = Chart::Kind::kBars, .title = "Views per cluster", .x_title = "cluster", .y_title = "views"};
  const size_t clusters = groups.clusters.size(), drawn = std::min<size_t>(clusters, 2 * kDrawnClusters);
  if (drawn < clusters) chart.note = StrCat("the first ", drawn, " of ", clusters, " clusters");
  for (size_t c = 0; c < drawn; ++c) chart.categories.push_back(Clipped(groups.clusters[c], kNameLength));
  for (uint32_t subset = 0; subset < groups.subsets(); ++subset) {
    Series bars{.name = groups.subsets() == 1 ? "" : groups.subset_names[subset]};
    for (size_t c = 0; c < drawn; ++c) bars.y.push_back(Count(views[subset * clusters + c]));
    chart.series.push_back(std::move(bars));
  }
  return chart;
}

// The stations that are best after the last batch, on their way there.
Chart ArrivalChart(const std::string& cluster, const std::vector<ml::Arrival>& arrivals) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = StrCat("Cluster ", Clipped(cluster, kNameLength)),
              .x_title = "events so far",
              .y_title = "difference, % of views"};
  std::set<uint64_t> events;
  for (const ml::Arrival& row : arrivals) events.insert(row.events);
  for (const ml::Arrival& last : arrivals) {
    if (last.events != *events.rbegin() || last.cluster != cluster || chart.series.size() >= kDrawnStations)
      continue;
    Series line{.name = Clipped(last.station, kNameLength)};
    for (const uint64_t so_far : events) {
      const auto found = std::find_if(arrivals.begin(), arrivals.end(), [&](const ml::Arrival& row) {
        return row.events == so_far && row.cluster == cluster && row.station == last.station;
      });
      line.x.push_back(Count(so_far));
      line.y.push_back(found == arrivals.end() ? kNone : found->diff_rank);
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

}  // namespace

bool IsDrawnTrigger(uint64_t trigger, uint64_t triggers) {
  return trigger + 1 == triggers || trigger % (triggers / kDrawnTriggers + 1) == 0;
}

Page PopularityPage(const ml::Groups& groups, const ml::ViewTotals& totals,
                    const std::vector<ml::Popularity>& best, const std::vector<ml::Arrival>& arrivals) {
  const std::vector<uint64_t> views = groups.PerCluster(totals.views);
  uint64_t joined = 0;
  const size_t clusters = groups.clusters.size(), drawn = std::min(clusters, kDrawnClusters);
  for (size_t c = 0; c < clusters; ++c) joined += views[c];
  Page page{"Station popularity",
            StrCat("What ", clusters, clusters == 1 ? " cluster" : " clusters",
                   " of households watch more than everybody does"),
            {}};
  page.Add(Figures{{{"events", Short(Count(totals.All()))},
                    {"of known households", Short(Count(joined))},
                    {"without a station", Short(Count(totals.without_station))},
                    {"stations", Short(Count(totals.stations))},
                    {"clusters", Short(Count(clusters))}}});
  if (joined > 0) page.Add(ViewsChart(groups, views));
  for (uint32_t subset = 0; subset < groups.subsets(); ++subset) {
    page.Add(
        Part{SubsetTitle(groups, subset),
             StrCat(subset == 0 ? "" : "By rank: the nearest to the centre of its cluster is the first. ",
                    "The stations whose share of the views is most above that of all households",
                    drawn < clusters ? StrCat("; the first ", drawn, " clusters are drawn.") : ".")});
    for (uint32_t c = 0; c < drawn; ++c)
      if (const auto rows = Of(best, subset, c); !rows.empty())
        page.Add(StationChart(ClusterName(groups, c), rows));
    page.Add(StationSheet(groups, best, subset));
  }
  if (arrivals.empty()) return page;
  page.Add(
      Part{"As events arrive", StrCat("The best stations after the last batch, of ",
                                      groups.subsets() > 1 ? StrCat("one household in ", groups.divisors[0])
                                                           : std::string("all households"),
                                      ": a gap where one was not among the best.")});
  for (uint32_t c = 0; c < drawn; ++c) {
    Chart chart = ArrivalChart(groups.clusters[c], arrivals);
    if (!chart.series.empty()) page.Add(std::move(chart));
  }
  return page;
}

}  // namespace millrace::report
