#include "jobs/ml/classification_report.h"

#include <nlohmann/json.hpp>

namespace millrace::ml {
namespace {

Table TableOf(Job& job, const std::vector<std::string>& columns, std::vector<Row> rows) {
  Schema schema;
  for (size_t i = 0; i < columns.size(); ++i)
    schema.Add(columns[i], i == 0 ? ValueType::kText : ValueType::kDouble);
  return {schema, job.Values<Row>(rows)};
}

Row Named(const std::string& name, std::initializer_list<Value> values) {
  Row row;
  row.AddText(name);
  for (const Value& value : values) row.Add(value);
  return row;
}

constexpr char kIntercept[] = "(intercept)";

}  // namespace

Table ScaledCoefficientsTable(Job& job, const Samples& samples, const ScaleParameters& scale,
                              const LogisticModel& model, const std::string& column) {
  std::vector<Row> rows;
  for (size_t i = 0; i < samples.names.size(); ++i)
    rows.push_back(Named(samples.names[i], {Value::Double(scale.mean[i]), Value::Double(scale.std[i]),
                                            Value::Double(model.coefficients[i])}));
  rows.push_back(Named(kIntercept, {Value::Null(), Value::Null(), Value::Double(model.intercept)}));
  return TableOf(job, {"feature", "train_mean", "train_population_std", column}, std::move(rows));
}

Table CoefficientsTable(Job& job, const Samples& samples, const LogisticModel& model) {
  std::vector<Row> rows;
  for (size_t i = 0; i < samples.names.size(); ++i)
    rows.push_back(Named(samples.names[i], {Value::Double(model.coefficients[i])}));
  rows.push_back(Named(kIntercept, {Value::Double(model.intercept)}));
  return TableOf(job, {"feature", "coefficient"}, std::move(rows));
}

Table ScoresTable(const Samples& samples, const Dataset<Scored>& scored) {
  Schema schema;
  schema.Add("row", ValueType::kInt64);
  if (!samples.id.empty()) schema.Add(samples.id, ValueType::kText);
  schema.Add("target", ValueType::kInt64);
  schema.Add("linear_score", ValueType::kDouble);
  schema.Add("probability", ValueType::kDouble);
  return {schema, scored.Map(
                      With(!samples.id.empty()),
                      [](bool has_id, const Scored& s) {
                        Row row{Value::Int64(static_cast<int64_t>(s.row))};
                        if (has_id) row.Add(Value::Text(s.id));
                        row.Add(Value::Int64(s.positive ? 1 : 0));
                        row.Add(Value::Double(s.score));
                        row.Add(Value::Double(s.probability));
                        return row;
                      },
                      "Scores")};
}

nlohmann::ordered_json ModelJson(const Samples& samples, const LogisticModel& model) {
  nlohmann::ordered_json json;
  json["intercept"] = model.intercept;
  json["objective"] = model.objective;
  json["largest_gradient_entry"] = model.largest_gradient_entry;
  json["iterations"] = model.iterations;
  json["halvings"] = model.halvings;
  json["features"] = samples.names.size();
  json["train_rows"] = samples.train_rows;
  json["test_rows"] = samples.test_rows;
  return json;
}

void AddEvaluation(const Confusion& confusion, const Roc& roc, nlohmann::ordered_json* summary) {
  (*summary)["confusion"] = confusion.Json();
  (*summary)["auc"] = roc.auc.has_value() ? nlohmann::ordered_json(*roc.auc) : nlohmann::ordered_json();
  const char* nearest =
      confusion.threshold == 0.5 ? "smallest_distance_from_half" : "smallest_distance_from_threshold";
  (*summary)["margins"] = {{nearest, JsonNumber(confusion.nearest)},
                           {"smallest_gap_of_distinct_linear_scores", JsonNumber(roc.smallest_gap)},
                           {"distinct_linear_scores", roc.distinct_scores}};
  (*summary)["log_loss"] = confusion.LogLoss();
}

}  // namespace millrace::ml
