#include "jobs/pages/streaming_page.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "jobs/pages/cluster_page.h"

namespace millrace::report {
namespace {

constexpr size_t kNumbers = 20'000;   // that a loop's state holds for the page
constexpr size_t kDrawnFeatures = 6;  // by themselves
constexpr size_t kDrawnCentres = 12;  // lines that can be told apart
constexpr size_t kMapFeatures = 32;
constexpr size_t kSharePoints = 30;
constexpr size_t kNameLength = 28;

double Count(uint64_t n) { return static_cast<double>(n); }
std::string CentreName(size_t centre) { return StrCat("centre ", centre); }
size_t DrawnCentres(const StreamingFacts& facts) { return std::min<size_t>(facts.first.k, kDrawnCentres); }

Chart OverBatches(const char* title, const char* y_title) {
  return Chart{.kind = Chart::Kind::kLine, .title = title, .x_title = "batch", .y_title = y_title};
}

Chart CostChart(const StreamingFacts& facts) {
  Chart chart = OverBatches("Cost", "cost per row");
  chart.note =
      "squared distance to the nearest centre, before the centres follow the batch; mean of its rows";
  chart.y_from_zero = true;
  chart.wide = true;
  Series batch{.name = "batch"}, test{.name = "test rows"};
  for (const DrawnBatch& one : facts.drawn) {
    batch.x.push_back(Count(one.batch));
    batch.y.push_back(one.cost / Count(one.points));
    if (!one.test_cost.has_value()) continue;
    test.x.push_back(Count(one.batch));
    test.y.push_back(*one.test_cost / Count(facts.test_rows));
  }
  chart.series.push_back(std::move(batch));
  if (!test.x.empty()) chart.series.push_back(std::move(test));
  return chart;
}

template <typename ValueOf>
Chart CentreLines(const StreamingFacts& facts, const std::string& title, const char* y_title,
                  const ValueOf& value_of) {
  Chart chart = OverBatches("", y_title);
  chart.title = title;
  for (size_t j = 0; j < DrawnCentres(facts); ++j) {
    Series line{.name = CentreName(j)};
    for (const DrawnBatch& one : facts.drawn) {
      line.x.push_back(Count(one.batch));
      line.y.push_back(value_of(one, j));
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

// Which part of its rows each centre gets, over several batches at once: of one it jumps too much to be read.
Chart ShareChart(const StreamingFacts& facts) {
  Chart chart = OverBatches("Share of the rows", "");
  chart.y_format = Format::kPercent;
  chart.y_from_zero = true;
  const size_t drawn = facts.drawn.size(), each = (drawn + kSharePoints - 1) / kSharePoints;
  if (each > 1) chart.note = StrCat("of ", each, " drawn batches at a time");
  for (size_t j = 0; j < DrawnCentres(facts); ++j) {
    Series line{.name = CentreName(j)};
    for (size_t first = 0; first < drawn; first += each) {
      const size_t end = std::min(first + each, drawn);
      uint64_t own = 0, all = 0;
      for (size_t i = first; i < end; ++i) {
        own += facts.drawn[i].counts[j];
        all += facts.drawn[i].points;
      }
      line.x.push_back(Count(facts.drawn[end - 1].batch));
      line.y.push_back(Count(own) / Count(all));
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

// Of every drawn centre where it began and was after each drawn batch.
std::vector<std::vector<std::vector<double>>> Paths(const StreamingFacts& facts) {
  std::vector<std::vector<std::vector<double>>> paths(DrawnCentres(facts));
  const size_t d = facts.features.size();
  for (uint32_t j = 0; j < paths.size(); ++j) {
    paths[j].emplace_back(facts.first.row(j), facts.first.row(j) + d);
    for (const DrawnBatch& one : facts.drawn)
      paths[j].emplace_back(one.after.centres.row(j), one.after.centres.row(j) + d);
  }
  return paths;
}

Chart PathChart(const StreamingFacts& facts) {
  const bool plane = facts.features.size() <= 2;
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "Paths of the centres",
              .note = StrCat("from the dot without a name to the one with it",
                             plane ? "" : ", on the two principal components of all places"),
              .x_title = plane ? Clipped(facts.features[0], kNameLength) : "first component",
              .y_title = facts.features.size() == 1 ? ""
                         : plane                    ? Clipped(facts.features[1], kNameLength)
                                                    : "second component",
              .names_shown = true};
  const auto paths = Paths(facts);
  std::vector<std::vector<double>> places;
  for (const auto& path : paths) places.insert(places.end(), path.begin(), path.end());
  if (!plane) places = TwoComponents(places);
  size_t at = 0;
  for (size_t j = 0; j < paths.size(); ++j) {
    Series line{.name = CentreName(j)};
    for (size_t i = 0; i < paths[j].size(); ++i, ++at) {
      line.x.push_back(places[at][0]);
      line.y.push_back(places[at].size() > 1 ? places[at][1] : 0);
      line.names.push_back(i + 1 == paths[j].size() ? StrCat(j) : i == 0 ? " " : "");
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

// Those along which the centres moved most, in the order of the columns.
std::vector<size_t> MovingFeatures(const StreamingFacts& facts) {
  const size_t d = facts.features.size();
  std::vector<double> moved(d);
  for (const auto& path : Paths(facts))
    for (size_t i = 1; i < path.size(); ++i)
      for (size_t f = 0; f < d; ++f) moved[f] += std::abs(path[i][f] - path[i - 1][f]);
  std::vector<size_t> order(d);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return moved[a] > moved[b]; });
  order.resize(std::min(d, kDrawnFeatures));
  std::sort(order.begin(), order.end());
  return order;
}

HeatMap LastCentres(const StreamingFacts& facts) {
  HeatMap map{.title = "The centres at the end",
              .note = "standardised: deviations from the mean of all rows"};
  const size_t d = std::min(facts.features.size(), kMapFeatures);
  if (d < facts.features.size())
    map.note += StrCat("; the first ", d, " of ", facts.features.size(), " features");
  for (size_t f = 0; f < d; ++f) map.columns.push_back(Clipped(facts.features[f], kNameLength));
  double greatest = 0;
  for (uint32_t j = 0; j < DrawnCentres(facts); ++j) {
    map.rows.push_back(CentreName(j));
    map.values.emplace_back(facts.last.centres.row(j), facts.last.centres.row(j) + d);
    for (const double x : map.values.back()) greatest = std::max(greatest, std::abs(x));
  }
  map.high = greatest > 0 ? greatest : 1;
  map.low = -map.high;
  return map;
}

Chart LabelChart(const StreamingFacts& facts) {
  Chart chart{
      .kind = Chart::Kind::kBars, .title = "Test rows per centre", .x_title = "centre", .y_title = "rows"};
  Series bars{.name = ""};
  for (size_t j = 0; j < DrawnCentres(facts); ++j) {
    chart.categories.push_back(StrCat(j));
    bars.y.push_back(Count(facts.label_counts[j]));
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

}  // namespace

bool IsDrawnBatch(uint64_t batch, uint64_t batches, uint64_t test_every, const ml::Centres& centres) {
  const uint64_t most = std::clamp<uint64_t>(kNumbers / (centres.values.size() + 2 * centres.k + 4), 20, 400);
  uint64_t each = (batches + most - 1) / most;
  if (each > 1) each = (each + test_every - 1) / test_every * test_every;
  return batch % each == 0 || batch + 1 == batches;
}

Page StreamingPage(const StreamingFacts& facts) {
  Page page{
      "Clusters of a stream",
      StrCat(Short(Count(facts.train_rows)), " rows in ", Short(Count(facts.batches)),
             facts.batches == 1 ? " batch, " : " batches, ", Short(Count(facts.test_rows)), " test rows"),
      {}};
  page.Add(Figures{{{"clusters", StrCat(facts.first.k)},
                    {"features", StrCat(facts.features.size())},
                    {"batches", Short(Count(facts.batches))},
                    {"test cost per row at the end",
                     Short(facts.test_rows == 0 ? kNone : facts.final_test_cost / Count(facts.test_rows))},
                    {"splits of centres", Short(Count(facts.splits.size()))}}});
  if (facts.drawn.empty()) return page;
  if (facts.drawn.size() < facts.batches || DrawnCentres(facts) < facts.first.k)
    page.subtitle += StrCat("; ", facts.drawn.size(), " of ", facts.batches, " batches and ",
                            DrawnCentres(facts), " of ", facts.first.k, " centres are drawn");
  page.Add(CostChart(facts));
  page.Add(PathChart(facts));
  page.Add(CentreLines(facts, "Weights", "weight",
                       [](const DrawnBatch& one, size_t j) { return one.after.weights[j]; }));
  page.Add(ShareChart(facts));
  const std::vector<size_t> features = MovingFeatures(facts);
  page.Add(Part{
      "Centres by feature",
      features.size() < facts.features.size()
          ? StrCat("The ", features.size(), " features along which the centres moved most; standardised.")
          : std::string("Standardised.")});
  for (const size_t f : features)
    page.Add(CentreLines(
        facts, Clipped(facts.features[f], kNameLength), "",
        [f](const DrawnBatch& one, size_t j) { return one.after.centres.row(static_cast<uint32_t>(j))[f]; }));
  if (facts.test_rows > 0) page.Add(LabelChart(facts));
  page.Add(LastCentres(facts));
  return page;
}

}  // namespace millrace::report
