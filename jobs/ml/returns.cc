#include "jobs/ml/returns.h"

namespace millrace::ml {
namespace {

// A close from which returns follow, or NaN; in the precision that is asked for.
double CheckedClose(std::string_view symbol, const Quote& quote, bool single) {
  const double close = single ? static_cast<double>(static_cast<float>(quote.close)) : quote.close;
  if (close == 0 || std::isinf(close))
    throw BadInput(StrCat("the close of ", millrace::Quote(symbol), " on ", FormatDate(quote.date), " is ",
                          quote.close, close == 0 ? "" : ", too large for a price",
                          ": no return can follow from it; correct it, or leave it empty"));
  return quote.close;
}

std::optional<double> Present(double value) {
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

Keyed<std::string_view, Quote> BySymbol(Job& job, const std::string& input) {
  return job.Read<Bar>(input)
      .KeyBy(
          [](const Bar& bar) {
            if (bar.symbol.empty())
              throw BadInput(StrCat("a row of ", FormatDate(bar.date),
                                    " has no Symbol; fill it in, or take the row out"));
            return bar.symbol;
          },
          [](const Bar& bar) {
            return Quote{bar.date, bar.close.value_or(std::numeric_limits<double>::quiet_NaN())};
          })
      .InKeyOrder();
}

}  // namespace

Dataset<Return> Returns(Job& job, const std::string& input, bool single) {
  return BySymbol(job, input)
      .GroupSorted<Return, &Quote::date>(
          With(single),
          [](bool single_precision, std::string_view symbol, Rows<Quote> quotes, Emitter<Return>& out) {
            ReturnWalk walk(single_precision);
            for (const Quote& quote : quotes) {
              walk.Next(CheckedClose(symbol, quote, single_precision));
              out({symbol, quote.date, Present(walk.close()), Present(walk.daily()), walk.cumulative(),
                   walk.compounded()});
            }
          },
          "Returns");
}

Dataset<Series> ReturnSeries(Job& job, const std::string& input, bool single, bool all) {
  return BySymbol(job, input)
      .GroupSorted<Series, &Quote::date>(
          With(single, all),
          [](bool single_precision, bool all_columns, std::string_view symbol, Rows<Quote> quotes,
             Emitter<Series>& out) {
            ReturnWalk walk(single_precision);
            Series series;
            series.symbol = symbol;
            for (const Quote& quote : quotes) {
              walk.Next(CheckedClose(symbol, quote, single_precision));
              series.dates.push_back(quote.date);
              series.daily.push_back(walk.daily());
              series.cumulative.push_back(walk.cumulative());
              if (!all_columns) continue;
              series.close.push_back(walk.close());
              series.compounded.push_back(walk.compounded());
            }
            out(series);
          },
          "ReturnSeries");
}

Dataset<Return> SeriesRows(const Dataset<Series>& series) {
  return series.FlatMap<Return>(
      [](const Series& s, Emitter<Return>& out) {
        for (size_t i = 0; i < s.dates.size(); ++i)
          out({s.symbol, s.dates[i], Present(s.close[i]), Present(s.daily[i]), s.cumulative[i],
               s.compounded[i]});
      },
      "SeriesRows");
}

}  // namespace millrace::ml
