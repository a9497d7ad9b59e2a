// Source operators: from the bytes of a split to typed records.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/io/csv_reader.h"
#include "common/io/format.h"
#include "common/io/jsonl_reader.h"
#include "common/io/line_reader.h"
#include "common/io/parquet.h"
#include "common/pipeline/operator.h"
#include "common/record/date.h"
#include "common/record/describe.h"
#include "common/record/parse.h"

namespace millrace::internal {

template <typename M>
struct IsOptional : std::false_type {};
template <typename M>
struct IsOptional<std::optional<M>> : std::true_type {};

// Text of a present value -> member. False: it does not parse.
template <typename M>
bool ParseText(std::string_view text, M* out) {
  if constexpr (std::is_same_v<M, std::string_view>) {
    *out = text;
    return true;
  } else if constexpr (std::is_same_v<M, std::string>) {
    out->assign(text);
    return true;
  } else if constexpr (std::is_same_v<M, bool>) {
    return ParseBool(text, out);
  } else if constexpr (std::is_integral_v<M>) {
    return ParseInt(text, out);
  } else if constexpr (std::is_same_v<M, float>) {
    return ParseFloat(text, out);
  } else if constexpr (std::is_same_v<M, double>) {
    return ParseDouble(text, out);
  } else if constexpr (std::is_same_v<M, Date>) {
    return ParseDate(text, out);
  } else {
    static_assert(std::is_same_v<M, Timestamp>, "no text form for this member type");
    return ParseTimestamp(text, out);
  }
}

enum class FieldResult { kOk, kMissing, kBad };

// A field as read from a file -> member; missing is allowed for optional and text members.
template <typename M>
FieldResult ParseField(std::string_view text, bool missing, M* out) {
  if constexpr (IsOptional<M>::value) {
    if (missing) {
      out->reset();
      return FieldResult::kOk;
    }
    if (!out->has_value()) out->emplace();
    return ParseText(text, &**out) ? FieldResult::kOk : FieldResult::kBad;
  } else {
    if (missing && !std::is_same_v<M, std::string> && !std::is_same_v<M, std::string_view>)
      return FieldResult::kMissing;
    return ParseText(text, out) ? FieldResult::kOk : FieldResult::kBad;
  }
}

// A typed value -> member. Text made of another value stands in *scratch.
template <typename M>
FieldResult TakeCell(const io::ParquetCell& cell, std::string* scratch, M* out) {
  if constexpr (IsOptional<M>::value) {
    if (cell.missing) {
      out->reset();
      return FieldResult::kOk;
    }
    if (!out->has_value()) out->emplace();
    return TakeCell(cell, scratch, &**out);
  } else if constexpr (std::is_same_v<M, std::string> || std::is_same_v<M, std::string_view>) {
    if (!cell.missing && cell.type != ValueType::kText) {
      scratch->clear();
      cell.AsValue().AppendTo(scratch);
      *out = *scratch;
    } else {
      *out = cell.text;
    }
    return FieldResult::kOk;
  } else {
    if (cell.missing) return FieldResult::kMissing;
    if (cell.type == ValueType::kText)
      return ParseText(cell.text, out) ? FieldResult::kOk : FieldResult::kBad;
    bool ok = false;
    if constexpr (std::is_same_v<M, bool>) {
      ok = cell.type == ValueType::kBool;
      *out = cell.integer != 0;
    } else if constexpr (std::is_integral_v<M>) {
      *out = static_cast<M>(cell.integer);
      ok = cell.type == ValueType::kInt64 && std::in_range<M>(cell.integer);
    } else if constexpr (std::is_floating_point_v<M>) {
      ok = cell.type == ValueType::kDouble || cell.type == ValueType::kInt64;
      *out = static_cast<M>(cell.type == ValueType::kDouble ? cell.real : static_cast<double>(cell.integer));
    } else if constexpr (std::is_same_v<M, Date>) {
      // An instant is a day where it is the first of one.
      ok = cell.type == ValueType::kDate ||
           (cell.type == ValueType::kTimestamp && Timestamp{cell.integer}.micros_of_day() == 0);
      *out = cell.type == ValueType::kDate ? Date{static_cast<int32_t>(cell.integer)}
                                           : Timestamp{cell.integer}.date();
    } else {
      ok = cell.type == ValueType::kTimestamp || cell.type == ValueType::kDate;
      *out = cell.type == ValueType::kDate ? Timestamp::FromDate(Date{static_cast<int32_t>(cell.integer)})
                                           : Timestamp{cell.integer};
    }
    return ok ? FieldResult::kOk : FieldResult::kBad;
  }
}

// What the readers of all formats do around the loop: limits, bad records, progress, the ledger.
class SourceLoop {
 public:
  explicit SourceLoop(const OperatorArgs& args);
  const pb::FileSource& files() const { return files_; }
  int split() const { return split_; }
  io::ReaderLimits limits() const;
  io::BadRecordFn on_bad();

