// The span of prices of each symbol: a job outside the project's tree, against the installed package.
#include <algorithm>

#include "common/pipeline/pipeline.h"

namespace {

using namespace millrace;

struct Bar {
  std::string symbol;
  double low, high;
};
MR_RECORD(Bar, MR_FIELD(symbol, "Symbol"), MR_FIELD(low, "Low"), MR_FIELD(high, "High"))

struct Widen {
  void operator()(Bar& into, const Bar& bar) const {
    into.low = std::min(into.low, bar.low);
    into.high = std::max(into.high, bar.high);
  }
};

struct PriceRangeOptions : CommonOptions {
  double least = 0;
};
MR_OPTIONS(PriceRangeOptions, MR_OPTION(least, "number", "Only symbols whose high/low reaches this"))

void PriceRange(Job& job, const PriceRangeOptions& options) {
  job.Read<Bar>(options.input)
      .KeyBy<&Bar::symbol>()
      .ReduceByKey(Widen{})
      .Values()
      .Filter(With(options.least), [](double least, const Bar& bar) { return bar.high >= least * bar.low; })
      .SortBy<&Bar::symbol>()
      .Write(options.output);
}
MR_JOB("price-range", PriceRange, "Lowest and highest price of every symbol")

}  // namespace
