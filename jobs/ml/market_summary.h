// The files that the market job writes beside its tables: movers.json, recessions.json, summary.json.
#pragma once

#include <string>
#include <vector>

#include "jobs/ml/market.h"

namespace millrace::ml {

struct MarketSummary {
  std::vector<SeriesTotals> series;  // of the symbols, in their order
  SeriesTotals total;
  std::vector<Mover> movers, total_movers;  // best first; of the total close
  std::vector<Recession> recessions;        // the total close's among them
};

// Per day and per period the symbols by relative change, best first, ties by symbol.
std::string MoversJson(const MarketRules& rules, const MarketSummary& found);
// Per period and symbol; null where a symbol has no row inside.
std::string RecessionsJson(const MarketRules& rules, const MarketSummary& found);
// Rows, sums, anomalies per series (those that have any), the least distance of a score from the limit.
std::string SummaryJson(const MarketRules& rules, const MarketSummary& found);

}  // namespace millrace::ml