  // After each record handed on.
  void Pushed() {
    if ((++counts_.out & 0xfff) == 0) Progress();
  }
  void Rejected(std::string message, std::string_view raw);
  bool stopped() const { return context_.stopped(); }
  void SetCurrent(std::string_view raw) { context_.current_record = raw; }
  // Stands behind the reader in every loop: the record at hand points into it and must not outlive it.
  class RecordGuard {
   public:
    explicit RecordGuard(const SourceLoop& loop)
        : context_(loop.context_), exceptions_(std::uncaught_exceptions()) {}
    RecordGuard(const RecordGuard&) = delete;
    RecordGuard& operator=(const RecordGuard&) = delete;
    ~RecordGuard() {
      if (std::uncaught_exceptions() > exceptions_) context_.KeepRecord();
      context_.current_record = {};
    }

   private:
    TaskContext& context_;
    const int exceptions_;
  };
  template <typename Reader>
  void Finish(const Reader& reader) {
    Close(reader.bytes_consumed(), reader.status());
  }

 private:
  void Progress();
  void Close(uint64_t bytes, const absl::Status& status);
  TaskContext& context_;
  OperatorCounts& counts_;
  const pb::FileSource& files_;
  const int split_;
};

// "'abc' is not a double" / "the value is missing" for the field at hand.
std::string FieldProblem(std::string_view where, std::string_view text, const std::string& type,
                         bool missing);

template <DescribedRecord T>
struct ReadOp {
  static constexpr std::string_view kKind = "Read";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = [](const OperatorArgs& args, SinkBase* down) {
      if (args.context.branch().files().format() == "parquet") {
        Parquet(args, static_cast<Sink<T>*>(down));
      } else if (args.context.branch().files().format() == "jsonl") {
        Jsonl(args, static_cast<Sink<T>*>(down));
      } else {
        Csv(args, static_cast<Sink<T>*>(down));
      }
    };
    return function;
  }

 private:
  // Parses all members; on false `message` says what was wrong with the first bad one.
  template <typename Reader, typename Text>
  static bool ParseRecord(const Reader& reader, const Text& text_of, T* record, std::string* message) {
    bool ok = true;
    ForEachField<T>([&](const auto& field, auto index) {
      if (!ok) return;
      using M = typename std::decay_t<decltype(field)>::Type;
      const auto value = reader.field(index);
      const FieldResult result = ParseField<M>(text_of(value), value.missing(), &(record->*field.member));
      if (result == FieldResult::kOk) return;
      ok = false;
      *message = FieldProblem(reader.Where(index), text_of(value), FieldTypeName<M>(),
                              result == FieldResult::kMissing);
    });
    return ok;
  }

