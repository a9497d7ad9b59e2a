#include "common/pipeline/table.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/list_inputs.h"
#include "common/pipeline/pipeline.h"

namespace millrace {
namespace internal {
namespace {

constexpr std::string_view kMissingFolder = "__HIVE_DEFAULT_PARTITION__";

std::string PercentDecoded(std::string_view text) {
  const auto digit = [](char c) { return std::string_view("0123456789ABCDEF").find(c >= 'a' ? c - 32 : c); };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) < 16 && digit(text[i + 2]) < 16) {
      out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::vector<int> ColumnsOf(const pb::FileSource& files, const Schema& schema) {
  std::vector<int> wanted;
  for (const Column& column : schema.columns()) {
    int at = -1;
    for (int i = 0; i < files.columns_size(); ++i)
      if (files.columns(i) == column.name) at = i;
    wanted.push_back(at);
  }
  return wanted;
}

template <typename Reader>
Reader MakeReader(const pb::FileSource& files, int split, const Schema& schema,
                  const io::ReaderLimits& limits, io::BadRecordFn on_bad) {
  if constexpr (std::is_same_v<Reader, io::CsvReader>) {
    return {files, split, ColumnsOf(files, schema), limits, std::move(on_bad)};
  } else if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
    return {files, split, schema.Names()};
  } else {
    return {files, split, schema.Names(), limits, std::move(on_bad)};
  }
}

using Folders = std::vector<std::pair<std::string, std::string>>;

std::vector<int> FoldersOf(const Schema& schema, const Folders& folders) {
  std::vector<int> folder_of;
  for (const Column& column : schema.columns()) {
    const auto at = std::find_if(folders.begin(), folders.end(),
                                 [&](const auto& folder) { return folder.first == column.name; });
    folder_of.push_back(at == folders.end() ? -1 : static_cast<int>(at - folders.begin()));
  }
  return folder_of;
}

// Only Parquet has columns.
template <typename Reader>
auto MakeCells([[maybe_unused]] const RowsSpec& spec, [[maybe_unused]] const Folders& folders,
               [[maybe_unused]] const std::vector<int>& folder_of) {
  if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
    std::vector<std::optional<std::string>> given;
    for (const int folder : folder_of) {
      given.emplace_back();
      if (folder >= 0) given.back() = folders[static_cast<size_t>(folder)].second;
    }
    return ParquetCells(spec, std::move(given));
  } else {
    return std::monostate();
  }
}

Value AnyValue(const io::CsvField& field) { return Value::Text(field.text); }
Value AnyValue(const io::JsonField& field) {
  double number;
  if (field.kind == io::JsonField::Kind::kBool) return Value::Bool(field.text == "true");
  if (field.kind == io::JsonField::Kind::kNumber && ParseDouble(field.text, &number))
    return Value::Double(number);
  return Value::Text(field.text);
}

template <typename Reader>
void ReadRowsBy(const OperatorArgs& args, const RowsSpec& spec, Sink<Row>* down) {
  SourceLoop loop(args);
  RowReader<Reader> rows(loop.files(), loop.split(), spec, loop.limits(), loop.on_bad());
  Row row(spec.schema.size());
  size_t bad = 0;
  const SourceLoop::RecordGuard guard(loop);
  while (!loop.stopped() && rows.Next()) {
    if constexpr (!std::is_same_v<Reader, io::ParquetReader>) loop.SetCurrent(rows.reader().raw());
    if (!rows.Parse(&row, &bad)) {
      loop.Rejected(rows.Problem(bad), rows.Raw());
      continue;
    }
    down->Push(row);
    loop.Pushed();
  }
  loop.Finish(rows.reader());
}

}  // namespace

