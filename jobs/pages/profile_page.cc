#include "jobs/pages/profile_page.h"

#include <algorithm>
#include <cmath>

namespace millrace::report {
namespace {

using ml::ColumnKind;
using ml::ColumnPart;

constexpr size_t kDrawnColumns = 60;
constexpr size_t kMapColumns = 32;    // of a heat map: more are not to be read
constexpr size_t kNamedPartners = 3;  // of a column, in its warning
constexpr size_t kValueLength = 24;   // characters of a value beside its bar
constexpr double kMostlyMissing = 0.5;
constexpr double kStrong = 0.9;  // an association that is warned of

double Count(uint64_t n) { return static_cast<double>(n); }
uint64_t Missing(const ColumnPart& column) { return column.totals.rows - column.totals.present; }
double MissingShare(const ColumnPart& column) {
  return column.totals.rows == 0 ? 0 : Count(Missing(column)) / Count(column.totals.rows);
}
// Some value stands there twice.
bool Repeats(const ColumnPart& column) { return !column.top.empty() && column.top[0].count > 1; }

// The matrices of a profile by the numbers of the columns.
class Associations {
 public:
  Associations(const ml::ProfileSpec& spec, const ml::Profile& profile)
      : spec_(spec), profile_(profile), place_(spec.names.size()) {
    for (size_t i = 0; i < profile.numeric.size(); ++i) place_[profile.numeric[i]] = i;
    for (size_t i = 0; i < profile.categorical.size(); ++i) place_[profile.categorical[i]] = i;
  }
  bool Numeric(uint32_t column) const { return spec_.kinds[column] == ColumnKind::kNumeric; }
  // r, V or the correlation ratio.
  double Of(uint32_t i, uint32_t j) const {
    const size_t numbers = profile_.numeric.size(), kinds = profile_.categorical.size();
    if (Numeric(i) && Numeric(j)) return profile_.pearson[place_[i] * numbers + place_[j]];
    if (Numeric(i)) return profile_.correlation_ratio[place_[j] * numbers + place_[i]];
    if (Numeric(j)) return profile_.correlation_ratio[place_[i] * numbers + place_[j]];
    return profile_.cramers_v[place_[i] * kinds + place_[j]];
  }
  double Uncertainty(uint32_t row, uint32_t column) const {
    return profile_.uncertainty[place_[row] * profile_.categorical.size() + place_[column]];
  }
  // Numeric columns, then categorical ones: those that have pairs.
  std::vector<uint32_t> Columns() const {
    std::vector<uint32_t> columns = profile_.numeric;
    columns.insert(columns.end(), profile_.categorical.begin(), profile_.categorical.end());
    return columns;
  }

 private:
  const ml::ProfileSpec& spec_;
  const ml::Profile& profile_;
  std::vector<size_t> place_;  // of a column among those of its kind
};

std::vector<std::vector<std::string>> MissingWarnings(const std::string& name, const ColumnPart& column) {
  std::vector<std::vector<std::string>> rows;
  if (column.totals.rows > 0 && column.totals.present == 0) {
    rows.push_back({name, "empty", "no value in any row"});
  } else if (column.distinct == 1) {
    rows.push_back({name, "constant", "one and the same value wherever there is one"});
  }
  if (column.totals.present > 0 && MissingShare(column) > kMostlyMissing)
    rows.push_back(
        {name, "mostly missing", StrCat(Percent(MissingShare(column)), " of the rows have no value")});
  return rows;
}

// "'a' (0.99), 'b' (0.95) and 3 more", the strongest first.
std::string Partners(const ml::ProfileSpec& spec, std::vector<std::pair<double, uint32_t>> partners) {
  std::stable_sort(partners.begin(), partners.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.first) > std::abs(b.first); });
  std::string text;
  for (size_t i = 0; i < std::min(partners.size(), kNamedPartners); ++i)
    text += StrCat(i == 0 ? "" : ", ", spec.names[partners[i].second], " (", Short(partners[i].first), ")");
  if (partners.size() > kNamedPartners) text += StrCat(" and ", partners.size() - kNamedPartners, " more");
  return text;
}