  template <typename Reader, typename Text>
  static void Loop(Reader& reader, SourceLoop& loop, const Text& text_of, Sink<T>* down) {
    const SourceLoop::RecordGuard guard(loop);
    T record{};
    std::string message;
    while (!loop.stopped() && reader.Next()) {
      loop.SetCurrent(reader.raw());
      if (!ParseRecord(reader, text_of, &record, &message)) {
        loop.Rejected(message, reader.raw());
        continue;
      }
      down->Push(record);
      loop.Pushed();
    }
    loop.Finish(reader);
  }

  static void Csv(const OperatorArgs& args, Sink<T>* down) {
    SourceLoop loop(args);
    std::vector<int> wanted;
    const auto& columns = loop.files().columns();
    ForEachField<T>([&](const auto& field) {
      int at = -1;
      for (int i = 0; i < columns.size(); ++i)
        if (columns[i] == field.name) at = i;
      wanted.push_back(at);
    });
    io::CsvReader reader(loop.files(), loop.split(), wanted, loop.limits(), loop.on_bad());
    Loop(
        reader, loop, [](const io::CsvField& field) { return field.text; }, down);
  }

  static void Parquet(const OperatorArgs& args, Sink<T>* down) {
    SourceLoop loop(args);
    io::ParquetReader reader(loop.files(), loop.split(), FieldNames<T>());
    const SourceLoop::RecordGuard guard(loop);
    T record{};
    std::array<std::string, kFieldCount<T>> scratch;
    std::string message;
    while (!loop.stopped() && reader.Next()) {
      bool ok = true;
      ForEachField<T>([&](const auto& field, auto index) {
        if (!ok) return;
        using M = typename std::decay_t<decltype(field)>::Type;
        const io::ParquetCell cell = reader.field(index);
        const FieldResult result = TakeCell<M>(cell, &scratch[index], &(record.*field.member));
        if (result == FieldResult::kOk) return;
        ok = false;
        message = FieldProblem(reader.Where(index), cell.AsValue().ToString(), FieldTypeName<M>(),
                               result == FieldResult::kMissing);
      });
      if (!ok) {
        loop.Rejected(message, reader.RowText());
        continue;
      }
      down->Push(record);
      loop.Pushed();
    }
    loop.Finish(reader);
  }

  static void Jsonl(const OperatorArgs& args, Sink<T>* down) {
    SourceLoop loop(args);
    io::JsonlReader reader(loop.files(), loop.split(), FieldNames<T>(), loop.limits(), loop.on_bad());
    Loop(
        reader, loop, [](const io::JsonField& field) { return field.text; }, down);
  }
};

// Lines of text.
struct ReadTextOp {
  static constexpr std::string_view kKind = "ReadText";
  static OperatorFunction Describe();
};
// Whole lines in blocks, for operators that scan bytes faster than line by line.
struct ReadBlocksOp {
  static constexpr std::string_view kKind = "ReadBlocks";
  static OperatorFunction Describe();
};
// Records of a fixed size.
struct ReadFixedOp {
  static constexpr std::string_view kKind = "ReadFixed";
  static OperatorFunction Describe();
};

// Encoded records held in the plan.
template <typename T>
struct ValuesOp {
  static constexpr std::string_view kKind = "Values";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = [](const OperatorArgs& args, SinkBase* down) {
      OperatorCounts& counts = args.context.counts(args.spec.id());
      const pb::ValuesSource& values = args.context.branch().values();
      const int task = static_cast<int>(args.context.task_in_branch());
      const bool shared = task < values.shared_size() && !values.shared(task).digest().empty();
      const std::string& bytes =
          shared ? args.context.SharedValue(values.shared(task).digest()) : values.partitions(task);
      ByteReader in(bytes);
      T record{};
      while (in.remaining() > 0 && !args.context.stopped()) {
        if (!Codec<T>::Decode(in, &record))
          return args.context.FailInternal("a value of the plan cannot be decoded");
        ++counts.out;
        static_cast<Sink<T>*>(down)->Push(record);
      }
    };
    return function;
  }
};

}  // namespace millrace::internal