std::vector<std::pair<std::string, std::string>> FolderValues(std::string_view path, std::string_view base) {
  std::vector<std::pair<std::string, std::string>> values;
  if (base.empty() || !path.starts_with(base)) return values;
  path.remove_prefix(base.size());
  for (size_t slash; (slash = path.find('/')) != path.npos; path.remove_prefix(slash + 1)) {
    const std::string_view folder = path.substr(0, slash);
    const size_t equals = folder.find('=');
    if (equals == folder.npos || equals == 0) continue;
    const std::string_view value = folder.substr(equals + 1);
    values.emplace_back(PercentDecoded(folder.substr(0, equals)),
                        value == kMissingFolder ? std::string() : PercentDecoded(value));
  }
  return values;
}

template <typename Reader>
RowReader<Reader>::RowReader(const pb::FileSource& files, int split, const RowsSpec& spec,
                             const io::ReaderLimits& limits, io::BadRecordFn on_bad)
    : spec_(spec),
      folders_(split < files.splits_size()
                   ? FolderValues(files.files(static_cast<int>(files.splits(split).file())).uri(), spec.base)
                   : FolderValues({}, {})),
      folder_of_(FoldersOf(spec.schema, folders_)),
      reader_(MakeReader<Reader>(files, split, spec.schema, limits, std::move(on_bad))),
      cells_(MakeCells<Reader>(spec, folders_, folder_of_)) {}

template <typename Reader>
std::string RowReader<Reader>::Raw() const {
  if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
    return reader_.RowText();
  } else {
    return std::string(reader_.raw());
  }
}

template <typename Reader>
bool RowReader<Reader>::Parse(Row* row, size_t* bad) {
  if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
    return cells_.Get(reader_.row(), row, bad);
  } else {
    return ParseText(row, bad);
  }
}

template <typename Reader>
bool RowReader<Reader>::ParseText(Row* row, size_t* bad) const {
  const std::vector<Column>& columns = spec_.schema.columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto field = reader_.field(i);
    std::string_view text = field.text;
    bool missing = field.missing();
    if (folder_of_[i] >= 0) [[unlikely]] {
      text = folders_[static_cast<size_t>(folder_of_[i])].second;
      missing = text.empty();
    } else if (columns[i].type == ValueType::kNull) {
      (*row)[i] = missing || (spec_.blank_missing && IsBlank(text)) ? Value::Null() : AnyValue(field);
      continue;
    }
    if (missing) {
      (*row)[i] = Value::Null();
    } else if (spec_.blank_missing && (text.empty() || static_cast<uint8_t>(text[0]) <= ' ') &&
               IsBlank(text)) {
      (*row)[i] = Value::Null();
    } else if (columns[i].type == ValueType::kDouble) {  // first: most columns that are parsed are
      double number;
      if (!ParseDouble(text, &number)) return *bad = i, false;
      (*row)[i] = Value::Double(number);
    } else if (!ParseValue(text, columns[i].type, &(*row)[i])) {
      return *bad = i, false;
    }
  }
  return true;
}

template <typename Reader>
std::string RowReader<Reader>::Problem(size_t column) const {
  const int folder = folder_of_[column];
  std::string text;
  if (folder >= 0) {
    text = folders_[static_cast<size_t>(folder)].second;
  } else if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
    text = reader_.field(column).AsValue().ToString();
  } else {
    text = reader_.field(column).text;
  }
  return FieldProblem(reader_.Where(column), text, std::string(ValueTypeName(spec_.schema[column].type)),
                      false);
}

OperatorFunction ReadRowsOp::Describe() {
  OperatorFunction function;
  function.kind = kKind;
  function.run_source = [](const OperatorArgs& args, SinkBase* down) {
    RowsSpec spec;
    if (!DecodeAll(std::string_view(args.values()), &spec))
      return args.context.FailInternal("the schema of a table cannot be decoded");
    if (args.context.branch().files().format() == "parquet") {
      ReadRowsBy<io::ParquetReader>(args, spec, static_cast<Sink<Row>*>(down));
    } else if (args.context.branch().files().format() == "jsonl") {
      ReadRowsBy<io::JsonlReader>(args, spec, static_cast<Sink<Row>*>(down));
    } else {
      ReadRowsBy<io::CsvReader>(args, spec, static_cast<Sink<Row>*>(down));
    }
  };
  return function;
}

