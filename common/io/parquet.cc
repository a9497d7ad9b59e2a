// Rows out of Parquet files, and into them.
#include "common/io/parquet.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/parquet_files.h"

namespace millrace::io {
namespace {

constexpr uint32_t kBatchRows = 2048;

using parquet_plugin::Text;
using parquet_plugin::Type;

Type PluginType(ValueType type) {
  switch (type) {
    case ValueType::kBool:
      return Type::kBool;
    case ValueType::kInt64:
      return Type::kInt64;
    case ValueType::kDouble:
      return Type::kDouble;
    case ValueType::kDate:
      return Type::kDate;
    case ValueType::kTimestamp:
      return Type::kTimestamp;
    case ValueType::kText:
    case ValueType::kNull:
      break;
  }
  return Type::kText;
}

}  // namespace

Value ParquetCell::AsValue() const {
  if (missing) return Value::Null();
  switch (type) {
    case ValueType::kBool:
      return Value::Bool(integer != 0);
    case ValueType::kInt64:
      return Value::Int64(integer);
    case ValueType::kDouble:
      return Value::Double(real);
    case ValueType::kDate:
      return Value::Day(Date{static_cast<int32_t>(integer)});
    case ValueType::kTimestamp:
      return Value::Instant(Timestamp{integer});
    case ValueType::kText:
      return Value::Text(text);
    case ValueType::kNull:
      break;
  }
  return Value::Null();
}

struct ParquetReader::File {
  std::unique_ptr<OpenParquet> open;
  std::vector<uint32_t> columns;  // that are read
  std::vector<size_t> wanted;     // whose they are
};

ParquetReader::ParquetReader(const pb::FileSource& source, int split, std::vector<std::string> wanted)
    : source_(source), split_(source.splits(split)), wanted_(std::move(wanted)), columns_(wanted_.size()) {
  auto open = OpenParquet::Open(source_.files(static_cast<int>(split_.file())));
  if (!open.ok()) {
    status_ = open.status();
    return;
  }
  file_ = std::make_unique<File>();
  file_->open = *std::move(open);
  for (size_t i = 0; i < wanted_.size(); ++i) {
    const int at = file_->open->Find(wanted_[i]);
    if (at < 0) continue;
    const auto column = file_->open->reader().column(static_cast<uint32_t>(at));
    if (column.repeated || column.type == Type::kOther) {
      Fail(StrCat("column '", wanted_[i], "' (", column.declared, ") cannot be read"));
      return;
    }
    file_->columns.push_back(static_cast<uint32_t>(at));
    file_->wanted.push_back(i);
    columns_[i] = {FromPlugin(column.type), column.type, {}};
  }
}

ParquetReader::~ParquetReader() = default;

void ParquetReader::Fail(std::string_view why) {
  if (status_.ok()) status_ = DataLoss(source_.files(static_cast<int>(split_.file())).uri(), ": ", why);
}

bool ParquetReader::NextBatch() {
  if (!status_.ok()) return false;
  parquet_plugin::Reader& reader = file_->open->reader();
  first_row_ += static_cast<uint64_t>(rows_);
  rows_ = 0;
  while (true) {
    if (open_) {
      rows_ = reader.Next(kBatchRows);
      if (rows_ < 0) {
        rows_ = 0;
        status_ = file_->open->Error();
        return false;
      }
      if (rows_ > 0) break;
      open_ = false;
    }
    // The next group that begins inside the split.
    for (; group_ < reader.groups(); ++group_) {
      const auto group = reader.group(group_);
      if (group.rows > 0 && group.begin >= split_.begin() && group.begin < split_.end()) break;
      if (group.begin < split_.end()) first_row_ += group.rows;
    }
    if (group_ == reader.groups()) {
      bytes_consumed_ = split_.end() - split_.begin();
      status_ = file_->open->file().CheckUnchanged();
      return false;
    }
    const auto group = reader.group(group_++);
    bytes_consumed_ = std::min(group.begin, split_.end()) - split_.begin();
    if (!reader.Open(group_ - 1, file_->columns.data(), static_cast<uint32_t>(file_->columns.size()))) {
      status_ = file_->open->Error();
      return false;
    }
    open_ = true;
  }
  for (size_t i = 0; i < file_->wanted.size(); ++i)
    columns_[file_->wanted[i]].values = reader.values(static_cast<uint32_t>(i));
  row_ = 0;
  return true;
}

std::string ParquetReader::Where(size_t i) const {
  return StrCat(source_.files(static_cast<int>(split_.file())).uri(), ", row ",
                first_row_ + static_cast<uint64_t>(row_), " (from 0), column ", wanted_[i]);
}

std::string ParquetReader::RowText() const {
  std::string text;
  for (size_t i = 0; i < wanted_.size(); ++i)
    StrAppend(&text, i == 0 ? "" : ", ", wanted_[i], "=", field(i).AsValue().ToString());
  return text;
}

struct ParquetWriter::State {
  struct Column {
    ValueType type = ValueType::kText;
    std::vector<uint8_t> missing, flags;
    std::vector<int64_t> integers;
    std::vector<double> reals;
    std::vector<size_t> ends;  // of the texts in `bytes`
    std::string bytes;
    std::vector<Text> texts;
  };
  static bool Write(void* self, const char* data, int64_t size) {
    return static_cast<State*>(self)->write({data, static_cast<size_t>(size)});
  }
  WriteFn write;
  Schema schema;
  std::vector<Column> columns;
  size_t column = 0;  // the next one of the row at hand
  uint32_t rows = 0;
  std::unique_ptr<parquet_plugin::Writer> writer;
};

ParquetWriter::ParquetWriter(const Schema& schema, const ParquetWriteOptions& options, WriteFn write)
    : state_(std::make_unique<State>()) {
  state_->write = std::move(write);
  state_->schema = schema;
  const auto plugin = ParquetPlugin();
  if (!plugin.ok()) {
    status_ = plugin.status();
    return;
  }
  std::vector<parquet_plugin::Column> columns;
  for (const Column& column : schema.columns()) {
    columns.push_back({column.name.c_str(), "", PluginType(column.type), false});
    state_->columns.emplace_back().type = column.type == ValueType::kNull ? ValueType::kText : column.type;
  }
  char error[512] = "";
  state_->writer.reset((*plugin)->create({state_.get(), &State::Write}, columns.data(),
                                         static_cast<uint32_t>(columns.size()), options.compression.c_str(),
                                         options.group_bytes, error, sizeof error));
  if (state_->writer == nullptr) status_ = Internal("Parquet cannot be written: ", FirstLine(error));
}

ParquetWriter::~ParquetWriter() = default;

void ParquetWriter::Add(const Value& value) {
  if (!status_.ok()) return;
  if (state_->column == state_->columns.size()) {
    status_ = Internal("a row has more values than its table has columns");
    return;
  }
  State::Column& column = state_->columns[state_->column++];
  const bool nan = value.type() == ValueType::kDouble && value.AsDouble() != value.AsDouble();
  const bool missing = value.is_null() || (nan && column.type == ValueType::kDouble);
  column.missing.push_back(missing);
  if (column.type == ValueType::kText) {
    if (value.type() == ValueType::kText) {
      column.bytes.append(value.AsText());
    } else if (!missing) {
      value.AppendTo(&column.bytes);
    }
    column.ends.push_back(column.bytes.size());
    return;
  }
  const bool fits =
      missing || value.type() == column.type || (column.type == ValueType::kDouble && value.is_number());
  if (!fits) {
    status_ = InvalidArgument("column '", state_->schema[state_->column - 1].name, "' holds ",
                              ValueTypeName(column.type), " and got ", Quote(value.ToString()), ", a ",
                              ValueTypeName(value.type()), "; a Parquet column has one type");
    return;
  }
  switch (column.type) {
    case ValueType::kBool:
      column.flags.push_back(!missing && value.AsBool());
      break;
    case ValueType::kDouble:
      column.reals.push_back(missing ? 0 : value.AsDouble());
      break;
    case ValueType::kDate:
      column.integers.push_back(missing ? 0 : value.AsDate().days);
      break;
    case ValueType::kTimestamp:
      column.integers.push_back(missing ? 0 : value.AsTimestamp().micros);
      break;
    default:
      column.integers.push_back(missing ? 0 : value.AsInt64());
  }
}

void ParquetWriter::EndRow() {
  if (!status_.ok()) return;
  if (state_->column != state_->columns.size()) {
    status_ = Internal("a row has fewer values than its table has columns");
    return;
  }
  state_->column = 0;
  if (++state_->rows == kBatchRows) Flush();
}

void ParquetWriter::Flush() {
  std::vector<parquet_plugin::Values> values;
  for (State::Column& column : state_->columns) {
    const void* array = column.integers.data();
    if (column.type == ValueType::kBool) array = column.flags.data();
    if (column.type == ValueType::kDouble) array = column.reals.data();
    if (column.type == ValueType::kText) {
      column.texts.clear();
      for (size_t i = 0, begin = 0; i < column.ends.size(); begin = column.ends[i++])
        column.texts.push_back({column.bytes.data() + begin, column.ends[i] - begin});
      array = column.texts.data();
    }
    values.emplace_back().missing = column.missing.data();
    values.back().values = array;
  }
  if (!state_->writer->Append(values.data(), state_->rows))
    status_ = Internal("Parquet cannot be written: ", FirstLine(state_->writer->error()));
  for (State::Column& column : state_->columns) {
    column.missing.clear();
    column.flags.clear();
    column.integers.clear();
    column.reals.clear();
    column.ends.clear();
    column.bytes.clear();
  }
  state_->rows = 0;
}

void ParquetWriter::Finish() {
  if (status_.ok() && state_->rows > 0) Flush();
  if (status_.ok() && !state_->writer->Finish())
    status_ = Internal("Parquet cannot be written: ", FirstLine(state_->writer->error()));
}

}  // namespace millrace::io
