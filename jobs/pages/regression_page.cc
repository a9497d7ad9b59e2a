#include "jobs/pages/regression_page.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace millrace::report {
namespace {

constexpr uint64_t kShown = 1000;
constexpr uint32_t kBins = 40;
constexpr double kSpread = 4;  // root mean squares
constexpr size_t kDrawnCoefficients = 20;
constexpr size_t kListedCoefficients = 200;
constexpr size_t kNameLength = 36;

double Count(uint64_t n) { return static_cast<double>(n); }
double MeanSquare(const ml::RegressionTally& tally) { return tally.squares.Total() / Count(tally.rows); }
double R2(const ml::RegressionTally& tally) {
  return tally.spread == 0 ? kNone : 1 - tally.squares.Total() / tally.spread;
}

std::string ShownNote(const RegressionFacts& facts) {
  const char* rows = facts.has_test ? "test rows" : "rows";
  return facts.shown.size() < facts.judged.rows ? StrCat(facts.shown.size(), " of the ", rows, ", by chance")
                                                : StrCat("all ", rows);
}

Chart FitChart(const RegressionFacts& facts) {
  Chart chart{.kind = Chart::Kind::kScatter,
              .title = "Fit",
              .note = ShownNote(facts) + "; on the line a prediction is right",
              .x_title = "predicted",
              .y_title = "actual"};
  Series points{.name = facts.target, .hue = 0}, line{.name = "right", .hue = 1};
  double least = INFINITY, greatest = -INFINITY;
  for (const ml::ShownPrediction& one : facts.shown) {
    points.x.push_back(one.prediction);
    points.y.push_back(one.target);
    least = std::min(least, one.prediction);
    greatest = std::max(greatest, one.prediction);
  }
  line.x = line.y = {least, greatest};
  line.dashed = true;
  chart.series = {std::move(points), std::move(line)};
  return chart;
}

Chart ResidualChart(const RegressionFacts& facts) {
  Chart chart{.kind = Chart::Kind::kScatter,
              .title = "Residuals by prediction",
              .note = ShownNote(facts) + "; a bend or a funnel is what the model misses",
              .x_title = "predicted",
              .y_title = "actual - predicted"};
  Series points{.name = ""};
  for (const ml::ShownPrediction& one : facts.shown) {
    points.x.push_back(one.prediction);
    points.y.push_back(one.target - one.prediction);
  }
  chart.series.push_back(std::move(points));
  return chart;
}

Chart HistogramChart(const RegressionFacts& facts) {
  const double n = Count(facts.bins.size()), width = (facts.greatest - facts.least) / n;
  Chart chart{.kind = Chart::Kind::kHistogram,
              .title = "Residuals",
              .note = facts.has_test ? "of all test rows" : "of all rows",
              .x_title = "actual - predicted",
              .y_title = "rows"};
  if (facts.judged.least < facts.least || facts.judged.greatest > facts.greatest)
    chart.note += StrCat(", ", Short(facts.judged.least), " to ", Short(facts.judged.greatest),
                         "; the outermost bins hold what lies beyond");
  Series bars{.name = ""};
  for (size_t i = 0; i < facts.bins.size(); ++i) {
    chart.categories.push_back(
        StrCat(Short(facts.least + Count(i) * width), " – ", Short(facts.least + Count(i + 1) * width)));
    bars.y.push_back(Count(facts.bins[i]));
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

double T(const ml::LinearModel& model, size_t i) {
  return model.errors[i] > 0 ? model.coefficients[i] / model.errors[i] : kNone;
}

Chart CoefficientChart(const RegressionFacts& facts) {
  std::vector<size_t> order;
  for (size_t i = 0; i < facts.features.size(); ++i)
    if (std::isfinite(T(facts.model, i))) order.push_back(i);
  const size_t all = order.size();
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(T(facts.model, a)) > std::abs(T(facts.model, b));
  });
  order.resize(std::min(order.size(), kDrawnCoefficients));
  Chart chart{.kind = Chart::Kind::kSideways,
              .title = "What counts",
              .note = StrCat(
                  "coefficient / its standard error",
                  order.size() < all ? StrCat("; the ", order.size(), " greatest of ", all) : std::string()),
              .y_title = "t"};
  Series bars{.name = ""};
  for (const size_t i : order) {
    chart.categories.push_back(Clipped(facts.features[i], kNameLength));
    bars.y.push_back(T(facts.model, i));
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

Sheet CoefficientSheet(const RegressionFacts& facts) {
  Sheet sheet{.title = "Coefficients", .columns = {"feature", "coefficient", "standard error", "t"}};
  const size_t n = std::min(facts.features.size(), kListedCoefficients);
  if (n < facts.features.size())
    sheet.note = StrCat("the first ", n, " of ", facts.features.size(), "; the table has all");
  for (size_t i = 0; i < n; ++i)
    sheet.rows.push_back({Clipped(facts.features[i], kNameLength), Short(facts.model.coefficients[i]),
                          Short(facts.model.errors[i]), Short(T(facts.model, i))});
  const double error = facts.model.intercept_error;
  sheet.rows.push_back({"(intercept)", Short(facts.model.intercept), Short(error),
                        Short(error > 0 ? facts.model.intercept / error : kNone)});
  return sheet;
}

}  // namespace

RegressionFacts FactsOfRegression(const ml::Samples& samples, const ml::LinearModel& model,
                                  const ml::RegressionTally& train, const ml::RegressionTally& judged) {
  RegressionFacts facts;
  facts.target = samples.target;
  facts.features = samples.names;
  facts.has_test = samples.HasTest();
  facts.model = model;
  facts.train = train;
  facts.judged = judged;
  facts.shown = ml::SamplePredictions(samples, model, kShown);
  const double reach = kSpread * std::sqrt(MeanSquare(judged));
  facts.least = std::max(judged.least, -reach);
  facts.greatest = std::min(judged.greatest, reach);
  if (facts.least < facts.greatest)  // not where the fit is exact
    facts.bins = ml::CountResiduals(samples, model, facts.least, facts.greatest, kBins);
  return facts;
}

Page RegressionPage(const RegressionFacts& facts) {
  Page page{"Linear regression",
            StrCat(facts.target, " from ", facts.features.size(),
                   facts.features.size() == 1 ? " feature" : " features"),
            {}};
  Figures figures{{{facts.has_test ? "train rows" : "rows", Short(Count(facts.train.rows))},
                   {facts.has_test ? "R², train" : "R²", Short(R2(facts.train))},
                   {facts.has_test ? "RMSE, train" : "RMSE", Short(std::sqrt(MeanSquare(facts.train)))}}};
  if (facts.has_test) {
    figures.figures.push_back({"test rows", Short(Count(facts.judged.rows))});
    figures.figures.push_back({"R², test", Short(R2(facts.judged))});
    figures.figures.push_back({"RMSE, test", Short(std::sqrt(MeanSquare(facts.judged)))});
  }
  figures.figures.push_back(
      {"mean error", Short(facts.judged.magnitudes.Total() / Count(facts.judged.rows))});
  page.Add(std::move(figures));
  if (!facts.shown.empty()) {
    page.Add(FitChart(facts));
    page.Add(ResidualChart(facts));
  }
  if (!facts.bins.empty()) page.Add(HistogramChart(facts));
  page.Add(Part{"The model", ""});
  if (Chart chart = CoefficientChart(facts); !chart.categories.empty()) page.Add(std::move(chart));
  page.Add(CoefficientSheet(facts));
  return page;
}

}  // namespace millrace::report
