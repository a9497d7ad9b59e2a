#include "jobs/ml/market.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "jobs/ml/exact.h"

namespace millrace::ml {
namespace {

double Price(int64_t micros) { return static_cast<double>(micros) / kMicros; }

// What symbols and the total have in common.
class SeriesWalk {
 public:
  SeriesWalk(const MarketRules& rules, std::string_view symbol)
      : rules_(rules),
        symbol_(symbol),
        stretches_(rules.periods.size()),
        first_micros_(rules.periods.size()),
        last_micros_(rules.periods.size()) {
    totals_.symbol = symbol_;
    totals_.nearest = std::numeric_limits<double>::infinity();
  }

  void Next(Date date, double close, int64_t micros, Emitter<Fact>& out) {
    if (totals_.rows > 0 && date == date_)
      throw BadInput(
          StrCat("symbol '", symbol_, "' has two rows for ", date.ToString(), "; keep one of them"));
    if (totals_.rows > 0 && std::find(rules_.days.begin(), rules_.days.end(), date) != rules_.days.end()) {
      Mover mover{date, symbol_, date_, close_, close, Price(micros - micros_), 100 * (close / close_ - 1)};
      out({.mover = std::move(mover)});
    }
    for (size_t i = 0; i < rules_.periods.size(); ++i) {
      if (!Inside(i, date)) continue;
      if (stretches_[i].rows == 0) first_micros_[i] = micros;
      stretches_[i].Next(date, close);
      last_micros_[i] = micros;
    }
    ++totals_.rows;
    totals_.micros = AddExact(totals_.micros, micros, "Close");
    date_ = date;
    close_ = close;
    micros_ = micros;
  }

  // Scores a value of one of the series' columns; true for an anomaly, which has gone out.
  bool Score(const char* series, std::string_view symbol, Date date, double value, RollingScore* scores,
             Emitter<Fact>& out) {
    const auto score = scores->Next(value);
    if (!score.has_value()) return false;
    const double size = std::abs(score->z);
    totals_.nearest = std::min(totals_.nearest, std::abs(size - rules_.anomaly_z));
    if (size <= rules_.anomaly_z) return false;
    Anomaly anomaly{series, std::string(symbol), date, value, score->mean, score->std, score->z};
    out({.anomaly = std::move(anomaly)});
    return true;
  }

  void Finish(Emitter<Fact>& out) {
    for (size_t i = 0; i < stretches_.size(); ++i) {
      const PriceStretch& s = stretches_[i];
      if (s.rows == 0) continue;
      Recession recession{PeriodName(rules_.periods[i]),
                          symbol_,
                          s.rows,
                          s.first_day,
                          s.last_day,
                          s.first,
                          s.last,
                          Price(last_micros_[i] - first_micros_[i]),
                          s.Return(),
                          s.lowest,
                          s.lowest_day,
                          s.highest,
                          s.highest_day,
                          s.max_drawdown,
                          s.trough_day,
                          s.peak_day,
                          s.Volatility()};
      out({.recession = std::move(recession)});
    }
    out({.totals = totals_});
  }

  bool Inside(size_t period, Date date) const {
    return rules_.periods[period].first <= date && date <= rules_.periods[period].second;
  }
  bool InsideAny(Date date) const {
    for (size_t i = 0; i < rules_.periods.size(); ++i)
      if (Inside(i, date)) return true;
    return rules_.periods.empty();
  }
  SeriesTotals& totals() { return totals_; }
  bool first() const { return totals_.rows == 0; }
  double close() const { return close_; }  // of the row before

 private:
  const MarketRules& rules_;
  const std::string symbol_;
  std::vector<PriceStretch> stretches_;
  std::vector<int64_t> first_micros_, last_micros_;
  SeriesTotals totals_;
  Date date_;
  double close_ = 0;
  int64_t micros_ = 0;
};

// The month at hand of one symbol.
class MonthWalk {
 public:
  explicit MonthWalk(std::string_view symbol) { month_.symbol = symbol; }

