// Rows of run-time columns: reading and writing.
#include "common/pipeline/sink.h"

namespace millrace::internal {
namespace {

// Text of one field -> value of the column's type.
bool ParseValue(const io::CsvField& field, ValueType type, Value* value) {
  if (field.missing()) {
    *value = Value::Null();
    return true;
  }
  switch (type) {
    case ValueType::kDouble: {
      double number;
      if (!ParseDouble(field.text, &number)) return false;
      *value = Value::Double(number);
      return true;
    }
    case ValueType::kInt64: {
      int64_t number;
      if (!ParseInt64(field.text, &number)) return false;
      *value = Value::Int64(number);
      return true;
    }
    case ValueType::kDate: {
      Date day;
      if (!ParseDate(field.text, &day)) return false;
      *value = Value::Day(day);
      return true;
    }
    case ValueType::kTimestamp: {
      Timestamp instant;
      if (!ParseTimestamp(field.text, &instant)) return false;
      *value = Value::Instant(instant);
      return true;
    }
    case ValueType::kBool: {
      bool flag;
      if (!ParseBool(field.text, &flag)) return false;
      *value = Value::Bool(flag);
      return true;
    }
    case ValueType::kText:
    case ValueType::kNull:
      break;
  }
  *value = Value::Text(field.text);
  return true;
}

std::vector<int> WantedColumns(const pb::FileSource& files, const Schema& schema) {
  std::vector<int> wanted;
  for (const Column& column : schema.columns()) {
    int at = -1;
    for (int i = 0; i < files.columns_size(); ++i)
      if (files.columns(i) == column.name) at = i;
    wanted.push_back(at);
  }
  return wanted;
}

void ReadRows(const OperatorArgs& args, SinkBase* down) {
  Schema schema;
  if (!DecodeAll(std::string_view(args.values()), &schema))
    return args.context.FailInternal("the schema of a table cannot be decoded");
  SourceLoop loop(args);
  io::CsvReader reader(loop.files(), loop.split(), WantedColumns(loop.files(), schema), loop.limits(),
                       loop.on_bad());
  Row row(schema.size());
  const SourceLoop::RecordGuard guard(loop);
  while (!loop.stopped() && reader.Next()) {
    loop.SetCurrent(reader.raw());
    size_t i = 0;
    while (i < schema.size() && ParseValue(reader.field(i), schema[i].type, &row[i])) ++i;
    if (i < schema.size()) {
      loop.Rejected(FieldProblem(reader.Where(i), reader.field(i).text,
                                 std::string(ValueTypeName(schema[i].type)), false),
                    reader.raw());
      continue;
    }
    static_cast<Sink<Row>*>(down)->Push(row);
    loop.Pushed();
  }
  loop.Finish(reader);
}

}  // namespace

OperatorFunction ReadRowsOp::Describe() {
  OperatorFunction function;
  function.kind = kKind;
  function.run_source = &ReadRows;
  return function;
}

char WriteDelimiter(const pb::WriteTarget& target) {
  const auto at = target.options().find("delimiter");
  return at == target.options().end() || at->second.empty() ? ',' : at->second[0];
}

bool WriteHeader(const pb::WriteTarget& target) {
  const auto at = target.options().find("header");
  return target.format() == "csv" && (at == target.options().end() || at->second != "false");
}

}  // namespace millrace::internal

namespace millrace {

uint32_t FirstPart(const pb::WriteTarget& target) {
  const auto at = target.options().find("first_part");
  uint32_t first = 0;
  if (at != target.options().end()) ParseInt(at->second, &first);
  return first;
}

}  // namespace millrace

namespace millrace::internal {

OperatorFunction WriteRowsOp::Describe() { return SinkFunction<WriteRowsOp, SinkBase>(); }

WriteRowsOp::WriteRowsOp(const OperatorArgs& args, SinkBase*)
    : context_(args.context),
      schema_([&] {
        Schema schema;
        if (!DecodeAll(std::string_view(args.values()), &schema))
          args.context.FailInternal("the schema of a table cannot be decoded");
        return schema;
      }()),
      buffer_(args),
      csv_(buffer_.text(), WriteDelimiter(args.context.stage().write())),
      jsonl_(buffer_.text(), schema_.Names()),
      json_(args.context.stage().write().format() == "jsonl") {
  if (!json_ && WriteHeader(args.context.stage().write())) csv_.Header(schema_.Names());
}

template <typename Writer>
void WriteRowsOp::PushTo(Writer& writer, const Row& row) {
  for (const Value& value : row) {
    if (value.is_null() || (value.type() == ValueType::kDouble && value.AsDouble() != value.AsDouble())) {
      writer.Missing();
    } else if (value.type() == ValueType::kText) {
      writer.Text(value.AsText());
    } else if (json_ && (value.type() >= ValueType::kDate ||
                         (value.type() == ValueType::kDouble && JsonNeedsQuotes(value.AsDouble())))) {
      writer.Text(value.ToString());
    } else {
      value.AppendTo(writer.BeginField());
    }
    buffer_.Hash();
  }
  writer.EndRow();
}

void WriteRowsOp::Push(const Row& row) {
  if (row.size() != schema_.size()) {
    context_.FailInternal(
        StrCat("a row of ", row.size(), " values for a table of ", schema_.size(), " columns"));
    return;
  }
  if (json_) {
    PushTo(jsonl_, row);
  } else {
    PushTo(csv_, row);
  }
  buffer_.EndRecord();
}

}  // namespace millrace::internal
