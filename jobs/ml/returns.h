// Daily, cumulative and compounded returns of prices, per symbol in date order.
//
//   daily_t = close_t / close_(t-1) - 1 (0 on the first row), cumulative_t = cumulative_(t-1) + daily_t,
//   compounded: v_t = v_(t-1) * (1 + daily_t), minus 1.
//
// A row without a close (or NaN) has no daily return, leaves both sums as they are, and the next row with a
// close starts anew with a daily return of 0. A close of 0, one that is not finite and a row without a symbol
// end the job. Rows of equal symbol and date keep their order in the input.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// What is read of a price file.
struct Bar {
  std::string_view symbol;
  Date date;
  std::optional<double> close;
};
MR_RECORD(Bar, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_FIELD(close, "Close"))

struct Return {
  std::string_view symbol;
  Date date;
  std::optional<double> close, daily;
  double cumulative = 0, compounded = 0;
};
MR_RECORD(Return, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_FIELD(close, "Close"),
          MR_FIELD(daily, "DailyReturn"), MR_FIELD(cumulative, "CumulativeReturn"),
          MR_FIELD(compounded, "CompoundedReturn"))

// A bar without its symbol: what travels through the shuffle. NaN = missing.
struct Quote {
  Date date;
  double close = 0;
};
MR_RECORD(Quote, MR_NAMED(date), MR_NAMED(close))

// All returns of one symbol, in date order, one entry per row. NaN = missing. `close` and `compounded` are
// empty where nobody asked for them.
struct Series {
  std::string symbol;
  std::vector<Date> dates;
  std::vector<double> daily, cumulative, close, compounded;
};
MR_RECORD(Series, MR_NAMED(symbol), MR_NAMED(dates), MR_NAMED(daily), MR_NAMED(cumulative), MR_NAMED(close),
          MR_NAMED(compounded))

// Steps through the rows of one symbol.
class ReturnWalk {
 public:
  // `single`: the close is rounded to single precision first, as Yahoo's prices are.
  explicit ReturnWalk(bool single) : single_(single) {}
  void Next(double close) {
    close_ = single_ ? static_cast<double>(static_cast<float>(close)) : close;
    if (std::isnan(close_)) {
      daily_ = kMissing;
      previous_ = kMissing;
      return;
    }
    daily_ = std::isnan(previous_) ? 0.0 : close_ / previous_ - 1.0;
    previous_ = close_;
    cumulative_ += daily_;
    value_ *= 1.0 + daily_;
  }
  double close() const { return close_; }
  double daily() const { return daily_; }
  double cumulative() const { return cumulative_; }
  double compounded() const { return value_ - 1.0; }

 private:
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  const bool single_;
  double close_ = kMissing, previous_ = kMissing, daily_ = kMissing, cumulative_ = 0.0, value_ = 1.0;
};

// Options that the jobs on prices share.
inline bool IsSingle(const std::string& close_precision) { return close_precision == "single"; }

// In order of symbol, then date, over all partitions. Streams: a symbol may have any number of rows.
Dataset<Return> Returns(Job& job, const std::string& input, bool single);
// One record per symbol, in order of symbol. `all` fills close and compounded too.
Dataset<Series> ReturnSeries(Job& job, const std::string& input, bool single, bool all);
// The rows of the series, in order.
Dataset<Return> SeriesRows(const Dataset<Series>& series);

}  // namespace millrace::ml