  void Next(const DayBar& bar, int64_t micros, Emitter<Fact>& out) {
    int year, month, day;
    bar.date.ToCivil(&year, &month, &day);
    if (month_.rows > 0 && year * 12 + month != number_) Finish(out);
    if (month_.rows == 0) {
      number_ = year * 12 + month;
      const std::string date = bar.date.ToString();
      month_.month = date.substr(0, date.rfind('-'));
      month_.first_open = bar.open;
      month_.highest = bar.high;
      month_.lowest = bar.low;
    }
    ++month_.rows;
    month_.highest = std::max(month_.highest, bar.high);
    month_.lowest = std::min(month_.lowest, bar.low);
    month_.last_close = bar.close;
    micros_ = AddExact(micros_, micros, "Close");
    month_.volume = AddExact(month_.volume, bar.volume, "Volume");
  }

  void Finish(Emitter<Fact>& out) {
    if (previous_.has_value()) month_.month_return = month_.last_close / *previous_ - 1;
    month_.average_close = static_cast<double>(micros_) / (static_cast<double>(month_.rows) * kMicros);
    out({.month = month_});
    previous_ = month_.last_close;
    month_.rows = 0;
    month_.volume = micros_ = 0;
  }

 private:
  Month month_;
  int number_ = 0;  // which one it is
  int64_t micros_ = 0;
  std::optional<double> previous_;  // last close of the month before
};

}  // namespace

std::string PeriodName(const std::pair<Date, Date>& period) {
  return StrCat(period.first.ToString(), "..", period.second.ToString());
}

int64_t CloseMicros(const DayBar& bar) {
  constexpr double kSurelyExact = 1e9;
  const auto where = [&bar](const char* column) {
    return StrCat("symbol '", bar.symbol, "', ", bar.date.ToString(), ": ", column);
  };
  if (bar.symbol.empty())
    throw BadInput(
        StrCat("a row of ", bar.date.ToString(), " has no Symbol; fill it in, or take the row out"));
  if (!(bar.close > 0))
    throw BadInput(StrCat(where("Close"), " ", bar.close, " is not a price above 0; correct the row"));
  for (const auto& [column, price] : {std::pair("Open", bar.open), {"High", bar.high}, {"Low", bar.low}})
    if (!std::isfinite(price))
      throw BadInput(StrCat(where(column), " ", price, " is not a price; correct the row"));
  return ToUnits(bar.close, kMicros, bar.close < kSurelyExact ? "Close" : where("Close"));
}

void WalkSymbol(const MarketRules& rules, std::string_view symbol, Rows<DayBar> bars, Emitter<Fact>& out) {
  SeriesWalk series(rules, symbol);
  MonthWalk months(symbol);
  MovingAverages averages(rules.windows);
  RollingScore closes(rules.anomaly_window), returns(rules.anomaly_window);
  for (const DayBar& bar : bars) {
    const int64_t micros = CloseMicros(bar);
    SeriesTotals& totals = series.totals();
    totals.close_anomalies += series.Score("close", symbol, bar.date, bar.close, &closes, out);
    if (!series.first())
      totals.return_anomalies +=
          series.Score("daily_return", symbol, bar.date, bar.close / series.close() - 1, &returns, out);
    averages.Next(micros);
    if (series.InsideAny(bar.date)) {
      Average average{std::string(symbol), bar.date, bar.close, averages.Means(kMicros)};
      out({.average = std::move(average)});
    }
    months.Next(bar, micros, out);
    totals.volume = AddExact(totals.volume, bar.volume, "Volume");
    series.Next(bar.date, bar.close, micros, out);
  }
  months.Finish(out);
  series.Finish(out);
}

void WalkTotals(const MarketRules& rules, Rows<DayTotal> days, Emitter<Fact>& out) {
  SeriesWalk series(rules, kTotalClose);
  RollingScore scores(rules.anomaly_window);
  for (const DayTotal& day : days) {
    const double close = Price(day.micros);
    series.totals().close_anomalies += series.Score("total_close", "(all)", day.date, close, &scores, out);
    series.Next(day.date, close, day.micros, out);
  }
  series.Finish(out);
}

}  // namespace millrace::ml
