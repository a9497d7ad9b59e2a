// Terminal operators that write part files: from typed records to text.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/base/sha256.h"
#include "common/base/strings.h"
#include "common/io/parquet.h"
#include "common/io/text_writer.h"
#include "common/pipeline/operator.h"
#include "common/pipeline/source.h"
#include "common/record/describe.h"
#include "common/record/format.h"
#include "common/record/row.h"
#include "common/record/schema.h"

namespace millrace::internal {

// Text form of a member that needs no quotes; text members go their own way.
template <typename M>
void AppendPlain(const M& value, std::string* out) {
  if constexpr (std::is_same_v<M, bool>) {
    AppendBool(value, out);
  } else if constexpr (std::is_same_v<M, float>) {
    AppendFloat(value, out);
  } else if constexpr (std::is_same_v<M, double>) {
    AppendDouble(value, out);
  } else if constexpr (std::is_integral_v<M> && std::is_signed_v<M>) {
    AppendInt(value, out);
  } else if constexpr (std::is_integral_v<M>) {
    AppendUint(value, out);
  } else if constexpr (std::is_same_v<M, Date>) {
    AppendDate(value, out);
  } else {
    static_assert(std::is_same_v<M, Timestamp>, "no text form for this member type");
    AppendTimestamp(value, out);
  }
}

template <typename M>
inline constexpr bool kTextMember = std::is_same_v<M, std::string> || std::is_same_v<M, std::string_view>;

// JSON knows neither days, instants nor infinities: there they are texts, which a reader takes as well.
template <typename M>
bool JsonNeedsQuotes(const M& value) {
  if constexpr (std::is_floating_point_v<M>) return std::isinf(value);
  return std::is_same_v<M, Date> || std::is_same_v<M, Timestamp>;
}

// NaN is written as missing.
template <typename Writer, typename M>
void WriteMember(Writer& writer, const M& value) {
  if constexpr (IsOptional<M>::value) {
    if (value.has_value()) {
      WriteMember(writer, *value);
    } else {
      writer.Missing();
    }
  } else if constexpr (kTextMember<M>) {
    writer.Text(value);
  } else {
    if constexpr (std::is_floating_point_v<M>) {
      if (value != value) return writer.Missing();
    }
    const bool quotes = std::is_same_v<Writer, io::JsonlWriter> && JsonNeedsQuotes(value);
    std::string* out = writer.BeginField();
    if (quotes) out->push_back('"');
    AppendPlain(value, out);
    if (quotes) out->push_back('"');
  }
}

// Buffers text, hashes it as it comes and hands it to the part file in blocks.
class PartBuffer {
 public:
  explicit PartBuffer(const OperatorArgs& args)
      : file_(args.context.file_output()),
        hash_(file_.hash()),
        counts_(args.context.counts(args.spec.id())) {}
  std::string* text() { return &text_; }
  void EndRecord() {
    ++counts_.in;
    ++counts_.out;
    ++records_;
    Hash();
    if (text_.size() >= kFlushBytes) Flush(text_.size() / kFlushBytes * kFlushBytes);
  }
  // Takes the text so far into the digest; called between the fields of a long record as well.
  void Hash() {
    if (text_.size() - hashed_ < kHashBytes) return;
    hash_.Update(std::string_view(text_).substr(hashed_));
    hashed_ = text_.size();
  }
  void Finish() { Flush(text_.size()); }

 private:
  // Whole blocks of the file: half pages would be touched twice.
  void Flush(size_t bytes) {
    const size_t hashed = std::min(hashed_, bytes);
    file_.Write(std::string_view(text_).substr(0, bytes), records_, hashed);
    text_.erase(0, bytes);
    hashed_ -= hashed;
    records_ = 0;
  }

  static constexpr size_t kFlushBytes = 128 << 10;
  static constexpr size_t kHashBytes = 2048;  // while they are in the nearest cache
  FileOutput& file_;
  Sha256& hash_;
  OperatorCounts& counts_;
  std::string text_;
  size_t hashed_ = 0;  // of text_
  uint64_t records_ = 0;
};

// A table that is written as a Parquet file; what went wrong is told to the task.
class ParquetTable {
 public:
  // Null where the target has another format.
  static std::unique_ptr<ParquetTable> For(const OperatorArgs& args, const Schema& schema);
  ParquetTable(const OperatorArgs& args, const Schema& schema);
  io::ParquetWriter& writer() { return writer_; }
  void EndRecord();
  void Finish();

