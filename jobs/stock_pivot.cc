// One row per symbol with the daily and cumulative return of every date: jobs/ml/pivot.h.
//
//   mrsubmit run --local stock-pivot --input=prices.csv --output=pivot
//
// Input: CSV with the columns Symbol, Date, Close. Output, ordered by symbol: Symbol, then for every date
// <date>_DailyReturn,<date>_CumulativeReturn. A symbol without a row of a date has empty fields there.
//
// Stages, for n rows of s symbols over d dates: the shuffle of stock-returns (n records of 18 bytes and the
// symbol); one record per symbol, cached (20 bytes per row); a pass over these for the dates (each task sends
// d of them to the driver), one that writes. Memory: that of a slot, the rows of one symbol, and d dates.
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
