// The page of the market job.
#pragma once

#include <string>
#include <vector>

#include "common/report/page.h"
#include "jobs/ml/market.h"
#include "jobs/ml/market_summary.h"

namespace millrace::report {

// What is drawn of the series themselves; all of it is bounded by the page, not by the data.
struct MarketSeries {
  std::vector<ml::DayTotal> days;      // every so-many-th
  std::vector<ml::Month> months;       // of the symbols that are drawn
  std::vector<ml::Anomaly> anomalies;  // the strongest
};

// The symbols that are drawn: those with most volume, in their own order.
std::vector<std::string> DrawnSymbols(const std::vector<ml::SeriesTotals>& series);

// Prices with the periods shaded, movers, periods and anomalies.
Page MarketPage(const ml::MarketRules& rules, const ml::MarketSummary& found, const MarketSeries& series);

}  // namespace millrace::report
