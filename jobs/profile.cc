// What stands in a table: figures of every column, and how the columns go together.
//
//   mrsubmit run --local profile --input=customers.csv --output=profile --types=zip:text,vip:categorical
//
// A column is numeric where its first values are numbers, categorical where they are few texts that repeat
// (at most 50 among the first 1,000 rows, each twice on average), text otherwise; --types says so for some or
// all. Missing are empty fields, fields of blanks alone and NaN. Figures that are not defined (a variance of
// one value, anything of a column without a value, an association with a constant column) are null.
//
// Output: columns/ (one row per column), top/ (the most frequent values), histogram/ (bins of equal
// width), pearson/ (numeric x numeric), cramers_v/ and uncertainty/ (categorical x categorical; of the row
// given the column), correlation_ratio/ (categorical x numeric), summary.json with all of it (matrices up
// to 100 columns), report.json.
//
// Stages: a thin sample where the input is over 64 MiB; one pass over the rows; one shuffle. How they grow
// is in jobs/ml/profile_stages.h. Quantiles and distinct counts are exact at any size.
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/column_kinds.h"
#include "jobs/ml/profile_stages.h"
#include "jobs/pages/profile_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct ProfileOptions : CommonOptions {
  std::vector<std::string> types;
  std::vector<std::string> columns;
  uint32_t top = 10;
  uint32_t bins = 20;
  std::string report;
};
MR_OPTIONS(ProfileOptions,
           MR_OPTION(types, "columns", "COLUMN:numeric|categorical|text,...; the others' are found"),
           MR_OPTION(columns, "columns", "The columns to look at; empty = all"),
           MR_OPTION(top, "integer", "Most frequent values that are listed per column"),
           MR_OPTION(bins, "integer", "Bins of a histogram"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

namespace {

using Json = nlohmann::ordered_json;
using ml::ColumnKind;

constexpr size_t kMostInSummary = 100;  // columns of a matrix
// The figures of a numeric column by name, in the order of the table.
std::vector<std::pair<const char*, Value>> Figures(const ml::ColumnPart& column) {
  const ml::NumberSummary s = ml::Summarise(column);
  const bool none = column.totals.present == 0;
  const auto number = [](double x) { return std::isnan(x) ? Value::Null() : Value::Double(x); };
  const auto& q = s.quantiles;
  return {{"zeros", Value::Int64(static_cast<int64_t>(column.zeros))},
          {"min", none ? Value::Null() : number(column.totals.least)},
          {"max", none ? Value::Null() : number(column.totals.greatest)},
          {"sum", number(s.sum)},
          {"mean", number(s.mean)},
          {"variance", number(s.variance)},
          {"std", number(s.std)},
          {"p05", number(q[0])},
          {"q1", number(q[1])},
          {"median", number(q[2])},
          {"q3", number(q[3])},
          {"p95", number(q[4])},
          {"range", number(s.range)},
          {"iqr", number(s.iqr)},
          {"skew", number(s.skew)},
          {"kurtosis", number(s.kurtosis)}};
}

Json AsJson(const Value& value) {
  if (value.is_null()) return nullptr;
  return value.type() == ValueType::kInt64 ? Json(value.AsInt64()) : Json(value.AsDouble());
}

Table ColumnsTable(Job& job, const ml::ProfileSpec& spec, const ml::Profile& profile, Json* summary) {
  Schema schema;
  for (const char* name : {"column", "type"}) schema.Add(name, ValueType::kText);
  for (const char* name : {"rows", "missing", "distinct"}) schema.Add(name, ValueType::kInt64);
  for (const auto& [name, value] : Figures({})) schema.Add(name, ValueType::kDouble);
  std::vector<Row> rows;
  for (size_t i = 0; i < spec.names.size(); ++i) {
    const ml::ColumnPart& column = profile.columns[i];
    const bool numeric = spec.kinds[i] == ColumnKind::kNumeric;
    const uint64_t counts[] = {column.totals.rows, column.totals.rows - column.totals.present,
                               column.distinct};
    Json& entry = (*summary)["columns"][spec.names[i]];
    Row row;
    row.AddText(spec.names[i]);
    row.AddText(ml::KindName(spec.kinds[i]));
    entry["type"] = ml::KindName(spec.kinds[i]);
    for (size_t n = 0; n < 3; ++n) {
      row.Add(Value::Int64(static_cast<int64_t>(counts[n])));
      entry[schema[2 + n].name] = counts[n];
    }
    entry["top"] = Json::array();
    for (const ml::ValueCount& top : column.top)
      entry["top"].push_back({numeric ? Json(top.number) : Json(top.text), top.count});
    for (const auto& [name, value] : Figures(column)) {
      row.Add(numeric ? value : Value::Null());
      if (numeric) entry[name] = AsJson(value);
    }
    rows.push_back(std::move(row));
  }
  return {schema, job.Values<Row>(rows)};
}

struct TopRow {
  std::string column;
  uint32_t rank = 0;
  std::string value;
  uint64_t count = 0;
};
MR_RECORD(TopRow, MR_NAMED(column), MR_NAMED(rank), MR_NAMED(value), MR_NAMED(count))

std::vector<TopRow> TopRows(const ml::ProfileSpec& spec, const ml::Profile& profile) {
  std::vector<TopRow> rows;
  for (size_t i = 0; i < spec.names.size(); ++i) {
    uint32_t rank = 0;
    for (const ml::ValueCount& top : profile.columns[i].top)
      rows.push_back({spec.names[i], ++rank,
                      spec.kinds[i] == ColumnKind::kNumeric ? FormatDouble(top.number) : top.text,
                      top.count});
  }
  return rows;
}

struct Bin {
  std::string column;
  double from = 0, to = 0;
  uint64_t count = 0;
};
MR_RECORD(Bin, MR_NAMED(column), MR_NAMED(from), MR_NAMED(to), MR_NAMED(count))

std::vector<Bin> Bins(const ml::ProfileSpec& spec, const ml::Profile& profile) {
  std::vector<Bin> rows;
  for (const uint32_t i : profile.numeric) {
    const ml::ColumnPart& column = profile.columns[i];
    const double least = column.totals.least, greatest = column.totals.greatest;
    const double n = static_cast<double>(column.bins.size());
    for (size_t b = 0; b < column.bins.size(); ++b)
      rows.push_back({spec.names[i], least + (greatest - least) * (static_cast<double>(b) / n),
                      least + (greatest - least) * (static_cast<double>(b + 1) / n), column.bins[b]});
  }
  return rows;
}

// A matrix as a table, and in the summary as {row: {column: value}}.
void WriteMatrix(Job& job, const std::string& folder, const std::string& name, const ml::ProfileSpec& spec,
                 const std::vector<uint32_t>& rows, const std::vector<uint32_t>& columns,
                 const std::vector<double>& values, Json* summary) {
  Json& matrix = (*summary)[name] = Json::object();
  if (rows.empty() || columns.empty()) return;
  Schema schema;
  schema.Add("column", ValueType::kText);
  for (const uint32_t j : columns) schema.Add(spec.names[j], ValueType::kDouble);
  std::vector<Row> lines;
  for (size_t i = 0; i < rows.size(); ++i) {
    Row& line = lines.emplace_back();
    line.AddText(spec.names[rows[i]]);
    for (size_t j = 0; j < columns.size(); ++j) {
      const double value = values[i * columns.size() + j];
      line.Add(Value::Double(value));
      if (std::max(rows.size(), columns.size()) <= kMostInSummary)
        matrix[spec.names[rows[i]]][spec.names[columns[j]]] = value;  // NaN becomes null
    }
  }
  Table{schema, job.Values<Row>(lines)}.Write(folder);
}

}  // namespace

void ProfileJob(Job& job, const ProfileOptions& options) {
  const auto [table, kinds] = ml::ReadKinds(job, options.input, options.columns, options.types);
  ml::ProfileSpec spec;
  spec.names = table.schema.Names();
  spec.kinds = kinds;
  spec.top = options.top;
  spec.bins = options.bins;
  const ml::Profile profile = ml::ProfileTable(table, spec);

  Json summary;
  ColumnsTable(job, spec, profile, &summary).Write(options.output + "/columns");
  job.Values(TopRows(spec, profile)).Write(options.output + "/top");
  job.Values(Bins(spec, profile)).Write(options.output + "/histogram");
  const auto matrix = [&](const char* folder, const char* name, const std::vector<uint32_t>& rows,
                          const std::vector<uint32_t>& columns, const std::vector<double>& values) {
    WriteMatrix(job, options.output + "/" + folder, name, spec, rows, columns, values, &summary);
  };
  matrix("pearson", "pearson", profile.numeric, profile.numeric, profile.pearson);
  matrix("cramers_v", "cramers_v", profile.categorical, profile.categorical, profile.cramers_v);
  matrix("uncertainty", "uncertainty_row_given_column", profile.categorical, profile.categorical,
         profile.uncertainty);
  matrix("correlation_ratio", "correlation_ratio", profile.categorical, profile.numeric,
         profile.correlation_ratio);
  job.WriteFile("summary.json", summary.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  WriteReport(job, report::ProfilePage(spec, profile));
}
MR_JOB("profile", ProfileJob, "Figures of every column of a table, and of every pair of columns")

}  // namespace millrace