 private:
  void Check();
  TaskContext& context_;
  OperatorCounts& counts_;
  uint64_t records_ = 0;  // not yet counted to the file
  io::ParquetWriter writer_;
};

// A member as a value of its column (schema.h).
template <typename M>
Value ColumnValue(const M& value) {
  if constexpr (IsOptional<M>::value) {
    return value.has_value() ? ColumnValue(*value) : Value::Null();
  } else if constexpr (kTextMember<M>) {
    return Value::Text(value);
  } else if constexpr (std::is_same_v<M, bool>) {
    return Value::Bool(value);
  } else if constexpr (std::is_integral_v<M>) {
    if (!std::in_range<int64_t>(value))
      throw BadInput(StrCat(value, " is too large for a column of Parquet; write csv or jsonl instead"));
    return Value::Int64(static_cast<int64_t>(value));
  } else if constexpr (std::is_floating_point_v<M>) {
    return Value::Double(value);
  } else if constexpr (std::is_same_v<M, Date>) {
    return Value::Day(value);
  } else {
    return Value::Instant(value);
  }
}

char WriteDelimiter(const pb::WriteTarget& target);
bool WriteHeader(const pb::WriteTarget& target);

// Described records as csv, tsv or jsonl, by the target's format.
template <DescribedRecord T>
class WriteRecordsOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Write";
  static OperatorFunction Describe() { return SinkFunction<WriteRecordsOp, SinkBase>(); }
  WriteRecordsOp(const OperatorArgs& args, SinkBase*)
      : context_(args.context),
        buffer_(args),
        csv_(buffer_.text(), WriteDelimiter(args.context.stage().write())),
        jsonl_(buffer_.text(), FieldNames<T>()),
        parquet_(ParquetTable::For(args, SchemaOf<T>())) {
    const std::string& format = args.context.stage().write().format();
    json_ = format == "jsonl";
    tsv_ = format == "tsv";
    if (!json_ && parquet_ == nullptr && WriteHeader(args.context.stage().write()))
      csv_.Header(FieldNames<T>());
  }
  void Push(const T& record) override {
    if (parquet_ != nullptr) {
      ForEachField<T>([&](const auto& field) { parquet_->writer().Add(ColumnValue(record.*field.member)); });
      return parquet_->EndRecord();
    }
    if (json_) {
      ForEachField<T>([&](const auto& field) { WriteMember(jsonl_, record.*field.member); });
      jsonl_.EndRow();
    } else if (tsv_) {
      PushTsv(record);
    } else {
      ForEachField<T>([&](const auto& field) { WriteMember(csv_, record.*field.member); });
      csv_.EndRow();
    }
    buffer_.EndRecord();
  }
  void Finish() override { parquet_ != nullptr ? parquet_->Finish() : buffer_.Finish(); }

 private:
  // A tab-separated row has no quotes: a text with a tab or a line end has no form there.
  struct TsvWriter {
    std::string* out;
    bool first = true, good = true;
    std::string* BeginField() {
      if (!first) out->push_back('\t');
      first = false;
      return out;
    }
    void Text(std::string_view text) {
      BeginField();
      good = io::AppendTsvText(text, out) && good;
    }
    void Missing() { BeginField(); }
  };
  void PushTsv(const T& record) {
    TsvWriter writer{buffer_.text()};
    ForEachField<T>([&](const auto& field) { WriteMember(writer, record.*field.member); });
    if (!writer.good)
      context_.FailInput("a text with a tab or a line end cannot be written as tsv; write csv instead");
    buffer_.text()->push_back('\n');
  }

  TaskContext& context_;
  PartBuffer buffer_;
  io::CsvWriter csv_;
  io::JsonlWriter jsonl_;
  const std::unique_ptr<ParquetTable> parquet_;
  bool json_ = false, tsv_ = false;
};

// Texts, each followed by LF ("text") or as they are ("binary", and named files).
template <typename T>
class WriteTextOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "WriteText";
  static OperatorFunction Describe() { return SinkFunction<WriteTextOp, SinkBase>(); }
  WriteTextOp(const OperatorArgs& args, SinkBase*)
      : buffer_(args), line_end_(args.context.stage().write().format() == "text") {}
  void Push(const T& record) override {
    buffer_.text()->append(record);
    if (line_end_) buffer_.text()->push_back('\n');
    buffer_.EndRecord();
  }
  void Finish() override { buffer_.Finish(); }

 private:
  PartBuffer buffer_;
  const bool line_end_;
};

// Rows of run-time columns as csv or jsonl; the schema travels in the plan.
class WriteRowsOp : public Sink<Row> {
 public:
  static constexpr std::string_view kKind = "WriteRows";
  static OperatorFunction Describe();
  WriteRowsOp(const OperatorArgs& args, SinkBase*);
  void Push(const Row& row) override;
  void Finish() override { parquet_ != nullptr ? parquet_->Finish() : buffer_.Finish(); }

 private:
  template <typename Writer>
  void PushTo(Writer& writer, const Row& row);
  TaskContext& context_;
  Schema schema_;
  PartBuffer buffer_;
  io::CsvWriter csv_;
  io::JsonlWriter jsonl_;
  const std::unique_ptr<ParquetTable> parquet_;
  const bool json_;
};

}  // namespace millrace::internal