Sheet Warnings(const ml::ProfileSpec& spec, const ml::Profile& profile, const Associations& pairs) {
  Sheet sheet{.title = "Warnings", .columns = {"column", "warning", "why"}, .leads = true, .wide = true};
  const auto n = static_cast<uint32_t>(spec.names.size());
  for (uint32_t i = 0; i < n; ++i) {
    for (auto& row : MissingWarnings(spec.names[i], profile.columns[i])) sheet.rows.push_back(std::move(row));
    std::vector<std::pair<double, uint32_t>> partners;
    std::string original;
    for (uint32_t j = 0; j < n; ++j) {
      if (i == j || profile.columns[i].distinct < 2 || profile.columns[j].distinct < 2) continue;
      if (profile.first_equal[i] == profile.first_equal[j]) {
        if (j < i && original.empty()) original = spec.names[j];
        continue;
      }
      if (spec.kinds[i] == ColumnKind::kText || spec.kinds[j] == ColumnKind::kText) continue;
      const double strength = pairs.Of(i, j);
      if (std::abs(strength) >= kStrong) partners.emplace_back(strength, j);
    }
    if (!original.empty())
      sheet.rows.push_back({spec.names[i], "duplicate", StrCat("the same values as ", original)});
    if (!partners.empty())
      sheet.rows.push_back({spec.names[i], "correlated", StrCat("goes with ", Partners(spec, partners))});
  }
  return sheet;
}

