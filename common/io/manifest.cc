#include "common/io/manifest.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::io {
namespace {

using Json = nlohmann::json;  // its objects are std::map: keys come out sorted

Json ToJson(const ManifestTable& table) {
  Json parts = Json::array();
  for (const ManifestPart& part : table.parts) {
    parts.push_back(
        {{"path", part.path}, {"records", part.records}, {"bytes", part.bytes}, {"sha256", part.sha256}});
  }
  return {{"folder", table.folder},
          {"format", table.format},
          {"header", table.header},
          {"columns", table.columns},
          {"parts", std::move(parts)}};
}

Json ToJson(const LedgerStage& stage) {
  Json operators = Json::array();
  for (const LedgerOperator& op : stage.operators) {
    operators.push_back({{"id", op.id},
                         {"label", op.label},
                         {"law", op.law},
                         {"in", op.in},
                         {"out", op.out},
                         {"dropped", op.dropped}});
  }
  return {{"id", stage.id},
          {"name", stage.name},
          {"tasks", stage.tasks},
          {"inputs", stage.inputs},
          {"reads_files", stage.reads_files},
          {"source_bytes", stage.source_bytes},
          {"source_records", stage.source_records},
          {"split_bytes", stage.split_bytes},
          {"records_sent", stage.records_sent},
          {"bytes_sent", stage.bytes_sent},
          {"records_received", stage.records_received},
          {"bytes_received", stage.bytes_received},
          {"records_written", stage.records_written},
          {"bytes_written", stage.bytes_written},
          {"records_rejected", stage.records_rejected},
          {"operators", std::move(operators)}};
}

// Takes members out of an object; the first thing that is wrong is kept, all else is then default.
class Reader {
 public:
  const std::string& problem() const { return problem_; }

  const Json& Member(const Json& object, const char* name) {
    static const Json null;
    if (!object.is_object() || !object.contains(name)) return Problem(name, "is missing"), null;
    return object[name];
  }
  const Json& List(const Json& object, const char* name) {
    static const Json empty = Json::array();
    const Json& list = Member(object, name);
    if (!list.is_array()) return Problem(name, "is not a list"), empty;
    return list;
  }
  void Get(const Json& object, const char* name, std::string* value) {
    const Json& member = Member(object, name);
    if (!member.is_string()) return Problem(name, "is not a text");
    *value = member.get_ref<const std::string&>();
  }
  void Get(const Json& object, const char* name, bool* value) {
    const Json& member = Member(object, name);
    if (!member.is_boolean()) return Problem(name, "is neither true nor false");
    *value = member.get<bool>();
  }
  void Get(const Json& object, const char* name, uint64_t* value) {
    *value = Unsigned(Member(object, name), name);
  }
  void Get(const Json& object, const char* name, uint32_t* value) {
    const uint64_t wide = Unsigned(Member(object, name), name);
    if (wide > std::numeric_limits<uint32_t>::max()) return Problem(name, "is too large");
    *value = static_cast<uint32_t>(wide);
  }
  uint64_t Unsigned(const Json& value, const char* name) {
    if (value.is_number_unsigned()) return value.get<uint64_t>();
    return Problem(name, "is not a whole number"), uint64_t{0};
  }
  void Problem(std::string_view name, std::string_view what) {
    if (problem_.empty()) problem_ = StrCat("member ", Quote(name), " ", what);
  }

