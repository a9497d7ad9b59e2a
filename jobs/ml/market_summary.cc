#include "jobs/ml/market_summary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "jobs/ml/exact.h"

namespace millrace::ml {
namespace {

using Json = nlohmann::ordered_json;

Json Listed(const std::vector<Mover>& movers, bool best, size_t n) {
  auto list = Json::array();
  for (size_t i = 0; i < std::min(n, movers.size()); ++i) {
    const Mover& m = best ? movers[i] : movers[movers.size() - 1 - i];
    list.push_back({m.symbol, m.previous_date.ToString(), m.previous_close, m.close, m.change, m.pct});
  }
  return list;
}

Json MoversOfDay(Date day, const std::vector<Mover>& movers, const std::vector<Mover>& totals) {
  std::vector<Mover> of_day;
  for (const Mover& mover : movers)
    if (mover.date == day) of_day.push_back(mover);
  Json json;
  json["columns"] = {"Symbol", "previous_date", "previous_close", "close", "change", "pct"};
  json["top_3"] = Listed(of_day, true, 3);
  json["bottom_3"] = Listed(of_day, false, 3);
  json["all"] = Listed(of_day, true, of_day.size());
  for (const Mover& total : totals) {
    if (total.date != day) continue;
    json["total_close"] = total.close;
    json["previous_total_close"] = total.previous_close;
    json["total_pct"] = total.pct;
  }
  return json;
}

Json MoversOfPeriod(const std::string& period, std::vector<Recession> stretches) {
  std::stable_sort(stretches.begin(), stretches.end(),
                   [](const auto& a, const auto& b) { return a.relative > b.relative; });
  Json json;
  json["columns"] = {"Symbol", "first_date", "last_date", "first_close", "last_close", "change", "pct"};
  json["ranked"] = Json::array();
  for (const Recession& r : stretches)
    if (r.period == period && r.symbol != kTotalClose)
      json["ranked"].push_back({r.symbol, r.first_date.ToString(), r.last_date.ToString(), r.first_close,
                                r.last_close, r.change, 100 * r.relative});
  return json;
}

Json RecessionJson(const Recession& r) {
  Json json;
  json["rows"] = r.rows;
  json["first_date"] = r.first_date.ToString();
  json["last_date"] = r.last_date.ToString();
  json["first_close"] = r.first_close;
  json["last_close"] = r.last_close;
  json["return"] = r.relative;
  json["lowest_close"] = r.lowest_close;
  json["lowest_date"] = r.lowest_date.ToString();
  json["highest_close"] = r.highest_close;
  json["highest_date"] = r.highest_date.ToString();
  json["max_drawdown"] = r.max_drawdown;
  json["trough_date"] = r.trough_date.ToString();
  json["peak_date"] = r.peak_date.ToString();
  json["volatility"] = r.volatility.has_value() ? Json(*r.volatility) : Json();
  return json;
}

}  // namespace

std::string MoversJson(const MarketRules& rules, const MarketSummary& found) {
  Json json{{"days", Json::object()}, {"periods", Json::object()}};
  for (const Date day : rules.days)
    json["days"][day.ToString()] = MoversOfDay(day, found.movers, found.total_movers);
  for (const auto& period : rules.periods)
    json["periods"][PeriodName(period)] = MoversOfPeriod(PeriodName(period), found.recessions);
  return json.dump(1) + "\n";
}

std::string RecessionsJson(const MarketRules& rules, const MarketSummary& found) {
  auto json = Json::object();
  for (const auto& period : rules.periods) {
    Json& of_period = json[PeriodName(period)];
    for (const SeriesTotals& one : found.series) of_period[one.symbol] = nullptr;
    of_period[kTotalClose] = nullptr;
  }
  for (const Recession& r : found.recessions) json[r.period][r.symbol] = RecessionJson(r);
  return json.dump(1) + "\n";
}

std::string SummaryJson(const MarketRules& rules, const MarketSummary& found) {
  const std::vector<SeriesTotals>& symbols = found.series;
  const SeriesTotals& total = found.total;
  uint64_t rows = 0, anomalies = total.close_anomalies;
  int64_t volume = 0;
  double nearest = total.nearest;
  auto per_symbol = Json::object(), by_series = Json::object();
  for (const SeriesTotals& one : symbols) {
    rows += one.rows;
    anomalies += one.close_anomalies + one.return_anomalies;
    volume = AddExact(volume, one.volume, "Volume");
    nearest = std::min(nearest, one.nearest);
    per_symbol[one.symbol] = one.rows;
    if (one.close_anomalies > 0) by_series["close/" + one.symbol] = one.close_anomalies;
  }
  for (const SeriesTotals& one : symbols)
    if (one.return_anomalies > 0) by_series["daily_return/" + one.symbol] = one.return_anomalies;
  if (total.close_anomalies > 0) by_series["total_close/(all)"] = total.close_anomalies;
  Json json;
  json["rows"] = rows;
  json["rows_per_symbol"] = per_symbol;
  json["days"] = total.rows;
  json["sum_of_all_closes_millionths"] = total.micros;
  json["sum_of_volume"] = volume;
  json["anomalies"] = anomalies;
  json["anomalies_by_series"] = by_series;
  std::string z = FormatDouble(rules.anomaly_z);
  if (z.ends_with(".0")) z.resize(z.size() - 2);
  json["smallest_distance_of_abs_z_from_" + z] = std::isfinite(nearest) ? Json(nearest) : Json();
  return json.dump(1) + "\n";
}

}  // namespace millrace::ml
