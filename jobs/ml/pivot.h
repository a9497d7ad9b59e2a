// From one series per symbol to one row per symbol with two columns per date.
#pragma once

#include "common/pipeline/pipeline.h"
#include "jobs/ml/returns.h"

namespace millrace::ml {

// Columns: Symbol, then for every date of any symbol, ascending, <date>_DailyReturn and
// <date>_CumulativeReturn. A cell is that of the symbol's first row of the date; without a row it is missing.
// Runs an action: the dates are known from the data only. `series` should be cached, for it is read by that
// action and by the table.
Table PivotReturns(const Dataset<Series>& series);

}  // namespace millrace::ml