namespace {

constexpr uint64_t kTypeSampleRecords = 1000;
constexpr size_t kMemberSampleLines = 1000;

// The first rows of the first split, and what each column looks like there.
struct FirstRows {
  std::vector<bool> numeric, seen;
  std::vector<Row> rows;
};

template <typename Reader>
absl::Status LookAtRows(const pb::FileSource& files, const RowsSpec& spec, const io::ReaderLimits& limits,
                        uint64_t max, uint64_t keep, FirstRows* first) {
  const size_t columns = spec.schema.size();
  first->numeric.assign(columns, true);
  first->seen.assign(columns, false);
  RowReader<Reader> reader(files, 0, spec, limits, [](std::string, std::string_view) { return true; });
  Row row(columns);
  size_t bad;
  for (uint64_t n = 0; n < max && reader.Next(); ++n) {
    if (!reader.Parse(&row, &bad)) continue;
    for (size_t i = 0; i < columns; ++i) {
      double number;
      if (row[i].is_null()) continue;
      first->seen[i] = true;
      const bool is_number =
          row[i].is_number() || (std::is_same_v<Reader, io::CsvReader> && row[i].type() == ValueType::kText &&
                                 ParseDouble(row[i].AsText(), &number));
      if (!is_number) first->numeric[i] = false;
    }
    if (first->rows.size() < keep) {
      first->rows.push_back(row);
      first->rows.back().Own();
    }
  }
  return reader.reader().status();
}

absl::Status LookAt(const pb::FileSource& files, const RowsSpec& spec, const io::ReaderLimits& limits,
                    uint64_t max, uint64_t keep, FirstRows* first) {
  if (files.format() == "parquet")
    return LookAtRows<io::ParquetReader>(files, spec, limits, max, keep, first);
  return files.format() == "jsonl" ? LookAtRows<io::JsonlReader>(files, spec, limits, max, keep, first)
                                   : LookAtRows<io::CsvReader>(files, spec, limits, max, keep, first);
}

// The type of a column whose type nobody gave: the file's, where it has types; numbers are double.
ValueType TypeFound(const std::vector<io::TypedColumn>& types, const std::string& name, bool looks_numeric) {
  for (const io::TypedColumn& column : types) {
    if (column.name != name) continue;
    return column.type == ValueType::kInt64 || column.decimal ? ValueType::kDouble : column.type;
  }
  return looks_numeric ? ValueType::kDouble : ValueType::kText;
}

// The columns of the folders, the same for all files; the sentence of a difference otherwise.
std::string FolderColumns(const pb::FileSource& files, const std::string& base,
                          std::vector<std::string>* names) {
  for (int f = 0; f < files.files_size(); ++f) {
    std::vector<std::string> own;
    for (auto& [name, value] : FolderValues(files.files(f).uri(), base)) own.push_back(name);
    if (f == 0) *names = own;
    if (own != *names)
      return StrCat("the folders of ", files.files(f).uri(), " name the columns (", StrJoin(own, ", "),
                    ") and those of ", files.files(0).uri(), " (", StrJoin(*names, ", "),
                    "); read folders of one kind at a time");
  }
  return "";
}

std::optional<ValueType> TypeOfName(const std::string& name) {
  for (uint8_t i = 1; i <= kMaxValueType; ++i)
    if (ValueTypeName(static_cast<ValueType>(i)) == name) return static_cast<ValueType>(i);
  return std::nullopt;
}

}  // namespace
}  // namespace internal