Sheet Overview(const ml::ProfileSpec& spec, const ml::Profile& profile) {
  Sheet sheet{.title = "All columns",
              .columns = {"column", "type", "missing", "distinct", "least", "median", "mean", "greatest",
                          "most frequent"},
              .leads = true,
              .wide = true};
  for (size_t i = 0; i < spec.names.size(); ++i) {
    const ColumnPart& column = profile.columns[i];
    std::vector<std::string> row = {spec.names[i], ml::KindName(spec.kinds[i]), Percent(MissingShare(column)),
                                    Short(Count(column.distinct))};
    const bool numeric = spec.kinds[i] == ColumnKind::kNumeric;
    const ml::NumberSummary s = ml::Summarise(column);
    const bool present = numeric && column.totals.present > 0;
    for (const double x : {column.totals.least, s.quantiles[2], s.mean, column.totals.greatest})
      row.push_back(present ? Short(x) : "");
    row.push_back(!Repeats(column) ? ""
                  : numeric        ? Short(column.top[0].number)
                                   : Clipped(column.top[0].text, kValueLength));
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

HeatMap Map(const ml::ProfileSpec& spec, std::vector<uint32_t> columns) {
  HeatMap map;
  if (columns.size() > kMapColumns)
    map.note = StrCat(" The first ", kMapColumns, " of ", columns.size(), " columns; the tables have all.");
  for (size_t i = 0; i < std::min(columns.size(), kMapColumns); ++i)
    map.columns.push_back(Clipped(spec.names[columns[i]], kValueLength));
  map.rows = map.columns;
  return map;
}

void AddAssociations(const ml::ProfileSpec& spec, const ml::Profile& profile, const Associations& pairs,
                     Page* page) {
  const std::vector<uint32_t> columns = pairs.Columns();
  if (columns.size() < 2) return;
  page->Add(Part{"Associations", "Over the rows where both columns have a value; empty = not defined."});
  HeatMap map = Map(spec, columns);
  map.title = "All pairs";
  map.note = StrCat(
      "Numbers with numbers: Pearson's r, -1 to 1. Kinds with kinds: Cramér's V, 0 to 1. "
      "Numbers with kinds: the correlation ratio, 0 to 1.",
      map.note);
  for (size_t i = 0; i < map.rows.size(); ++i)
    for (size_t j = 0; j < map.columns.size(); ++j) {
      if (j == 0) map.values.emplace_back();
      map.values[i].push_back(profile.columns[columns[i]].distinct > 1 ? pairs.Of(columns[i], columns[j])
                                                                       : kNone);
    }
  page->Add(std::move(map));
  if (profile.categorical.size() < 2) return;
  HeatMap known = Map(spec, profile.categorical);
  known.title = "What one kind tells of another";
  known.note =
      StrCat("How much of the row's uncertainty (its entropy) is gone when the column is known, 0 to 1.",
             known.note);
  known.low = 0;
  for (size_t i = 0; i < known.rows.size(); ++i) {
    known.values.emplace_back();
    for (size_t j = 0; j < known.columns.size(); ++j)
      known.values[i].push_back(pairs.Uncertainty(profile.categorical[i], profile.categorical[j]));
  }
  page->Add(std::move(known));
}

Chart Histogram(const ColumnPart& column) {
  Chart chart{.kind = Chart::Kind::kHistogram, .title = "Histogram", .y_title = "rows"};
  Series bars{.name = ""};
  const double least = column.totals.least, greatest = column.totals.greatest;
  if (least == greatest) {
    chart.categories = {Short(least)};
    bars.y = {Count(column.totals.present)};
  } else {
    const double n = Count(column.bins.size());
    for (size_t b = 0; b < column.bins.size(); ++b) {
      const double from = least + (greatest - least) * (Count(b) / n);
      chart.categories.push_back(
          StrCat(Short(from), " – ", Short(least + (greatest - least) * (Count(b + 1) / n))));
      bars.y.push_back(Count(column.bins[b]));
    }
  }
  chart.series.push_back(std::move(bars));
  return chart;
}

Chart TopChart(const ColumnPart& column, bool numeric) {
  Chart chart{.kind = Chart::Kind::kSideways, .title = "Most frequent values", .y_title = "rows"};
  Series bars{.name = "", .hue = 2};
  uint64_t others = column.totals.present;
  for (const ml::ValueCount& value : column.top) {
    chart.categories.push_back(numeric ? Short(value.number) : Clipped(value.text, kValueLength));
    bars.y.push_back(Count(value.count));
    others -= value.count;
  }
  if (column.distinct > column.top.size())
    chart.note = StrCat(Short(Count(column.distinct - column.top.size())), " other values in ",
                        Short(Count(others)), " rows");
  chart.series.push_back(std::move(bars));
  return chart;
}

Sheet NumberFigures(const ColumnPart& column) {
  const ml::NumberSummary s = ml::Summarise(column);
  Sheet sheet{.title = "Figures", .columns = {"quantiles", "", "moments", ""}};
  const auto row = [&sheet](const char* a, double x, const char* b, double y) {
    sheet.rows.push_back({a, Short(x), b, Short(y)});
  };
  row("least", column.totals.least, "mean", s.mean);
  row("5 %", s.quantiles[0], "deviation", s.std);
  row("25 %", s.quantiles[1], "skew", s.skew);
  row("median", s.quantiles[2], "kurtosis", s.kurtosis);
  row("75 %", s.quantiles[3], "sum", s.sum);
  row("95 %", s.quantiles[4], "zeros", Count(column.zeros));
  row("greatest", column.totals.greatest, "distinct", Count(column.distinct));
  return sheet;
}

Sheet TextFigures(const ColumnPart& column) {
  Sheet sheet{.title = "Figures", .columns = {"figure", "value"}};
  sheet.rows = {{"values", Short(Count(column.totals.present))}, {"distinct", Short(Count(column.distinct))}};
  if (Repeats(column)) {
    sheet.rows.push_back({"most frequent", Clipped(column.top[0].text, kValueLength)});
    sheet.rows.push_back({"its share", Percent(Count(column.top[0].count) / Count(column.totals.present))});
  } else if (column.distinct > 1) {
    sheet.note = "No value comes twice.";
  }
  return sheet;
}

void AddColumn(const std::string& name, ColumnKind kind, const ColumnPart& column, Page* page) {
  const bool numeric = kind == ColumnKind::kNumeric;
  page->Add(Part{name,
                 StrCat(ml::KindName(kind), "; ",
                        Missing(column) == 0 ? std::string("no value missing")
                                             : StrCat("missing in ", Short(Count(Missing(column))), " of ",
                                                      Short(Count(column.totals.rows)), " rows (",
                                                      Percent(MissingShare(column)), ")")),
                 MissingShare(column)});
  if (column.totals.present == 0) return;
  if (numeric && !column.bins.empty()) page->Add(Histogram(column));
  page->Add(numeric ? NumberFigures(column) : TextFigures(column));
  if (Repeats(column)) page->Add(TopChart(column, numeric));
}

}  // namespace

Page ProfilePage(const ml::ProfileSpec& spec, const ml::Profile& profile) {
  const Associations pairs(spec, profile);
  const size_t columns = spec.names.size();
  uint64_t rows = 0, missing = 0, kinds[3] = {};
  for (size_t i = 0; i < columns; ++i) {
    rows = std::max(rows, profile.columns[i].totals.rows);
    missing += Missing(profile.columns[i]);
    ++kinds[static_cast<size_t>(spec.kinds[i])];
  }
  Page page{"Profile", StrCat(Short(Count(rows)), " rows of ", columns, " columns"), {}};
  Sheet warnings = Warnings(spec, profile, pairs);
  page.Add(Figures{{{"rows", Short(Count(rows))},
                    {"numeric columns", Short(Count(kinds[0]))},
                    {"categorical", Short(Count(kinds[1]))},
                    {"texts", Short(Count(kinds[2]))},
                    {"missing cells", Short(Count(missing))},
                    {"warnings", Short(Count(warnings.rows.size()))}}});
  if (!warnings.rows.empty()) page.Add(std::move(warnings));
  page.Add(Overview(spec, profile));
  AddAssociations(spec, profile, pairs, &page);
  if (columns > kDrawnColumns)
    page.Add(Part{"Columns", StrCat("The first ", kDrawnColumns, " of ", columns, "; the tables have all.")});
  for (size_t i = 0; i < std::min(columns, kDrawnColumns); ++i)
    AddColumn(spec.names[i], spec.kinds[i], profile.columns[i], &page);
  return page;
}

}  // namespace millrace::report
