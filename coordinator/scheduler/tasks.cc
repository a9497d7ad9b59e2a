// Reports of attempts: winners, retries, lost and fetch-failed ones.
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

void Scheduler::On(const TaskReported& event) {
  const AttemptId& id = event.attempt;
  Worker* worker = Current(event.worker, event.epoch);
  if (worker == nullptr) return;
  auto it = worker->outstanding.find(id);
  // A late, duplicate or foreign report changes nothing.
  if (it == worker->outstanding.end()) {
    if (options_.broken != BrokenRule::kAcceptStaleEpoch) return;
    Job* job = LiveJob(id.job);
    if (job == nullptr || job->state != JobState::kRunning || event.outcome != Outcome::kOk) return;
    auto found = job->stages.find(id.stage);
    if (found == job->stages.end() || id.task >= found->second.tasks.size()) return;
    if (!found->second.tasks[id.task].done) Succeed(*job, found->second, id.task, *worker, event);
    return;
  }
  const bool cancelled = it->second;
  RemoveOutstanding(*worker, id);
  Job* job = LiveJob(id.job);
  if (job == nullptr) return;
  if (cancelled) {
    if (options_.broken != BrokenRule::kDoubleWinner || event.outcome != Outcome::kOk) return;
    if (job->state == JobState::kRunning) Succeed(*job, job->stages.at(id.stage), id.task, *worker, event);
    return;
  }
  Stage& stage = job->stages.at(id.stage);
  Running running;
  RemoveRunning(*job, stage, id.task, id, &running);
  Changed(*job);
  switch (event.outcome) {
    case Outcome::kOk:
      stage.durations_ms.push_back(state_.now_ms - running.granted_ms);
      stage.run_us += event.run_us;
      stage.runs += event.run_us > 0 ? 1 : 0;
      Succeed(*job, stage, id.task, *worker, event);
      break;
    case Outcome::kFailed:
    case Outcome::kCrashed:
      Fail(*job, stage, id.task, event);
      break;
    case Outcome::kFetchFailed:
      FetchFailed(*job, stage, id.task, event);
      break;
    case Outcome::kLost:
    case Outcome::kCancelled:
      Uncharged(*job, stage, id.task, "lost on " + WorkerText(worker->id));
      break;
  }
}

void Scheduler::Succeed(Job& job, Stage& stage, TaskId task, Worker& worker, const TaskReported& report) {
  if (IsHeld(stage.shape.output)) {
    Emit(TaskDone{report.attempt, worker.id});
  } else {
    JournalWinner winner{report.attempt, {}};
    for (const StageInput& input : stage.shape.inputs) {
      Stage& source = job.stages.at(input.stage);
      if (source.digests_journaled || source.digests != source.tasks.size()) continue;
      source.digests_journaled = true;
      StageDigests consumed{input.stage, {}};
      for (const Task& read : source.tasks) consumed.digests.push_back(read.digest);
      winner.consumed.push_back(std::move(consumed));
    }
    Emit(std::move(winner));
  }
  if (!SetWinner(job, stage, task, report.attempt, worker.id, report.digest, report.sums)) return;
  if (options_.task_stories) {
    Tell(job, stage, task, "attempt " + std::to_string(report.attempt.attempt) + " is the winner");
  }
}

