// The last steps of stock-clusters: averages per symbol, and what its report shows.
#pragma once

#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/kmeans.h"

namespace millrace::ml {

// Averages over the cells of a symbol's row of the pivot, summed from left to right.
struct StockSummary {
  std::string symbol;
  uint32_t cluster = 0;
  double average_column = 0, average_daily = 0, average_cumulative = 0;
};
MR_RECORD(StockSummary, MR_FIELD(symbol, "Symbol"), MR_NAMED(cluster), MR_NAMED(average_column),
          MR_NAMED(average_daily), MR_NAMED(average_cumulative))

// In order of symbol. `pivot`: daily and cumulative return in turns.
Dataset<StockSummary> SummaryOf(const Features& pivot, const Dataset<Label>& labels);

// k,cost,iterations of runs[1..].
Table ElbowTable(Job& job, const std::vector<KMeansRun>& runs);

}  // namespace millrace::ml
