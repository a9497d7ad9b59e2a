// What the market job (jobs/market.cc, which has the rules) finds while the days of one series stream past:
// each finding is a Fact, which belongs to one table.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/rolling.h"

namespace millrace::ml {

inline constexpr int64_t kMicros = 1000000;             // units of a price, exact.h
inline constexpr char kTotalClose[] = "(total close)";  // in place of a symbol

struct MarketRules {
  std::vector<std::pair<Date, Date>> periods;  // first and last day
  std::vector<Date> days;                      // whose movers are wanted
  std::vector<uint32_t> windows;               // of the moving averages
  uint32_t anomaly_window = 20;
  double anomaly_z = 3;
};
MR_RECORD(MarketRules, MR_NAMED(periods), MR_NAMED(days), MR_NAMED(windows), MR_NAMED(anomaly_window),
          MR_NAMED(anomaly_z))
// "2008-04-15..2009-01-28".
std::string PeriodName(const std::pair<Date, Date>& period);

struct DayBar {
  std::string_view symbol;
  Date date;
  double open = 0, high = 0, low = 0, close = 0;
  int64_t volume = 0;
};
MR_RECORD(DayBar, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_FIELD(open, "Open"),
          MR_FIELD(high, "High"), MR_FIELD(low, "Low"), MR_FIELD(close, "Close"), MR_FIELD(volume, "Volume"))
// The close in micros. Throws BadInput where it is not above 0, where another price is not finite, and where
// there is no symbol.
int64_t CloseMicros(const DayBar& bar);

// All symbols of one day: how many have a row, and the exact sum of their closes.
struct DayTotal {
  Date date;
  uint32_t symbols = 0;
  int64_t micros = 0;
};
MR_RECORD(DayTotal, MR_NAMED(date), MR_NAMED(symbols), MR_NAMED(micros))

struct Average {
  std::string symbol;
  Date date;
  double close = 0;
  std::vector<double> means;  // one per window; NaN = too few rows
};
MR_RECORD(Average, MR_NAMED(symbol), MR_NAMED(date), MR_NAMED(close), MR_NAMED(means))

struct Anomaly {
  std::string series, symbol;
  Date date;
  double value = 0, window_mean = 0, window_std = 0, z = 0;
};
MR_RECORD(Anomaly, MR_NAMED(series), MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_NAMED(value),
          MR_NAMED(window_mean), MR_NAMED(window_std), MR_NAMED(z))

struct Month {
  std::string symbol, month;
  uint64_t rows = 0;
  double first_open = 0, highest = 0, lowest = 0, last_close = 0, average_close = 0;
  int64_t volume = 0;
  std::optional<double> month_return;
};
MR_RECORD(Month, MR_FIELD(symbol, "Symbol"), MR_NAMED(month), MR_NAMED(rows), MR_NAMED(first_open),
          MR_NAMED(highest), MR_NAMED(lowest), MR_NAMED(last_close), MR_NAMED(average_close),
          MR_NAMED(volume), MR_NAMED(month_return))

// How far a close moved up to `date`, from the row before.
struct Mover {
  Date date;
  std::string symbol;
  Date previous_date;
  double previous_close = 0, close = 0, change = 0, pct = 0;
};
MR_RECORD(Mover, MR_FIELD(date, "Date"), MR_FIELD(symbol, "Symbol"), MR_NAMED(previous_date),
          MR_NAMED(previous_close), MR_NAMED(close), MR_NAMED(change), MR_NAMED(pct))

// A series inside a period; PriceStretch of rolling.h, and the change in price.
struct Recession {
  std::string period, symbol;
  uint64_t rows = 0;
  Date first_date, last_date;
  double first_close = 0, last_close = 0, change = 0, relative = 0, lowest_close = 0;
  Date lowest_date;
  double highest_close = 0;
  Date highest_date;
  double max_drawdown = 0;
  Date trough_date, peak_date;
  std::optional<double> volatility;
};
MR_RECORD(Recession, MR_NAMED(period), MR_FIELD(symbol, "Symbol"), MR_NAMED(rows), MR_NAMED(first_date),
          MR_NAMED(last_date), MR_NAMED(first_close), MR_NAMED(last_close), MR_NAMED(change),
          MR_FIELD(relative, "return"), MR_NAMED(lowest_close), MR_NAMED(lowest_date),
          MR_NAMED(highest_close), MR_NAMED(highest_date), MR_NAMED(max_drawdown), MR_NAMED(trough_date),
          MR_NAMED(peak_date), MR_NAMED(volatility))

// A whole series; `nearest`: the least distance of an |z| from the limit, infinite where no row has a score.
struct SeriesTotals {
  std::string symbol;
  uint64_t rows = 0;
  int64_t micros = 0, volume = 0;
  uint64_t close_anomalies = 0, return_anomalies = 0;
  double nearest = 0;
};
MR_RECORD(SeriesTotals, MR_NAMED(symbol), MR_NAMED(rows), MR_NAMED(micros), MR_NAMED(volume),
          MR_NAMED(close_anomalies), MR_NAMED(return_anomalies), MR_NAMED(nearest))

// One finding: exactly one member is set.
struct Fact {
  std::optional<Average> average = {};
  std::optional<Anomaly> anomaly = {};
  std::optional<Month> month = {};
  std::optional<Mover> mover = {};
  std::optional<Recession> recession = {};
  std::optional<SeriesTotals> totals = {};
};
MR_RECORD(Fact, MR_NAMED(average), MR_NAMED(anomaly), MR_NAMED(month), MR_NAMED(mover), MR_NAMED(recession),
          MR_NAMED(totals))

// A symbol's days, in the order of their dates; facts of one kind come in that order too, those of the whole
// series last. Two rows of one day throw BadInput. Memory: the windows and a stretch per period.
void WalkSymbol(const MarketRules& rules, std::string_view symbol, Rows<DayBar> bars, Emitter<Fact>& out);
// The days' totals likewise, as one series of its own: anomalies of the total, movers, periods.
void WalkTotals(const MarketRules& rules, Rows<DayTotal> days, Emitter<Fact>& out);

}  // namespace millrace::ml
