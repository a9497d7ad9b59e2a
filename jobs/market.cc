// Daily prices over years: totals per day, movers, moving averages, recessions, anomalies, months.
//
//   mrsubmit run --local market --input=prices.csv --output=market --from=2008-04-15 --to=2009-01-28
//       --movers=2008-10-07
//
// Closes are added up as whole millionths, and returns are taken from the decimals as they stand; the other
// rules are in jobs/ml/rolling.h. --from and --to may list several periods, the first days and the last days
// in the same order; without any, moving averages are written for all rows. --movers lists days.
//
// Output: total_close/, moving_averages/ (rows inside the periods; windows reach back before them),
// anomalies/ (closes, daily returns, total close), monthly/, movers/ (best first), recessions/; the last two
// also as movers.json and recessions.json; summary.json, report.json. A row without a symbol, a symbol with
// two rows for a day, a close that is not above 0 and a price that is not finite end the job.
//
// Stages, for n rows of s symbols over d days: the input is read twice, for the days (at most d sums of 20
// bytes per split are shuffled) and for the symbols (n rows of 45 bytes and twice the symbol are, and sorted
// by symbol and date). A symbol's days then stream past all windows at once, and so does the series of d
// totals. The tables are cut out of what was found, kept on the workers. Memory: that of a slot, and a few
// rows per symbol in the driver (movers.json, recessions.json).
#include <algorithm>
#include <cmath>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/exact.h"
#include "jobs/ml/market.h"
#include "jobs/ml/market_summary.h"
#include "jobs/pages/market_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct MarketOptions : CommonOptions {
  std::vector<Date> from, to, movers;
  std::vector<uint32_t> windows = {20, 50, 200};
  uint32_t anomaly_window = 20;
  double anomaly_z = 3;
  std::string report;
};
MR_OPTIONS(MarketOptions, MR_OPTION(from, "dates", "First days of the periods to look at"),
           MR_OPTION(to, "dates", "Last days of the periods, as many"),
           MR_OPTION(movers, "dates", "Days whose movers are listed"),
           MR_OPTION(windows, "integers", "Rows of the moving averages"),
           MR_OPTION(anomaly_window, "integer", "Rows before a value that it is compared with"),
           MR_OPTION(anomaly_z, "number", "Standard deviations from their mean that make an anomaly"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

namespace {

using Days = Dataset<ml::DayTotal>;
using Facts = Dataset<ml::Fact>;

constexpr uint32_t kMaxWindow = 1000000;

ml::MarketRules CheckRules(Job& job, const MarketOptions& options) {
  ml::MarketRules rules{{}, options.movers, options.windows, options.anomaly_window, options.anomaly_z};
  if (options.from.size() != options.to.size())
    job.Fail(StrCat("--from names ", options.from.size(), " days and --to ", options.to.size(),
                    ": each period needs a first and a last day"));
  for (size_t i = 0; i < options.from.size(); ++i) {
    if (options.to[i] < options.from[i])
      job.Fail(StrCat("--to=", options.to[i].ToString(), " lies before --from=", options.from[i].ToString()));
    rules.periods.emplace_back(options.from[i], options.to[i]);
  }
  for (const uint32_t n : options.windows)
    if (n < 1 || n > kMaxWindow) job.Fail(StrCat("--windows: ", n, " is not from 1 to ", kMaxWindow));
  if (options.anomaly_window < 2 || options.anomaly_window > kMaxWindow)
    job.Fail(StrCat("--anomaly-window=", options.anomaly_window, " is not from 2 to ", kMaxWindow));
  if (!(options.anomaly_z > 0)) job.Fail("--anomaly-z must be above 0");
  return rules;
}

struct AddDays {
  void operator()(ml::DayTotal& into, const ml::DayTotal& more) const {
    into.symbols += more.symbols;
    into.micros = ml::AddExact(into.micros, more.micros, "the total close of a day");
  }
};

// In order of the date.
Days TotalsPerDay(const Dataset<ml::DayBar>& bars) {
  return bars
      .KeyBy([](const ml::DayBar& bar) { return bar.date; },
             [](const ml::DayBar& bar) {
               return ml::DayTotal{bar.date, 1, ml::CloseMicros(bar)};
             })
      .InKeyOrder()
      .ReduceByKey(AddDays{}, "TotalClose")
      .Values()
      .Cache();
}

Facts FactsOfSymbols(const Dataset<ml::DayBar>& bars, const ml::MarketRules& rules) {
  return bars.KeyBy([](const ml::DayBar& bar) { return bar.symbol; })
      .InKeyOrder()
      .GroupSorted<ml::Fact, &ml::DayBar::date>(
          With(rules),
          [](const ml::MarketRules& r, std::string_view symbol, Rows<ml::DayBar> days,
             Emitter<ml::Fact>& out) { ml::WalkSymbol(r, symbol, std::move(days), out); },
          "WalkSymbol")
      .Cache();
}

Facts FactsOfTotals(const Days& days, const ml::MarketRules& rules) {
  return days.KeyBy([](const ml::DayTotal&) { return true; })
      .GroupSorted<ml::Fact, &ml::DayTotal::date>(
          With(rules),
          [](const ml::MarketRules& r, bool, Rows<ml::DayTotal> totals, Emitter<ml::Fact>& out) {
            ml::WalkTotals(r, std::move(totals), out);
          },
          "WalkTotals")
      .Cache();
}

// The facts of one kind: Of<&ml::Fact::month>(facts).
template <auto kKind>
auto Of(const Facts& facts) {
  using T = typename std::decay_t<decltype(std::declval<ml::Fact>().*kKind)>::value_type;
  return facts.FlatMap<T>([](const ml::Fact& fact, Emitter<T>& out) {
    if ((fact.*kKind).has_value()) out(*(fact.*kKind));
  });
}

Table AveragesTable(const Facts& facts, const std::vector<uint32_t>& windows) {
  Schema schema;
  schema.Add("Symbol", ValueType::kText);
  schema.Add("Date", ValueType::kDate);
  schema.Add("Close", ValueType::kDouble);
  for (const uint32_t n : windows) schema.Add(StrCat("ma_", n), ValueType::kDouble);
  return {schema, Of<&ml::Fact::average>(facts).Map([](const ml::Average& average) {
            Row row{Value::Null(), Value::Day(average.date), Value::Double(average.close)};
            row.SetText(0, average.symbol);
            for (const double mean : average.means)
              row.Add(std::isnan(mean) ? Value::Null() : Value::Double(mean));
            return row;
          })};
}

Dataset<ml::Anomaly> AnomaliesOf(const Facts& facts, const char* series) {
  return Of<&ml::Fact::anomaly>(facts).Filter(
      With(std::string(series)),
      [](const std::string& wanted, const ml::Anomaly& anomaly) { return anomaly.series == wanted; });
}

struct DayTotalRow {
  Date date;
  uint32_t symbols = 0;
  double total_close = 0;
};
MR_RECORD(DayTotalRow, MR_FIELD(date, "Date"), MR_NAMED(symbols), MR_NAMED(total_close))

// What the page shows of the series: some 1,500 days, the months of a few symbols, the strongest anomalies.
report::MarketSeries DrawnSeries(const Days& days, const Facts& symbols,
                                 const Dataset<ml::Anomaly>& anomalies, const ml::MarketSummary& found) {
  const uint64_t step = found.total.rows / 1500 + 1;
  report::MarketSeries drawn;
  drawn.days = days.WithRowNumber()
                   .Filter(With(step, found.total.rows),
                           [](uint64_t each, uint64_t rows, const Numbered<ml::DayTotal>& day) {
                             return day.row % each == 0 || day.row + 1 == rows;
                           })
                   .Map([](const Numbered<ml::DayTotal>& day) { return day.record; })
                   .Collect();
  drawn.months = Of<&ml::Fact::month>(symbols)
                     .Filter(With(report::DrawnSymbols(found.series)),
                             [](const std::vector<std::string>& names, const ml::Month& month) {
                               return std::find(names.begin(), names.end(), month.symbol) != names.end();
                             })
                     .Collect();
  drawn.anomalies = anomalies
                        .SortBy([](const ml::Anomaly& a) {
                          return std::tuple(Descending<double>{std::abs(a.z)}, a.series, a.symbol, a.date);
                        })
                        .Take(20);
  return drawn;
}

}  // namespace

void Market(Job& job, const MarketOptions& options) {
  const ml::MarketRules rules = CheckRules(job, options);
  const auto bars = job.Read<ml::DayBar>(options.input);
  const Days days = TotalsPerDay(bars);
  const Facts symbols = FactsOfSymbols(bars, rules);
  const Facts totals = FactsOfTotals(days, rules);

  const auto in_folder = [&](const char* name) { return StrCat(options.output, "/", name); };
  days.Map([](const ml::DayTotal& day) {
        return DayTotalRow{day.date, day.symbols, static_cast<double>(day.micros) / ml::kMicros};
      })
      .Write(in_folder("total_close"));
  AveragesTable(symbols, rules.windows).Write(in_folder("moving_averages"));
  Of<&ml::Fact::month>(symbols).Write(in_folder("monthly"));
  const auto anomalies = AnomaliesOf(symbols, "close")
                             .Union(AnomaliesOf(symbols, "daily_return"))
                             .Union(AnomaliesOf(totals, "total_close"));
  anomalies.Write(in_folder("anomalies"));
  const auto movers = Of<&ml::Fact::mover>(symbols)
                          .SortBy([](const ml::Mover& mover) {
                            return std::tuple(mover.date, Descending<double>{mover.pct}, mover.symbol);
                          })
                          .Cache();
  movers.Write(in_folder("movers"));
  const auto recessions = Of<&ml::Fact::recession>(symbols).Union(Of<&ml::Fact::recession>(totals));
  recessions
      .SortBy(
          [](const ml::Recession& r) { return std::tuple(r.period, r.symbol == ml::kTotalClose, r.symbol); })
      .Write(in_folder("recessions"));

  ml::MarketSummary found;
  found.series = Of<&ml::Fact::totals>(symbols).Collect();
  found.total = Of<&ml::Fact::totals>(totals).Collect().front();
  found.movers = movers.Collect();
  found.total_movers = Of<&ml::Fact::mover>(totals).Collect();
  found.recessions = recessions.Collect();
  job.WriteFile("movers.json", ml::MoversJson(rules, found));
  job.WriteFile("recessions.json", ml::RecessionsJson(rules, found));
  job.WriteFile("summary.json", ml::SummaryJson(rules, found));
  WriteReport(job, report::MarketPage(rules, found, DrawnSeries(days, symbols, anomalies, found)));
}
MR_JOB("market", Market, "Totals, movers, averages, recessions, anomalies and months of daily prices")

}  // namespace millrace
