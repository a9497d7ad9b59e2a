#include "common/base/status.h"
#include "common/pipeline/sink.h"

namespace millrace::internal {
namespace {

std::string Option(const OperatorArgs& args, const char* name) {
  const auto& options = args.context.stage().write().options();
  const auto at = options.find(name);
  return at == options.end() ? std::string() : at->second;
}

io::ParquetWriteOptions WriteOptionsOf(const OperatorArgs& args) {
  io::ParquetWriteOptions options;
  options.compression = Option(args, "compression");
  return options;
}

}  // namespace

std::unique_ptr<ParquetTable> ParquetTable::For(const OperatorArgs& args, const Schema& schema) {
  if (args.context.stage().write().format() != "parquet") return nullptr;
  return std::make_unique<ParquetTable>(args, schema);
}

ParquetTable::ParquetTable(const OperatorArgs& args, const Schema& schema)
    : context_(args.context),
      counts_(args.context.counts(args.spec.id())),
      writer_(schema, WriteOptionsOf(args), [this](std::string_view bytes) {
        context_.file_output().Write(bytes, std::exchange(records_, 0), 0);
        return !context_.stopped();
      }) {
  // Another release of Arrow may write other bytes, and then no part could be made again elsewhere.
  const auto version = io::ParquetVersion();
  if (version.ok() && *version != Option(args, "arrow"))
    context_.FailInput(StrCat("this worker has Arrow ", *version, " and the job was planned with ",
                              Option(args, "arrow"), "; install one release of Millrace on all workers"));
  Check();
}

void ParquetTable::Check() {
  if (writer_.status().ok() || context_.stopped()) return;
  if (absl::IsInternal(writer_.status())) return context_.FailInternal(MessageOf(writer_.status()));
  context_.FailInput(MessageOf(writer_.status()));
}

void ParquetTable::EndRecord() {
  ++counts_.in;
  ++counts_.out;
  ++records_;
  writer_.EndRow();
  Check();
}

void ParquetTable::Finish() {
  writer_.Finish();
  Check();
  if (!context_.stopped() && records_ > 0) context_.file_output().Write({}, std::exchange(records_, 0), 0);
}

}  // namespace millrace::internal
