// Rows of run-time columns: writing. Reading is in table.cc.
#include "common/pipeline/sink.h"

namespace millrace::internal {
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
      parquet_(ParquetTable::For(args, schema_)),
      json_(args.context.stage().write().format() == "jsonl") {
  if (!json_ && parquet_ == nullptr && WriteHeader(args.context.stage().write()))
    csv_.Header(schema_.Names());
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
  if (parquet_ != nullptr) {
    for (const Value& value : row) parquet_->writer().Add(value);
    return parquet_->EndRecord();
  }
  if (json_) {
    PushTo(jsonl_, row);
  } else {
    PushTo(csv_, row);
  }
  buffer_.EndRecord();
}

}  // namespace millrace::internal
