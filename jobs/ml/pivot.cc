#include "jobs/ml/pivot.h"

#include <algorithm>
#include <iterator>

namespace millrace::ml {
namespace {

// Days in ascending order, without repetitions.
using Days = std::vector<Date>;

bool Before(Date a, Date b) { return a.days < b.days; }
bool Same(Date a, Date b) { return a.days == b.days; }

struct UnionOfDays {
  void operator()(Days& into, const Days& days) const {
    if (std::includes(into.begin(), into.end(), days.begin(), days.end(), Before)) return;
    Days both;
    both.reserve(into.size() + days.size());
    std::set_union(into.begin(), into.end(), days.begin(), days.end(), std::back_inserter(both), Before);
    into.swap(both);
  }
};

Days DistinctDays(const Dataset<Series>& series) {
  return series
      .Map(
          [](const Series& s) {
            Days days = s.dates;
            days.erase(std::unique(days.begin(), days.end(), Same), days.end());
            return days;
          },
          "Dates")
      .Aggregate(UnionOfDays{});
}

Value Cell(double value) { return std::isnan(value) ? Value::Null() : Value::Double(value); }

Row PivotRow(const Days& days, const Series& series) {
  Row row(1 + 2 * days.size());
  row[0] = Value::Text(series.symbol);
  size_t at = 0;
  for (size_t i = 0; i < series.dates.size(); ++i) {
    if (i > 0 && Same(series.dates[i], series.dates[i - 1])) continue;
    while (Before(days[at], series.dates[i])) ++at;
    row[1 + 2 * at] = Cell(series.daily[i]);
    row[2 + 2 * at] = Cell(series.cumulative[i]);
  }
  return row;
}

}  // namespace

Table PivotReturns(const Dataset<Series>& series) {
  const Days days = DistinctDays(series);
  Schema schema;
  schema.Add("Symbol", ValueType::kText);
  for (Date day : days) {
    schema.Add(FormatDate(day) + "_DailyReturn", ValueType::kDouble);
    schema.Add(FormatDate(day) + "_CumulativeReturn", ValueType::kDouble);
  }
  return {schema, series.Map(
                      With(days), [](const Days& d, const Series& s) { return PivotRow(d, s); }, "Pivot")};
}

}  // namespace millrace::ml