// Makes the attempt the task's winner. False if that failed the job (a re-run that differs, an edge that
// does not balance).
bool Scheduler::SetWinner(Job& job, Stage& stage, TaskId task_id, const AttemptId& id, WorkerId worker,
                          const Digest& digest, const TaskSums& sums) {
  Task& task = stage.tasks[task_id];
  if (task.pinned && task.digest != digest && options_.broken != BrokenRule::kSkipDigestCheck) {
    ErrorFacts error;
    error.kind = ErrorKind::kInternal;
    error.deterministic = true;
    error.message =
        "task " + std::to_string(task_id) + " of stage " + std::to_string(stage.shape.id) +
        " was run again and its output differs from the one that was used before: a function of the job "
        "is not deterministic";
    error.cause = id;
    FailJob(job, error);
    return false;
  }
  if (task.done) {  // BrokenRule::kDoubleWinner
    task.done = false;
    --stage.done;
    AddBranchSums(stage, task_id, task.sums, false);
  }
  Unqueue(job, stage, task_id);
  task.done = true;
  task.incarnation = id.incarnation;
  task.attempt = id.attempt;
  task.worker = worker;
  task.digest = digest;
  if (IsHeld(stage.shape.output) && !task.has_digest) {
    task.has_digest = true;
    ++stage.digests;
  }
  task.sums = sums;
  task.location_version = ++stage.version;
  if (worker != 0 && IsHeld(stage.shape.output)) {
    state_.workers.at(worker).held[job.id].emplace_back(stage.shape.id, task_id);
  }
  StopAttempts(job, stage, task_id);
  ++stage.done;
  AddBranchSums(stage, task_id, sums, true);
  if (!stage.complete()) return true;
  stage.totals_known = true;
  stage.totals = stage.sums;
  MarkDirty(job);
  return CheckLedger(job, stage);
}

// The winner's output is gone. Whether it is made again is a question of demand.
void Scheduler::LoseOutput(Job& job, Stage& stage, TaskId task_id) {
  Task& task = stage.tasks[task_id];
  task.pinned |= stage.consumed_version >= task.location_version;
  task.done = false;
  task.worker = 0;
  --stage.done;
  AddBranchSums(stage, task_id, task.sums, false);
  ++stage.version;
  if (!task.IsRunning()) Requeue(stage, task_id, job);
  MarkDirty(job);
}

void Scheduler::AddBranchSums(Stage& stage, TaskId task, const TaskSums& sums, bool add) {
  auto apply = [add](uint64_t& total, uint64_t value) { total = add ? total + value : total - value; };
  auto all = [&](TaskSums& total) {
    apply(total.records_sent, sums.records_sent);
    apply(total.bytes_sent, sums.bytes_sent);
    apply(total.records_received, sums.records_received);
    apply(total.bytes_received, sums.bytes_received);
  };
  all(stage.sums);
  size_t branch = stage.branches.size();
  while (branch > 0 && stage.branches[branch - 1] > task) --branch;
  if (branch > 0) all(stage.branch_received[branch - 1]);
}

bool Scheduler::RemoveRunning(Job& job, Stage& stage, TaskId task_id, const AttemptId& id, Running* removed) {
  Task& task = stage.tasks[task_id];
  for (Running& running : task.running) {
    if (running.worker == 0 || running.attempt != id.attempt || running.incarnation != id.incarnation)
      continue;
    if (removed != nullptr) *removed = running;
    running = Running{};
    --stage.running;
    --job.running;
    if (task.running[0].worker == 0) std::swap(task.running[0], task.running[1]);
    return true;
  }
  return false;
}

void Scheduler::StopAttempts(Job& job, Stage& stage, TaskId task_id) {
  Task& task = stage.tasks[task_id];
  while (task.running[0].worker != 0) {
    const Running running = task.running[0];
    const AttemptId id{running.incarnation, job.id, stage.action, stage.shape.id, task_id, running.attempt};
    state_.workers.at(running.worker).outstanding.at(id) = true;
    RemoveRunning(job, stage, task_id, id, nullptr);
    Emit(Cancel{running.worker, id});
  }
}

void Scheduler::Requeue(Stage& stage, TaskId task, const Job& job) {
  stage.pending.insert(task);
  Job& owner = state_.jobs.at(job.id);
  if (!stage.demanded || !InputsComplete(job, stage)) return;
  if (owner.runnable.count(stage.shape.id) == 0) {
    SetRunnable(owner, stage, true);
    UpdateReady(owner);
  } else if (stage.has_aligned) {
    const WorkerId holder = HolderOfInput(job, stage, task);
    stage.tasks[task].preferred = holder;
    if (holder != 0) stage.local[holder].insert(task);
  }
}

void Scheduler::Unqueue(Job& job, Stage& stage, TaskId task) {
  if (stage.pending.erase(task) == 0) return;
  const WorkerId preferred = stage.tasks[task].preferred;
  if (stage.has_aligned && preferred != 0) {
    auto it = stage.local.find(preferred);
    if (it != stage.local.end()) {
      it->second.erase(task);
      if (it->second.empty()) stage.local.erase(it);
    }
  }
  if (stage.pending.empty()) {
    SetRunnable(job, stage, false);
    UpdateReady(job);
  }
}

