// The columns of files, and what they hold: names, types, missing values, ranges, samples.
//
//   mrsubmit run --local infer-schema --input=/data/sales --output=schema
//   mrsubmit run --local profile --input=/data/sales --output=profile --schema=schema/schema.json
//
// All rows are looked at. The type of a column is the narrowest that fits all of its values: bool (true,
// false), int64, double, date, timestamp, text; text where there is none. Numbers with superfluous zeros in
// front stay texts. Fields of blanks alone are missing; where a column that is no text has some, jobs that
// read with this schema take them so too. Folders name=value below the input are columns. Files of other
// headers than the first are refused.
//
// Output: schema.json: rows, columns (name, type, partition: it is a folder, nulls, min, max, samples: the
// first different values). min and max of texts are in byte order and cut at 100 bytes.
//
// Stages, for n rows of d columns: one pass; each task sends d records of some hundred bytes. Memory:
// d of them.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/column_facts.h"

namespace millrace {

struct InferSchemaOptions : CommonOptions {};

namespace {

using Json = nlohmann::ordered_json;

Json Text(const Value& value) { return value.ToString(); }

void AddRange(const ml::ColumnFacts& facts, Json* entry) {
  Json &least = (*entry)["min"], &greatest = (*entry)["max"];
  if (facts.present == 0) return;
  switch (facts.Type()) {
    case ValueType::kInt64:
      least = *facts.least_int;
      greatest = *facts.greatest_int;
      break;
    case ValueType::kDouble:
      if (!facts.least_number) break;  // nothing but NaN
      least = *facts.least_number;
      greatest = *facts.greatest_number;
      break;
    case ValueType::kDate: {
      constexpr int64_t kMicrosOfDay = 86'400'000'000;
      least = Text(Value::Day(Date{static_cast<int32_t>(*facts.least_instant / kMicrosOfDay)}));
      greatest = Text(Value::Day(Date{static_cast<int32_t>(*facts.greatest_instant / kMicrosOfDay)}));
      break;
    }
    case ValueType::kTimestamp:
      least = Text(Value::Instant(Timestamp{*facts.least_instant}));
      greatest = Text(Value::Instant(Timestamp{*facts.greatest_instant}));
      break;
    default:
      least = facts.least_text;
      greatest = facts.greatest_text;
  }
}

}  // namespace

void InferSchema(Job& job, const InferSchemaOptions& options) {
  TableOptions read;
  read.untyped = true;
  const Table table = job.ReadTable(options.input, read);
  const std::vector<ml::ColumnFacts> facts = ml::FactsOf(table);

  Json schema;
  schema["rows"] = facts.empty() ? 0 : facts[0].present + facts[0].missing;
  schema["blank_missing"] = false;
  schema["columns"] = Json::array();
  for (size_t i = 0; i < facts.size(); ++i) {
    const std::string& name = table.schema[i].name;
    Json& entry = schema["columns"].emplace_back();
    entry["name"] = name;
    entry["type"] = std::string(ValueTypeName(facts[i].Type()));
    entry["partition"] = std::find(table.folders.begin(), table.folders.end(), name) != table.folders.end();
    entry["nulls"] = facts[i].missing;
    AddRange(facts[i], &entry);
    entry["samples"] = facts[i].samples;
    if (facts[i].blank > 0 && facts[i].Type() != ValueType::kText) schema["blank_missing"] = true;
  }
  job.WriteFile("schema.json", schema.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}
MR_JOB("infer-schema", InferSchema, "Columns of files with types, ranges and samples")

}  // namespace millrace
