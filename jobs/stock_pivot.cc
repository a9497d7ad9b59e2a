// One row per symbol with the daily and cumulative return of every date: jobs/ml/pivot.h.
//
//   mrsubmit run --local stock-pivot --input=prices.csv --output=pivot
//
// Input: CSV with the columns Symbol, Date, Close. Output, ordered by symbol: Symbol, then for every date
// <date>_DailyReturn,<date>_CumulativeReturn. A symbol without a row of a date has empty fields there.
#include "common/pipeline/pipeline.h"
#include "jobs/ml/pivot.h"
#include "jobs/ml/returns.h"

namespace millrace {

struct StockPivotOptions : CommonOptions {
  std::string close_precision = "single";
};
MR_OPTIONS(StockPivotOptions,
           MR_OPTION(close_precision, "single|double", "Closing prices are rounded to that precision first"))

void StockPivot(Job& job, const StockPivotOptions& options) {
  const auto series =
      ml::ReturnSeries(job, options.input, ml::IsSingle(options.close_precision), /*all=*/false).Cache();
  ml::PivotReturns(series).Write(options.output);
}
MR_JOB("stock-pivot", StockPivot, "Returns as one row per symbol, two columns per date")

}  // namespace millrace