// A failure that is the task's own.
void Scheduler::Fail(Job& job, Stage& stage, TaskId task_id, const TaskReported& report) {
  Task& task = stage.tasks[task_id];
  ErrorFacts error = report.error;
  error.cause = report.attempt;
  ++stage.failed_attempts;
  ++task.charged;
  task.avoid = report.worker;
  const std::string where = "task " + std::to_string(task_id) + " of stage " + std::to_string(stage.shape.id);
  Tell(job, stage, task_id,
       "attempt " + std::to_string(report.attempt.attempt) + " failed on " + WorkerText(report.worker) +
           ": " + error.message);
  const bool hopeless = error.deterministic || error.kind == ErrorKind::kBadInput ||
                        error.kind == ErrorKind::kUsage || error.kind == ErrorKind::kInternal;
  if (hopeless) {
    FailJob(job, error);
    return;
  }
  if (error.kind != ErrorKind::kSystem && !error.signature.empty()) {
    std::string& last = stage.last_signature[task_id];
    if (last == error.signature) {
      error.deterministic = true;
      error.message += " (" + where + " failed twice in the same way, so it was not tried again)";
      FailJob(job, error);
      return;
    }
    last = error.signature;
  }
  if (task.charged >= job.options.max_attempts) {
    error.message += " (" + where + " failed " + std::to_string(task.charged) + " times)";
    FailJob(job, error);
    return;
  }
  if (!task.IsRunning()) Requeue(stage, task_id, job);
}

// Not the task's fault: it is run again, within a limit that no healthy fleet reaches.
void Scheduler::Uncharged(Job& job, Stage& stage, TaskId task_id, const std::string& what) {
  if (job.state != JobState::kRunning) return;
  Task& task = stage.tasks[task_id];
  ++stage.failed_attempts;
  Tell(job, stage, task_id, what);
  if (++task.uncharged >= options_.max_uncharged) {
    ErrorFacts error;
    error.kind = ErrorKind::kSystem;
    error.message = "task " + std::to_string(task_id) + " of stage " + std::to_string(stage.shape.id) +
                    " was lost " + std::to_string(task.uncharged) + " times (the last time: " + what + ")";
    FailJob(job, error);
    return;
  }
  if (!task.done && !task.IsRunning()) Requeue(stage, task_id, job);
  Changed(job);
}

// Inputs were not there. One that is still where the reader's manifest said is given up; a reader with an
// old manifest proves nothing and just gets the present one.
void Scheduler::FetchFailed(Job& job, Stage& stage, TaskId task_id, const TaskReported& report) {
  std::string what = "an input could not be fetched";
  for (const MissingInput& missing : report.missing) {
    bool reads = false;
    for (const StageInput& input : stage.shape.inputs) reads |= input.stage == missing.stage;
    if (!reads) continue;
    Stage& source = job.stages.at(missing.stage);
    if (missing.task >= source.tasks.size()) continue;
    Task& task = source.tasks[missing.task];
    const std::string name =
        "stage " + std::to_string(missing.stage) + " task " + std::to_string(missing.task);
    const bool current = task.done && task.attempt == missing.attempt &&
                         missing.version >= task.location_version && missing.version <= source.version;
    if (current || (task.done && options_.broken == BrokenRule::kIgnoreManifestVersion)) {
      const std::string why = missing.reason.empty() ? "" : ": " + missing.reason;
      what = "the output of " + name + " could not be fetched from " + WorkerText(task.worker) + why;
      task.avoid = task.worker;
      LoseOutput(job, source, missing.task);
      Tell(job, source, missing.task, "output given up: a reader could not fetch it" + why);
    } else if (!task.done) {
      what = "the output of " + name + " is lost";
    } else {
      what = "fetched by an old manifest: " + name + " has moved";
    }
  }
  Uncharged(job, stage, task_id, what);
}

}  // namespace millrace::scheduler
