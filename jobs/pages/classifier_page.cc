#include "jobs/pages/classifier_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace millrace::report {
namespace {

constexpr uint64_t kRocPoints = 400;
constexpr uint32_t kBands = 20;
constexpr size_t kDrawnCoefficients = 20;
constexpr size_t kNameLength = 36;
constexpr size_t kNamedCustomers = 25;

double Count(uint64_t n) { return static_cast<double>(n); }
double Share(uint64_t part, uint64_t whole) { return whole == 0 ? kNone : Count(part) / Count(whole); }

Figures ResultFigures(const ClassifierFacts& facts) {
  const ml::Confusion& c = facts.confusion;
  return {{{facts.test_rows > 0 ? "train rows" : "rows", Short(Count(facts.train_rows))},
           {"test rows", Short(Count(facts.test_rows))},
           {"AUC", Short(facts.auc)},
           {"accuracy", Percent(Share(c.tp + c.tn, c.rows()))},
           {"precision", Percent(Share(c.tp, c.tp + c.fp))},
           {"recall", Percent(Share(c.tp, c.tp + c.fn))},
           {"log loss", Short(c.LogLoss())}}};
}

Chart RocChart(const ClassifierFacts& facts) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "ROC",
              .note = StrCat("which share of either class is taken for ", facts.positive,
                             ", from the strictest threshold to the mildest"),
              .x_title = "false positive rate",
              .y_title = "true positive rate",
              .x_format = Format::kPercent,
              .y_format = Format::kPercent};
  Series curve{.name = StrCat("AUC ", Short(facts.auc))}, chance{.name = "chance", .x = {0, 1}, .y = {0, 1}};
  for (const ml::RocPoint& point : facts.roc) {
    curve.x.push_back(point.fpr.value_or(kNone));
    curve.y.push_back(point.tpr.value_or(kNone));
    curve.names.push_back("");
  }
  chance.dashed = true;
  chance.hue = 7;
  chart.series = {std::move(curve), std::move(chance)};
  return chart;
}

HeatMap ConfusionMap(const ClassifierFacts& facts) {
  const ml::Confusion& c = facts.confusion;
  HeatMap map{
      .title = "Confusion",
      .note = StrCat("rows; taken for ", facts.positive, " above a probability of ", Short(c.threshold)),
      .columns = {StrCat("taken for ", facts.negative), StrCat("taken for ", facts.positive)},
      .rows = {StrCat("is ", facts.negative), StrCat("is ", facts.positive)},
      .values = {{Count(c.tn), Count(c.fp)}, {Count(c.fn), Count(c.tp)}},
      .low = 0,
      .high = std::max(1.0, Count(std::max({c.tn, c.fp, c.fn, c.tp}))),
      .digits = 0,
      .wide = false};
  return map;
}

std::string Hundredths(size_t part, size_t whole) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", Count(part) / Count(whole));
  return text;
}

Chart BandChart(const ClassifierFacts& facts) {
  const size_t n = facts.bands.positives.size();
  Chart chart{.kind = Chart::Kind::kHistogram,
              .title = "Score bands",
              .note = "rows by their probability",
              .x_title = "probability",
              .y_title = "rows"};
  Series positives{.name = StrCat("is ", facts.positive), .hue = 1},
      negatives{.name = StrCat("is ", facts.negative), .hue = 0};
  for (size_t i = 0; i < n; ++i) {
    chart.categories.push_back(StrCat(Hundredths(i, n), " – ", Hundredths(i + 1, n)));
    positives.y.push_back(Count(facts.bands.positives[i]));
    negatives.y.push_back(Count(facts.bands.negatives[i]));
  }
  chart.series = {std::move(negatives), std::move(positives)};
  return chart;
}

Chart CalibrationChart(const ClassifierFacts& facts) {
  const size_t n = facts.bands.positives.size();
  Chart chart{
      .kind = Chart::Kind::kLine,
      .title = "Promised and found",
      .note = StrCat("share of ", facts.positive, " among the rows of each band; empty bands are gaps"),
      .x_title = "probability, middle of the band",
      .x_format = Format::kPercent,
      .y_format = Format::kPercent,
      .y_from_zero = true};
  Series found{.name = "found"}, promised{.name = "promised", .hue = 7, .dashed = true};
  for (size_t i = 0; i < n; ++i) {
    const double middle = (Count(i) + 0.5) / Count(n);
    found.x.push_back(middle);
    found.y.push_back(Share(facts.bands.positives[i], facts.bands.positives[i] + facts.bands.negatives[i]));
    promised.x.push_back(middle);
    promised.y.push_back(middle);
  }
  chart.series = {std::move(found), std::move(promised)};
  return chart;
}

