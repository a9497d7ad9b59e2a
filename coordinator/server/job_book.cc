#include "coordinator/server/job_book.h"

#include "coordinator/server/translate.h"

namespace millrace::coordinator {
namespace {

constexpr size_t kErrorsKept = 200;

void AddSums(const pb::TaskLedger& from, pb::TaskLedger* to) {
  to->set_source_bytes(to->source_bytes() + from.source_bytes());
  to->set_source_records(to->source_records() + from.source_records());
  to->set_records_sent(to->records_sent() + from.records_sent());
  to->set_bytes_sent(to->bytes_sent() + from.bytes_sent());
  to->set_records_received(to->records_received() + from.records_received());
  to->set_bytes_received(to->bytes_received() + from.bytes_received());
  to->set_records_written(to->records_written() + from.records_written());
  to->set_bytes_written(to->bytes_written() + from.bytes_written());
  to->set_records_rejected(to->records_rejected() + from.records_rejected());
}

}  // namespace

void JobBook::AddPlan(pb::ActionRequest request) {
  pb::ActionRequest& kept = plans[request.action()];
  kept = std::move(request);
  if (kept.record()) return;
  for (const pb::Stage& stage : kept.plan().stages()) {
    auto [at, made] = stages.try_emplace(stage.id());
    if (!made) continue;
    StageBook& book = at->second;
    book.spec = &stage;
    book.action = kept.action();
    book.tasks.resize(TasksOf(stage));
    for (const pb::Branch& branch : stage.branches()) {
      for (const pb::Split& split : branch.files().splits()) book.total_bytes += split.end() - split.begin();
    }
  }
}

TaskBook* JobBook::FindTask(uint32_t stage, uint32_t task) {
  auto at = stages.find(stage);
  if (at == stages.end() || task >= at->second.tasks.size()) return nullptr;
  return &at->second.tasks[task];
}

bool JobBook::Count(const scheduler::AttemptId& id, const pb::TaskLedger& ledger,
                    const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                    const std::string& rejects_temporary) {
  TaskBook* task = FindTask(id.stage, id.task);
  if (task == nullptr || task->counted) return false;
  StageBook& stage = stages[id.stage];
  task->counted = true;
  ++stage.counted;
  AddSums(ledger, &stage.sums);
  for (const pb::OperatorCount& count : ledger.operators()) {
    pb::OperatorCount& sum = stage.operators[count.operator_()];
    sum.set_operator_(count.operator_());
    sum.set_records_in(sum.records_in() + count.records_in());
    sum.set_records_out(sum.records_out() + count.records_out());
    sum.set_dropped(sum.dropped() + count.dropped());
  }
  for (const pb::Counter& counter : counters) stage.counters[counter.name()] += counter.value();
  if (!rejects_temporary.empty()) stage.rejects[id.task] = rejects_temporary;
  return true;
}

void JobBook::SetWinner(const pb::TaskReport& report) {
  const scheduler::AttemptId id = FromPb(report.id());
  TaskBook* task = FindTask(id.stage, id.task);
  if (task == nullptr) return;
  task->winner = id;
  task->result = report.result();
  stages[id.stage].result_bytes += report.result().size();
  if (!report.file().temporary().empty()) task->file = std::make_unique<pb::OutputFile>(report.file());
  Count(id, report.ledger(), report.counters(), report.file().rejects_temporary());
  progress.erase(id);
}

void JobBook::SetLocation(const scheduler::AttemptId& id, const pb::MapOutput& output) {
  TaskBook* task = FindTask(id.stage, id.task);
  if (task == nullptr) return;
  task->winner = id;
  task->path = output.path();
  task->digest = output.digest();
  task->records = output.records();
  task->bytes = output.bytes();
  progress.erase(id);
}

pb::ActionResult JobBook::MakeResult(uint32_t action, uint32_t final_stage) const {
  pb::ActionResult result;
  result.set_job(id);
  result.set_action(action);
  auto plan = plans.find(action);
  if (plan == plans.end()) return result;
  result.set_fingerprint(plan->second.fingerprint());
  if (plan->second.record()) {
    result.set_recorded(plan->second.recorded());
    result.set_loop_first(plan->second.loop_first());
    return result;
  }
  auto at = stages.find(final_stage);
  if (at == stages.end()) return result;
  const StageBook& stage = at->second;
  result.set_records(stage.spec->has_write() ? stage.sums.records_written() : stage.sums.records_sent());
  for (const TaskBook& task : stage.tasks) {
    if (stage.spec->has_result()) result.add_results(task.result);
    if (task.file) *result.add_files() = *task.file;
  }
  return result;
}

void JobBook::AddResult(pb::ActionResult result) {
  const uint32_t action = result.action();
  if (const uint32_t first = result.loop_first(); first != 0) {
    // A driver that starts now begins after this step.
    for (auto at = results.lower_bound(first); at != results.end() && at->first < action;) {
      if (auto plan = plans.find(at->first); plan != plans.end()) plan->second.clear_recorded();
      settled.insert(at->first);
      at = results.erase(at);
    }
  }
  results[action] = std::move(result);
  for (auto& [number, stage] : stages) {
    if (stage.action != action) continue;
    for (TaskBook& task : stage.tasks) std::string().swap(task.result);
  }
}

void JobBook::KeepError(const scheduler::AttemptId& id, const pb::ErrorInfo& error) {
  errors[id] = error;
  // The first and the last ones tell the story; in between nobody looks.
  if (errors.size() > kErrorsKept) errors.erase(std::next(errors.begin(), kErrorsKept / 2));
}

void JobBook::Shrink() {
  stages.clear();
  plans.clear();
  results.clear();
  settled.clear();
  shared.clear();
  errors.clear();
  progress.clear();
}

std::map<std::string, int64_t> JobBook::Counters() const {
  std::map<std::string, int64_t> sums;
  for (const auto& [number, stage] : stages) {
    for (const auto& [name, value] : stage.counters) sums[name] += value;
  }
  return sums;
}

std::string JobBook::output() const {
  for (const auto& [number, stage] : stages) {
    if (stage.spec->has_write()) return stage.spec->write().output();
  }
  auto option = request.options().find("output");
  return option == request.options().end() ? "" : option->second;
}

}  // namespace millrace::coordinator