 private:
  std::string problem_;
};

// Relative, and stays below the output.
bool IsInside(std::string_view path, bool may_be_empty) {
  if (path.empty()) return may_be_empty;
  if (path[0] == '/' || path.find('\0') != path.npos) return false;
  for (const std::string_view name : StrSplit(path, '/')) {
    if (name.empty() || name == "." || name == "..") return false;
  }
  return true;
}

ManifestTable ParseTable(const Json& json, Reader* reader) {
  ManifestTable table;
  reader->Get(json, "folder", &table.folder);
  reader->Get(json, "format", &table.format);
  reader->Get(json, "header", &table.header);
  if (!IsInside(table.folder, true)) reader->Problem("folder", "leads out of the output");
  for (const Json& column : reader->List(json, "columns")) {
    if (!column.is_string()) reader->Problem("columns", "holds what is not a text");
    if (column.is_string()) table.columns.push_back(column.get<std::string>());
  }
  for (const Json& item : reader->List(json, "parts")) {
    ManifestPart part;
    reader->Get(item, "path", &part.path);
    reader->Get(item, "records", &part.records);
    reader->Get(item, "bytes", &part.bytes);
    reader->Get(item, "sha256", &part.sha256);
    if (!IsInside(part.path, false)) reader->Problem("path", "leads out of the output");
    table.parts.push_back(std::move(part));
  }
  return table;
}

LedgerStage ParseStage(const Json& json, Reader* reader) {
  LedgerStage stage;
  reader->Get(json, "id", &stage.id);
  reader->Get(json, "name", &stage.name);
  reader->Get(json, "tasks", &stage.tasks);
  reader->Get(json, "reads_files", &stage.reads_files);
  reader->Get(json, "source_bytes", &stage.source_bytes);
  reader->Get(json, "source_records", &stage.source_records);
  reader->Get(json, "split_bytes", &stage.split_bytes);
  reader->Get(json, "records_sent", &stage.records_sent);
  reader->Get(json, "bytes_sent", &stage.bytes_sent);
  reader->Get(json, "records_received", &stage.records_received);
  reader->Get(json, "bytes_received", &stage.bytes_received);
  reader->Get(json, "records_written", &stage.records_written);
  reader->Get(json, "bytes_written", &stage.bytes_written);
  reader->Get(json, "records_rejected", &stage.records_rejected);
  for (const Json& input : reader->List(json, "inputs")) {
    const uint64_t id = reader->Unsigned(input, "inputs");
    if (id > std::numeric_limits<uint32_t>::max()) reader->Problem("inputs", "is too large");
    stage.inputs.push_back(static_cast<uint32_t>(id));
  }
  for (const Json& item : reader->List(json, "operators")) {
    LedgerOperator op;
    reader->Get(item, "id", &op.id);
    reader->Get(item, "label", &op.label);
    reader->Get(item, "law", &op.law);
    reader->Get(item, "in", &op.in);
    reader->Get(item, "out", &op.out);
    reader->Get(item, "dropped", &op.dropped);
    stage.operators.push_back(std::move(op));
  }
  return stage;
}

}  // namespace

std::string FormatManifest(const SuccessManifest& manifest) {
  Json tables = Json::array(), ledger = Json::array();
  for (const ManifestTable& table : manifest.tables) tables.push_back(ToJson(table));
  for (const LedgerStage& stage : manifest.ledger) ledger.push_back(ToJson(stage));
  const Json json = {{"version", manifest.version}, {"job", manifest.job},
                     {"options", manifest.options}, {"tables", std::move(tables)},
                     {"ledger", std::move(ledger)}, {"counters", manifest.counters}};
  return json.dump(1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<SuccessManifest> ParseManifest(std::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return InvalidArgument("_SUCCESS is not JSON; was it cut off or edited?");
  SuccessManifest manifest;
  Reader reader;
  reader.Get(json, "version", &manifest.version);
  if (reader.problem().empty() && manifest.version != 1) {
    return InvalidArgument("_SUCCESS has version ", manifest.version,
                           ", but this program knows version 1 only");
  }
  reader.Get(json, "job", &manifest.job);
  const Json& options = reader.Member(json, "options");
  if (!options.is_object()) reader.Problem("options", "is not an object");
  for (const auto& item : options.items()) {
    if (!item.value().is_string()) reader.Problem("options", "holds what is not a text");
    if (item.value().is_string()) manifest.options[item.key()] = item.value().get<std::string>();
  }
  const Json& counters = reader.Member(json, "counters");
  if (!counters.is_object()) reader.Problem("counters", "is not an object");
  for (const auto& item : counters.items()) {
    if (!item.value().is_number_integer()) reader.Problem("counters", "holds what is not a whole number");
    if (item.value().is_number_integer()) manifest.counters[item.key()] = item.value().get<int64_t>();
  }
  for (const Json& table : reader.List(json, "tables")) manifest.tables.push_back(ParseTable(table, &reader));
  for (const Json& stage : reader.List(json, "ledger")) manifest.ledger.push_back(ParseStage(stage, &reader));
  if (!reader.problem().empty()) return InvalidArgument("_SUCCESS is not a manifest: ", reader.problem());
  return manifest;
}

}  // namespace millrace::io