std::vector<Column> Job::ReadSchemaFile(bool* blank_missing) {
  const std::string& path = settings_.schema;
  const std::string text = Record("schema", [&] {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream all;
    if (file) all << file.rdbuf();
    return all.str();
  });
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<Column> columns;
  const std::string advice = "; make one with `mrsubmit run infer-schema`";
  if (text.empty())
    Fail(pb::ErrorInfo::USAGE, StrCat("--schema=", path, " cannot be read or is empty", advice));
  if (!json.is_object() || !json.contains("columns") || !json["columns"].is_array())
    Fail(pb::ErrorInfo::USAGE, StrCat("--schema=", path, " is no schema: it has no list 'columns'", advice));
  if (json.contains("blank_missing") && json["blank_missing"] == true) *blank_missing = true;
  for (const auto& entry : json["columns"]) {
    const bool named = entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                       entry.contains("type") && entry["type"].is_string();
    const auto type = named ? internal::TypeOfName(entry["type"].get<std::string>()) : std::nullopt;
    if (!type.has_value())
      Fail(pb::ErrorInfo::USAGE,
           StrCat("--schema=", path, ": column ", columns.size() + 1,
                  " wants a name and a type of bool, int64, double, date, timestamp and text, and is ",
                  entry.dump()));
    columns.push_back({entry["name"].get<std::string>(), *type});
  }
  return columns;
}

Table Job::ReadTable(std::string_view uri, const TableOptions& options) {
  std::vector<io::TypedColumn> types;  // of formats that have some
  const plan::NodePtr node = ReadNode(
      uri, options.read, internal::Spec<internal::ReadRowsOp>("ReadTable", pb::LAW_SOURCE), {}, &types);
  const pb::FileSource& files = node->files;
  internal::RowsSpec spec;
  spec.blank_missing = options.blank_missing;
  const auto path = io::PathOfUri(uri);
  if (path.ok() && IsDirectory(*path)) spec.base = *path + "/";

  std::vector<std::string> have(files.columns().begin(), files.columns().end());
  if (files.format() == "jsonl") have = io::SampleMembers(files, internal::kMemberSampleLines);
  std::vector<std::string> folders;
  if (const std::string problem = internal::FolderColumns(files, spec.base, &folders); !problem.empty())
    Fail(problem);
  for (const std::string& name : folders) {
    if (std::find(have.begin(), have.end(), name) != have.end())
      Fail(StrCat("column '", name, "' stands in ", files.files(0).uri(), " and in the name of its folder"));
    have.push_back(name);
  }

  std::vector<Column> given = options.types;
  std::vector<std::string> names = options.columns;
  if (!settings_.schema.empty() && uri == settings_.input && !options.untyped) {
    const std::vector<Column> schema = ReadSchemaFile(&spec.blank_missing);
    if (names.empty())
      for (const Column& column : schema) names.push_back(column.name);
    given.insert(given.end(), schema.begin(), schema.end());
  }
  if (names.empty()) {
    // What has no form in a row stays out.
    for (const std::string& name : have)
      if (std::none_of(types.begin(), types.end(), [&](const io::TypedColumn& column) {
            return column.name == name && column.type == ValueType::kNull;
          }))
        names.push_back(name);
  }
  CheckColumns(files, have, names);
  for (const std::string& name : names) spec.schema.Add(name, ValueType::kNull);
  CheckTypes(files, types, spec.schema);

  internal::FirstRows first;
  io::ReaderLimits limits;
  limits.max_record_bytes = settings_.max_record_bytes;
  const bool look = !options.untyped || options.sample > 0;
  const absl::Status status =
      internal::LookAt(files, spec, limits, look ? internal::kTypeSampleRecords : 0, options.sample, &first);
  if (!status.ok()) Fail(MessageOf(status));
  Schema schema;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool text = std::find(options.text.begin(), options.text.end(), names[i]) != options.text.end();
    const auto known = std::find_if(given.begin(), given.end(),
                                    [&](const Column& column) { return column.name == names[i]; });
    schema.Add(names[i], options.untyped ? ValueType::kNull
                         : text          ? ValueType::kText
                         : known != given.end()
                             ? known->type
                             : internal::TypeFound(types, names[i], first.numeric[i] && first.seen[i]));
  }
  CheckTypes(files, types, schema);
  spec.schema = schema;
  node->op.values = EncodeToString(spec);
  return Table{schema, Dataset<Row>(this, node), std::move(first.rows), std::move(folders)};
}

}  // namespace millrace
