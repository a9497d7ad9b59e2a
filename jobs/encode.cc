// Columns of texts as numbers that an algorithm can work with: numbers taken from texts, categories as 0/1
// columns, all of one magnitude.
//
//   mrsubmit run --local encode --input=household_demographics.csv --output=features
//   mrsubmit run --local encode --input=cars.csv --output=features --id=plate --numeric=kw=power,seats
//     --categorical=make,fuel --missing=none --order=bytes --drop=first
//
// --numeric takes the first run of digits of a text ("19-24" is 19, "250K+" 250; one that begins with "Under"
// is 0), or all of it with --numbers=whole; NAME=COLUMN gives the feature another name. --categorical: the
// string indexer and one-hot columns of jobs/ml/encoders.h. --scale=max-abs multiplies by 1 / the greatest
// magnitude (jobs/ml/scaler.h), which leaves 0/1 columns as they are. The defaults make the features of
// households (age, income, home, family) of the station popularity pipeline.
//
// Output: features/ (the id, the numbers, the 0/1 columns), categories/ (column, index, category,
// count), parameters/ (column, max_abs), summary.json. Empty fields of --numeric end the job, and texts
// without a number do; equal ids are rows of their own; a column of one kind has no 0/1 column (with
// --drop=none it has).
//
// Stages, for n rows, d features: a pass that counts categories (at most the categories of a split
// are shuffled), one into cached blocks, one for the greatest magnitudes, one that writes. Memory: a
// block per slot.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/encoders.h"
#include "jobs/ml/features.h"
#include "jobs/ml/scaler.h"

namespace millrace {

struct EncodeOptions : CommonOptions {
  std::string id = "household_id";
  std::vector<std::string> numeric = {"age_years=age", "income_k=income", "household_size", "kids_count"};
  std::vector<std::string> categorical = {"home_ownership", "marital_status", "household_comp"};
  std::string numbers = "first-digits";
  std::string missing = "Unknown";
  std::string order = "frequency";
  std::string drop = "last";
  std::string scale = "max-abs";
};
MR_OPTIONS(EncodeOptions, MR_OPTION(id, "column", "The column that names the rows; it is kept as it is"),
           MR_OPTION(numeric, "columns", "COLUMN or NAME=COLUMN,...: columns that become numbers"),
           MR_OPTION(categorical, "columns", "Columns that become one 0/1 column per category"),
           MR_OPTION(numbers, "first-digits|whole", "How a text becomes a number"),
           MR_OPTION(missing, "text", "The category of an empty field; empty = such a field ends the job"),
           MR_OPTION(order, "frequency|bytes", "Order of the categories"),
           MR_OPTION(drop, "last|first|none", "The category without a column of its own"),
           MR_OPTION(scale, "max-abs|none", "How features are scaled"))

namespace {

struct NumberColumns {
  std::vector<std::string> names, columns;
};

NumberColumns ParseNumeric(const std::vector<std::string>& numeric) {
  NumberColumns parsed;
  for (const std::string& entry : numeric) {
    const size_t equals = entry.find('=');
    parsed.names.push_back(entry.substr(0, equals));
    parsed.columns.push_back(equals == std::string::npos ? entry : entry.substr(equals + 1));
  }
  return parsed;
}

// Texts -> numbers in the columns behind the id; a text without a number ends the job.
Row WithNumbers(const std::vector<std::string>& columns, bool first_digits, const Row& row) {
  Row out = row;
  for (size_t i = 0; i < columns.size(); ++i) {
    Value& field = out[1 + i];
    if (field.is_null()) continue;
    double whole;
    const auto number = first_digits                          ? ml::FirstNumber(field.AsText())
                        : ParseDouble(field.AsText(), &whole) ? std::optional(whole)
                                                              : std::nullopt;
    if (!number.has_value())
      throw BadInput(StrCat("column '", columns[i], "': there is no number in '", field.AsText(),
                            "' in the row of '", row[0].ToString(),
                            "'; correct it, or leave the column out of --numeric"));
    field = Value::Double(*number);
  }
  return out;
}

Table ReadNumbers(Job& job, const EncodeOptions& options, const NumberColumns& numeric) {
  TableOptions read;
  read.columns = {options.id};
  read.columns.insert(read.columns.end(), numeric.columns.begin(), numeric.columns.end());
  read.columns.insert(read.columns.end(), options.categorical.begin(), options.categorical.end());
  read.text = read.columns;
  Table table = job.ReadTable(options.input, read);
  Schema schema;
  schema.Add(options.id, ValueType::kText);
  for (const std::string& name : numeric.names) schema.Add(name, ValueType::kDouble);
  for (const std::string& name : options.categorical) schema.Add(name, ValueType::kText);
  table.schema = schema;
  table.rows = table.rows.Map(
      With(numeric.columns, options.numbers == "first-digits"),
      [](const std::vector<std::string>& columns, bool first_digits, const Row& row) {
        return WithNumbers(columns, first_digits, row);
      },
      "Numbers");
  return table;
}

struct Category {
  std::string column;
  uint32_t index = 0;
  std::string category;
  uint64_t count = 0;
};
MR_RECORD(Category, MR_NAMED(column), MR_NAMED(index), MR_NAMED(category), MR_NAMED(count))

}  // namespace

void Encode(Job& job, const EncodeOptions& options) {
  if (options.id.empty()) job.Fail("--id: name the column that names the rows");
  const NumberColumns numeric = ParseNumeric(options.numeric);
  const Table numbers = ReadNumbers(job, options, numeric);
  const ml::CategoryOrder order =
      options.order == "bytes" ? ml::CategoryOrder::kBytes : ml::CategoryOrder::kFrequency;
  const ml::Drop drop = options.drop == "last"    ? ml::Drop::kLast
                        : options.drop == "first" ? ml::Drop::kFirst
                                                  : ml::Drop::kNone;
  const auto categories = ml::FitCategories(job, numbers, options.categorical, {order, options.missing});
  const ml::Features features = ml::MakeFeatures(job, ml::OneHotTable(numbers, categories, drop), options.id);
  ml::ScaleParameters scale = ml::FitScaler(features, ml::Scaling::kMaxAbs);
  if (options.scale == "none") scale.max_abs.assign(scale.max_abs.size(), 1.0);
  ml::ScaledTable(features, scale).Write(options.output + "/features");
  ml::ParametersTable(job, features, scale).Write(options.output + "/parameters");

  nlohmann::ordered_json summary;
  summary["rows"] = features.rows;
  summary["feature_names"] = features.names;
  summary["max_abs"] = nlohmann::ordered_json::object();
  for (size_t i = 0; i < numeric.names.size(); ++i) summary["max_abs"][numeric.names[i]] = scale.max_abs[i];
  summary["string_index"] = nlohmann::ordered_json::object();
  std::vector<Category> rows;
  for (const ml::Categories& column : categories) {
    auto& list = summary["string_index"][column.column] = nlohmann::ordered_json::array();
    for (uint32_t i = 0; i < column.kinds.size(); ++i) {
      rows.push_back({column.column, i, column.kinds[i], column.rows[i]});
      list.push_back({{"index", i}, {"category", column.kinds[i]}, {"count", column.rows[i]}});
    }
  }
  job.Values(rows).Write(options.output + "/categories");
  job.WriteFile("summary.json", summary.dump(1) + "\n");
}
MR_JOB("encode", Encode, "Columns of texts as numbers: first digits, one-hot columns, one magnitude")

}  // namespace millrace
