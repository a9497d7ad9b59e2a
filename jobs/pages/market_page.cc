#include "jobs/pages/market_page.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace millrace::report {
namespace {

constexpr size_t kDrawnSymbols = 8;
constexpr size_t kDrawnMovers = 12;  // best and worst, each half of them
constexpr size_t kAnomalousSymbols = 20;

std::vector<Band> Bands(const ml::MarketRules& rules, size_t length) {
  std::vector<Band> bands;
  for (const auto& [from, to] : rules.periods)
    bands.push_back({from.ToString().substr(0, length), to.ToString().substr(0, length), ""});
  return bands;
}

Chart TotalChart(const ml::MarketRules& rules, const std::vector<ml::DayTotal>& days) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "Total close",
              .note = rules.periods.empty() ? "of all symbols of a day"
                                            : "of all symbols of a day; the periods are shaded",
              .y_title = "sum of closes",
              .bands = Bands(rules, 10),
              .wide = true};
  Series line{.name = ""};
  for (const ml::DayTotal& day : days) {
    chart.categories.push_back(day.date.ToString());
    line.y.push_back(static_cast<double>(day.micros) / ml::kMicros);
  }
  chart.series.push_back(std::move(line));
  return chart;
}

Chart PriceChart(const ml::MarketRules& rules, const std::vector<ml::Month>& months) {
  Chart chart{.kind = Chart::Kind::kLine,
              .title = "Prices",
              .note = "last close of each month, of the symbols with most volume",
              .y_title = "close",
              .bands = Bands(rules, 7),
              .wide = true};
  std::map<std::string, std::map<std::string, double>> closes;  // symbol, month
  for (const ml::Month& month : months) {
    closes[month.symbol][month.month] = month.last_close;
    chart.categories.push_back(month.month);
  }
  std::sort(chart.categories.begin(), chart.categories.end());
  chart.categories.erase(std::unique(chart.categories.begin(), chart.categories.end()),
                         chart.categories.end());
  for (const auto& [symbol, of_month] : closes) {
    Series line{.name = symbol};
    for (const std::string& month : chart.categories) {
      const auto found = of_month.find(month);
      line.y.push_back(found == of_month.end() ? kNone : found->second);
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

Chart MoversChart(const Date& day, std::vector<ml::Mover> movers) {
  Chart chart{
      .kind = Chart::Kind::kSideways,
      .title = StrCat("Movers of ", day.ToString()),
      .note = movers.size() > kDrawnMovers ? StrCat("best and worst of ", movers.size(), " symbols") : "",
      .y_title = "change, %"};
  if (movers.size() > kDrawnMovers)
    movers.erase(movers.begin() + kDrawnMovers / 2, movers.end() - kDrawnMovers / 2);
  Series bars{.name = ""};
  for (const ml::Mover& mover : movers) {
    chart.categories.push_back(mover.symbol);
    bars.y.push_back(mover.pct);
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

Chart PeriodChart(const std::string& period, const std::vector<ml::Recession>& all) {
  Chart chart{.kind = Chart::Kind::kSideways, .title = period, .y_format = Format::kPercent};
  std::vector<ml::Recession> inside;
  for (const ml::Recession& one : all)
    if (one.period == period) inside.push_back(one);
  std::stable_sort(inside.begin(), inside.end(),
                   [](const ml::Recession& a, const ml::Recession& b) { return a.relative > b.relative; });
  if (inside.size() > 2 * kDrawnMovers) {
    chart.note = StrCat("best and worst of ", inside.size(), " series");
    inside.erase(inside.begin() + kDrawnMovers, inside.end() - kDrawnMovers);
  }
  Series returns{.name = "return"}, drawdowns{.name = "greatest drawdown"};
  for (const ml::Recession& one : inside) {
    chart.categories.push_back(one.symbol);
    returns.y.push_back(one.relative);
    drawdowns.y.push_back(one.max_drawdown);
  }
  chart.series = {std::move(returns), std::move(drawdowns)};
  return chart;
}

Chart AnomalyChart(std::vector<ml::SeriesTotals> series) {
  const auto count = [](const ml::SeriesTotals& one) { return one.close_anomalies + one.return_anomalies; };
  std::stable_sort(series.begin(), series.end(),
                   [&](const ml::SeriesTotals& a, const ml::SeriesTotals& b) { return count(a) > count(b); });
  Chart chart{.kind = Chart::Kind::kSideways, .title = "Anomalies per symbol", .y_title = "days"};
  if (series.size() > kAnomalousSymbols) {
    chart.note = StrCat("the ", kAnomalousSymbols, " symbols with most, of ", series.size());
    series.resize(kAnomalousSymbols);
  }
  Series closes{.name = "close"}, returns{.name = "daily return"};
  for (const ml::SeriesTotals& one : series) {
    chart.categories.push_back(one.symbol);
    closes.y.push_back(static_cast<double>(one.close_anomalies));
    returns.y.push_back(static_cast<double>(one.return_anomalies));
  }
  chart.series = {std::move(closes), std::move(returns)};
  return chart;
}

Sheet AnomalySheet(const std::vector<ml::Anomaly>& anomalies) {
  Sheet sheet{.title = "Strongest anomalies",
              .columns = {"series", "symbol", "day", "value", "mean before", "z"}};
  for (const ml::Anomaly& one : anomalies)
    sheet.rows.push_back({one.series, one.symbol, one.date.ToString(), Short(one.value),
                          Short(one.window_mean), Short(one.z)});
  return sheet;
}

}  // namespace

std::vector<std::string> DrawnSymbols(const std::vector<ml::SeriesTotals>& series) {
  std::vector<ml::SeriesTotals> most = series;
  std::stable_sort(most.begin(), most.end(),
                   [](const ml::SeriesTotals& a, const ml::SeriesTotals& b) { return a.volume > b.volume; });
  most.resize(std::min(most.size(), kDrawnSymbols));
  std::vector<std::string> symbols;
  for (const ml::SeriesTotals& one : most) symbols.push_back(one.symbol);
  std::sort(symbols.begin(), symbols.end());
  return symbols;
}

Page MarketPage(const ml::MarketRules& rules, const ml::MarketSummary& found, const MarketSeries& series) {
  uint64_t rows = 0, anomalies = found.total.close_anomalies;
  for (const ml::SeriesTotals& one : found.series) {
    rows += one.rows;
    anomalies += one.close_anomalies + one.return_anomalies;
  }
  const std::string days = series.days.empty() ? ""
                                               : StrCat(", ", series.days.front().date.ToString(), " to ",
                                                        series.days.back().date.ToString());
  Page page{"Market", StrCat(found.series.size(), " symbols", days), {}};
  page.Add(Figures{{{"symbols", StrCat(found.series.size())},
                    {"days", Short(static_cast<double>(found.total.rows))},
                    {"rows", Short(static_cast<double>(rows))},
                    {"anomalies", Short(static_cast<double>(anomalies))}}});
  page.Add(TotalChart(rules, series.days));
  if (!series.months.empty()) page.Add(PriceChart(rules, series.months));
  if (!rules.days.empty()) page.Add(Part{"Movers", ""});
  for (const Date& day : rules.days) {
    std::vector<ml::Mover> of_day;
    for (const ml::Mover& mover : found.movers)
      if (mover.date == day) of_day.push_back(mover);
    if (!of_day.empty()) page.Add(MoversChart(day, std::move(of_day)));
  }
  if (!rules.periods.empty())
    page.Add(
        Part{"Periods", "return from the first to the last row inside, and the greatest fall from a high"});
  for (const auto& period : rules.periods) {
    Chart chart = PeriodChart(ml::PeriodName(period), found.recessions);
    if (!chart.categories.empty()) page.Add(std::move(chart));
  }
  page.Add(Part{"Anomalies",
                StrCat("values more than ", Short(rules.anomaly_z),
                       " standard deviations from the mean of the ", rules.anomaly_window, " before")});
  if (!found.series.empty()) page.Add(AnomalyChart(found.series));
  if (!series.anomalies.empty()) page.Add(AnomalySheet(series.anomalies));
  return page;
}

}  // namespace millrace::report