Chart CoefficientChart(const ClassifierFacts& facts) {
  const std::vector<double>& weights = facts.model.coefficients;
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(weights[a]) > std::abs(weights[b]); });
  order.resize(std::min(order.size(), kDrawnCoefficients));
  Chart chart{.kind = Chart::Kind::kSideways,
              .title = "Coefficients",
              .note = StrCat("log-odds per unit of the scaled feature",
                             order.size() < weights.size()
                                 ? StrCat("; the ", order.size(), " heaviest of ", weights.size())
                                 : std::string()),
              .y_title = "log-odds"};
  Series bars{.name = ""};
  for (const size_t i : order) {
    chart.categories.push_back(Clipped(facts.features[i], kNameLength));
    bars.y.push_back(weights[i]);
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

Chart ConvergenceChart(const ml::LogisticModel& model) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "Convergence",
              .note = StrCat(model.iterations, model.iterations == 1 ? " Newton step, " : " Newton steps, ",
                             model.halvings, model.halvings == 1 ? " halving; " : " halvings; ",
                             "the largest entry of the gradient is ", Short(model.largest_gradient_entry)),
              .x_title = "Newton step",
              .y_title = "objective"};
  Series line{.name = ""};
  for (size_t i = 0; i < model.objectives.size(); ++i) {
    line.x.push_back(Count(i));
    line.y.push_back(model.objectives[i]);
  }
  chart.series.push_back(std::move(line));
  return chart;
}

void AddClassifier(const ClassifierFacts& facts, Page* page) {
  page->Add(Part{"How well it tells them apart",
                 facts.test_rows > 0 ? "By the test rows, which the model has not seen."
                                     : "By the rows that it was fitted to: no test rows were given."});
  if (facts.confusion.rows() > 0) {
    if (!facts.roc.empty()) page->Add(RocChart(facts));
    page->Add(BandChart(facts));
    page->Add(CalibrationChart(facts));
    page->Add(ConfusionMap(facts));
  }
  page->Add(Part{"The model", ""});
  page->Add(CoefficientChart(facts));
  if (!facts.model.objectives.empty()) page->Add(ConvergenceChart(facts.model));
}

Sheet ActionSheet(const std::vector<ActionLine>& actions) {
  Sheet sheet{.title = "Actions",
              .columns = {"action", "probability", "customers", "share", "have left", "of these"}};
  uint64_t all = 0;
  for (const ActionLine& line : actions) all += line.customers;
  for (const ActionLine& line : actions)
    sheet.rows.push_back({line.action, line.rule, Short(Count(line.customers)),
                          Percent(Share(line.customers, all)), Short(Count(line.left)),
                          Percent(Share(line.left, line.customers))});
  return sheet;
}

Sheet LikeliestSheet(const std::vector<ml::Scored>& likeliest, const ClassifierFacts& facts) {
  Sheet sheet{.title = "Likeliest to leave", .columns = {"rank", "customer", "probability", "what happened"}};
  const size_t n = std::min(likeliest.size(), kNamedCustomers);
  if (n < likeliest.size()) sheet.note = StrCat("the first ", n, "; top_risk has ", likeliest.size());
  for (size_t i = 0; i < n; ++i)
    sheet.rows.push_back({StrCat(i + 1), Clipped(likeliest[i].id, kNameLength),
                          Percent(likeliest[i].probability),
                          likeliest[i].positive ? facts.positive : facts.negative});
  return sheet;
}

}  // namespace

ClassifierFacts FactsOfClassifier(const ml::Samples& samples, const ml::LogisticModel& model,
                                  const Dataset<ml::Scored>& scored, const ml::Confusion& confusion,
                                  const ml::Roc& roc) {
  return {.positive = "1",
          .negative = "0",
          .features = samples.names,
          .train_rows = samples.train_rows,
          .test_rows = samples.test_rows,
          .model = model,
          .confusion = confusion,
          .auc = roc.auc.value_or(kNone),
          .roc = ml::RocSample(roc, kRocPoints),
          .bands = ml::CountBands(scored, kBands)};
}

Page LogisticPage(const ClassifierFacts& facts) {
  Page page{"Logistic regression",
            StrCat("The probability of one of two classes, from ", facts.features.size(),
                   facts.features.size() == 1 ? " feature" : " features"),
            {}};
  page.Add(ResultFigures(facts));
  AddClassifier(facts, &page);
  return page;
}

Page ChurnPage(const ClassifierFacts& facts, const std::vector<ActionLine>& actions,
               const std::vector<ml::Scored>& likeliest) {
  Page page{"Customers about to leave",
            StrCat("The probability of each customer to leave, from ", facts.features.size(),
                   " encoded features, and what to do about it"),
            {}};
  page.Add(ResultFigures(facts));
  page.Add(ActionSheet(actions));
  if (!likeliest.empty()) page.Add(LikeliestSheet(likeliest, facts));
  AddClassifier(facts, &page);
  return page;
}

}  // namespace millrace::report
