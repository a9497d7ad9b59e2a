#include "jobs/ml/households.h"

#include "jobs/ml/encoders.h"
#include "jobs/ml/scaler.h"

namespace millrace::ml {
namespace {

// The columns in the order of the features; the first ones are numbers, under another name.
struct NumberColumn {
  const char *column, *feature;
};
constexpr NumberColumn kNumbers[] = {{"age", "age_years"},
                                     {"income", "income_k"},
                                     {"household_size", "household_size"},
                                     {"kids_count", "kids_count"}};
const std::vector<std::string> kKinds = {"home_ownership", "marital_status", "household_comp"};
constexpr char kId[] = "household_id";

double NumberOf(const char* column, const Row& row, const Value& field) {
  const auto number = field.is_null() ? std::nullopt : FirstNumber(field.AsText());
  if (!number.has_value())
    throw BadInput(StrCat("column '", column, "' ",
                          field.is_null() ? "is missing" : StrCat("has no number in ", Quote(field.AsText())),
                          " in the row of household_id '", row[0].ToString(), "'; correct it"));
  return *number;
}

}  // namespace

Table HouseholdTable(Job& job, const std::string& input) {
  TableOptions options;
  options.columns = {kId};
  for (const NumberColumn& number : kNumbers) options.columns.push_back(number.column);
  options.columns.insert(options.columns.end(), kKinds.begin(), kKinds.end());
  options.text = options.columns;
  const Table texts = job.ReadTable(input, options);
  const auto kinds = FitCategories(job, texts, kKinds, {CategoryOrder::kFrequency, "Unknown"});
  Table table = OneHotTable(texts, kinds, Drop::kLast);
  Schema schema;
  schema.Add(kId, ValueType::kText);
  for (const NumberColumn& number : kNumbers) schema.Add(number.feature, ValueType::kDouble);
  for (size_t i = schema.size(); i < table.schema.size(); ++i)
    schema.Add(table.schema[i].name, ValueType::kDouble);
  table.schema = schema;
  table.rows = table.rows.Map(
      [](const Row& row) {
        Row out = row;
        for (size_t i = 1; i <= std::size(kNumbers); ++i) {
          out[i] = Value::Double(NumberOf(kNumbers[i - 1].column, row, row[i]));
        }
        return out;
      },
      "FirstNumbers");
  return table;
}

Features HouseholdFeatures(Job& job, const std::string& input) {
  const Features raw = MakeFeatures(job, HouseholdTable(job, input), kId);
  return ScaledFeatures(raw, FitScaler(raw, Scaling::kMaxAbs));
}

}  // namespace millrace::ml
