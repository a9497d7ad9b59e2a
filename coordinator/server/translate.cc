#include "coordinator/server/translate.h"

#include <algorithm>

#include "common/base/strings.h"

namespace millrace::coordinator {

scheduler::AttemptId FromPb(const pb::AttemptId& id) {
  return {id.incarnation(), id.job(), id.action(), id.stage(), id.task(), id.attempt()};
}

pb::AttemptId ToPb(const scheduler::AttemptId& id) {
  pb::AttemptId out;
  out.set_incarnation(id.incarnation);
  out.set_job(id.job);
  out.set_action(id.action);
  out.set_stage(id.stage);
  out.set_task(id.task);
  out.set_attempt(id.attempt);
  return out;
}

scheduler::TaskSums SumsOf(const pb::TaskLedger& ledger) {
  return {ledger.records_sent(), ledger.bytes_sent(), ledger.records_received(), ledger.bytes_received()};
}

scheduler::ErrorFacts FactsOf(const pb::ErrorInfo& error, const scheduler::AttemptId& cause) {
  scheduler::ErrorFacts facts;
  facts.kind = static_cast<scheduler::ErrorKind>(error.kind());
  facts.message = error.message();
  facts.deterministic = error.deterministic();
  facts.cause = cause;
  if (error.kind() == pb::ErrorInfo::USER_CODE) {
    facts.signature =
        StrCat(error.operator_label(), "\n", error.record(), "\n", error.signal(), "\n", error.message());
  }
  return facts;
}

pb::ErrorInfo ErrorOf(const scheduler::ErrorFacts& facts) {
  pb::ErrorInfo error;
  error.set_kind(static_cast<pb::ErrorInfo::Kind>(facts.kind));
  error.set_message(facts.message);
  error.set_deterministic(facts.deterministic);
  return error;
}

scheduler::Outcome FromPb(pb::Outcome outcome) {
  switch (outcome) {
    case pb::OUTCOME_OK:
      return scheduler::Outcome::kOk;
    case pb::OUTCOME_FAILED:
      return scheduler::Outcome::kFailed;
    case pb::OUTCOME_CRASHED:
      return scheduler::Outcome::kCrashed;
    case pb::OUTCOME_FETCH_FAILED:
      return scheduler::Outcome::kFetchFailed;
    case pb::OUTCOME_CANCELLED:
      return scheduler::Outcome::kCancelled;
    default:
      return scheduler::Outcome::kLost;
  }
}

scheduler::TaskReported ReportOf(const pb::TaskReport& report, scheduler::WorkerId worker,
                                 scheduler::Epoch epoch) {
  scheduler::TaskReported event;
  event.worker = worker;
  event.epoch = epoch;
  event.attempt = FromPb(report.id());
  event.outcome = FromPb(report.outcome());
  if (event.outcome != scheduler::Outcome::kOk) event.error = FactsOf(report.error(), event.attempt);
  event.digest = scheduler::Digest::FromBytes(report.map_output().digest());
  event.sums = SumsOf(report.ledger());
  event.run_us = static_cast<int64_t>(std::min<uint64_t>(report.wall_us(), uint64_t{1} << 50));
  for (const pb::MissingInput& missing : report.missing()) {
    event.missing.push_back(
        {missing.stage(), missing.task(), missing.attempt(), missing.version(), missing.reason()});
  }
  return event;
}

uint32_t TasksOf(const pb::Stage& stage) {
  uint32_t tasks = 0;
  for (const pb::Branch& branch : stage.branches()) tasks += branch.tasks();
  return tasks;
}

std::vector<scheduler::StageShape> ShapesOf(const pb::Plan& plan) {
  std::vector<scheduler::StageShape> shapes;
  for (const pb::Stage& stage : plan.stages()) {
    scheduler::StageShape shape;
    shape.id = stage.id();
    switch (stage.target_case()) {
      case pb::Stage::kWrite:
        shape.output = scheduler::OutputKind::kWrite;
        break;
      case pb::Stage::kResult:
        shape.output = scheduler::OutputKind::kResult;
        break;
      case pb::Stage::kCache:
        shape.output = scheduler::OutputKind::kCache;
        break;
      default:
        shape.output = scheduler::OutputKind::kShuffle;
        break;
    }
    for (const pb::Branch& branch : stage.branches()) {
      for (uint32_t input : branch.upstream().stages()) {
        shape.inputs.push_back({input, branch.upstream().aligned(), shape.tasks, branch.tasks()});
      }
      shape.tasks += branch.tasks();
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

pb::JobStatus::State StateOf(scheduler::JobState state) {
  switch (state) {
    case scheduler::JobState::kPending:
      return pb::JobStatus::PENDING;
    case scheduler::JobState::kRunning:
    case scheduler::JobState::kAborting:
      return pb::JobStatus::RUNNING;
    case scheduler::JobState::kPublishing:
      return pb::JobStatus::PUBLISHING;
    case scheduler::JobState::kSucceeded:
      return pb::JobStatus::SUCCEEDED;
    case scheduler::JobState::kFailed:
      return pb::JobStatus::FAILED;
    case scheduler::JobState::kKilled:
      return pb::JobStatus::KILLED;
  }
  return pb::JobStatus::UNKNOWN;
}

scheduler::JobState StateFromJournal(pb::JobStatus::State state) {
  switch (state) {
    case pb::JobStatus::RUNNING:
      return scheduler::JobState::kRunning;
    case pb::JobStatus::PUBLISHING:
      return scheduler::JobState::kPublishing;
    case pb::JobStatus::SUCCEEDED:
      return scheduler::JobState::kSucceeded;
    case pb::JobStatus::FAILED:
      return scheduler::JobState::kFailed;
    case pb::JobStatus::KILLED:
      return scheduler::JobState::kKilled;
    default:
      return scheduler::JobState::kPending;
  }
}

}  // namespace millrace::coordinator
