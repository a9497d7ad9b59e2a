// Daily, cumulative and compounded return of every symbol: the rules are in jobs/ml/returns.h.
//
//   mrsubmit run --local stock-returns --input=prices.csv --output=returns
//
// Input: CSV with the columns Symbol, Date, Close (others are not looked at). Output, ordered by symbol, then
// date: Symbol,Date,Close,DailyReturn,CumulativeReturn,CompoundedReturn; returns are fractions, not percent.
//
// Stages, for n rows: one pass that shuffles them by range of the symbol (n records of 18 bytes and the
// symbol) and sorts by date; one in which the rows of a symbol stream past. Memory: that of a slot.
#include "common/pipeline/pipeline.h"
#include "jobs/ml/returns.h"

namespace millrace {

struct StockReturnsOptions : CommonOptions {
  std::string close_precision = "single";
};
MR_OPTIONS(StockReturnsOptions,
           MR_OPTION(close_precision, "single|double", "Closing prices are rounded to that precision first"))

void StockReturns(Job& job, const StockReturnsOptions& options) {
  ml::Returns(job, options.input, ml::IsSingle(options.close_precision)).Write(options.output);
}
MR_JOB("stock-returns", StockReturns, "Daily, cumulative and compounded return per symbol")

}  // namespace millrace
