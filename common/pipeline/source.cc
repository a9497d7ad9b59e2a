#include "common/pipeline/source.h"

namespace millrace::internal {

SourceLoop::SourceLoop(const OperatorArgs& args)
    : context_(args.context),
      counts_(args.context.counts(args.spec.id())),
      files_(args.context.branch().files()),
      split_(static_cast<int>(args.context.task_in_branch())) {}

io::ReaderLimits SourceLoop::limits() const {
  io::ReaderLimits limits;
  if (context_.options().max_record_bytes() > 0)
    limits.max_record_bytes = context_.options().max_record_bytes();
  return limits;
}

io::BadRecordFn SourceLoop::on_bad() {
  return [this](std::string message, std::string_view raw) {
    Rejected(std::move(message), raw);
    return !context_.stopped();
  };
}

void SourceLoop::Rejected(std::string message, std::string_view raw) {
  ++counts_.dropped;
  context_.BadRecord(std::move(message), raw);
}

void SourceLoop::Progress() { context_.progress_records.store(counts_.out, std::memory_order_relaxed); }

void SourceLoop::Close(uint64_t bytes, const absl::Status& status) {
  counts_.in = counts_.out + counts_.dropped;
  Progress();
  context_.progress_bytes.store(bytes, std::memory_order_relaxed);
  if (!status.ok()) {
    context_.Fail(io::ToErrorInfo(status));
    return;
  }
  context_.ledger().set_source_bytes(bytes);
  context_.ledger().set_source_records(counts_.in);
}

std::string FieldProblem(std::string_view where, std::string_view text, const std::string& declared,
                         bool missing) {
  const std::string type = declared.rfind("optional ", 0) == 0 ? declared.substr(9) : declared;
  if (missing) {
    return StrCat(where, ": the value is missing, and a ", type,
                  " was expected; fill it in, or skip such rows with --on-bad-record=skip");
  }
  return StrCat(where, ": '", text, "' is not a ", type,
                "; correct it, or skip such rows with --on-bad-record=skip");
}

namespace {

using ViewSink = Sink<std::string_view>;

void ReadText(const OperatorArgs& args, SinkBase* down) {
  SourceLoop loop(args);
  io::LineReader reader(loop.files(), loop.split(), loop.limits(), loop.on_bad());
  const SourceLoop::RecordGuard guard(loop);
  while (!loop.stopped() && reader.Next()) {
    const std::string_view line = reader.line();
    loop.SetCurrent(line);
    static_cast<ViewSink*>(down)->Push(line);
    loop.Pushed();
  }
  loop.Finish(reader);
}

void ReadBlocks(const OperatorArgs& args, SinkBase* down) {
  SourceLoop loop(args);
  io::LineReader reader(loop.files(), loop.split(), loop.limits(), loop.on_bad());
  std::string_view block;
  const SourceLoop::RecordGuard guard(loop);
  while (!loop.stopped() && reader.NextBlock(&block)) {
    loop.SetCurrent(block.substr(0, 256));
    static_cast<ViewSink*>(down)->Push(block);
    loop.Pushed();
  }
  loop.Finish(reader);
}

void ReadFixed(const OperatorArgs& args, SinkBase* down) {
  SourceLoop loop(args);
  io::FixedReader reader(loop.files(), loop.split(), loop.limits());
  const SourceLoop::RecordGuard guard(loop);
  while (!loop.stopped() && reader.Next()) {
    loop.SetCurrent(reader.record());
    static_cast<ViewSink*>(down)->Push(reader.record());
    loop.Pushed();
  }
  loop.Finish(reader);
}

OperatorFunction SourceFunction(std::string_view kind, void (*run)(const OperatorArgs&, SinkBase*)) {
  OperatorFunction function;
  function.kind = kind;
  function.run_source = run;
  return function;
}

}  // namespace

OperatorFunction ReadTextOp::Describe() { return SourceFunction(kKind, &ReadText); }
OperatorFunction ReadBlocksOp::Describe() { return SourceFunction(kKind, &ReadBlocks); }
OperatorFunction ReadFixedOp::Describe() { return SourceFunction(kKind, &ReadFixed); }

}  // namespace millrace::internal
