// Workers come, are heard of, and go; the coordinator's own restart.
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

void Scheduler::On(const CoordinatorStarted& event) {
  if (state_.incarnation != 0) return;
  state_.incarnation = event.incarnation;
  state_.next_request = event.incarnation << 32;
  state_.grace_ends_ms = state_.now_ms + options_.grace_ms;
  state_.in_grace = !event.jobs.empty();
  for (const RecoveredJob& job : event.jobs) RecoverJob(job);
}

void Scheduler::RecoverJob(const RecoveredJob& recovered) {
  Job& job = state_.jobs[recovered.job];
  job.id = recovered.job;
  job.options = recovered.options;
  job.state = recovered.state;
  job.error = recovered.error;
  job.driver_epoch = recovered.driver_epoch;
  job.profile = recovered.profile.empty() ? recovered.options.profile : recovered.profile;
  for (const RecoveredAction& planned : recovered.actions) {
    Action& action = job.actions[planned.action];
    action.id = planned.action;
    action.fingerprint = planned.fingerprint;
    action.recorded = planned.recorded;
    action.done = planned.done;
    action.final_stage = planned.final_stage;
    if (action.done) {
      ++job.actions_done;
    } else {
      job.active.insert(action.id);
    }
    AddStages(job, action.id, planned.stages);
    SetRoots(job, action, planned.stages);
  }
  for (const RecoveredWinner& winner : recovered.winners) {
    auto it = job.stages.find(winner.attempt.stage);
    if (it == job.stages.end() || winner.attempt.task >= it->second.tasks.size()) continue;
    if (it->second.tasks[winner.attempt.task].done) continue;
    SetWinner(job, it->second, winner.attempt.task, winner.attempt, 0, Digest{}, winner.sums);
  }
  for (const StageDigests& consumed : recovered.consumed) {
    auto it = job.stages.find(consumed.stage);
    if (it == job.stages.end() || it->second.tasks.size() != consumed.digests.size()) continue;
    Stage& stage = it->second;
    stage.digests_journaled = true;
    stage.digests = stage.shape.tasks;
    for (TaskId task = 0; task < stage.tasks.size(); ++task) {
      stage.tasks[task].digest = consumed.digests[task];
      stage.tasks[task].has_digest = true;
      stage.tasks[task].pinned = true;
    }
  }
  const bool over = (job.state == JobState::kFailed || job.state == JobState::kKilled) && recovered.settled;
  if (over || job.state == JobState::kSucceeded) {
    for (auto& [id, stage] : job.stages) {
      stage.tasks = {};
      stage.pending.clear();
    }
    state_.finished.push_back(job.id);
    return;
  }
  state_.live_jobs.insert(job.id);
  if (job.state == JobState::kFailed || job.state == JobState::kKilled || job.state == JobState::kAborting) {
    // Decided before the restart, not cleaned up yet. Attempts may still be running at workers that
    // have not returned, so the temporaries are removed after the wait.
    job.outcome = job.state == JobState::kAborting ? JobState::kFailed : job.state;
    job.state = JobState::kAborting;
    job.abort_started_ms = state_.now_ms;
    job.recovered = true;
    state_.closing.insert(job.id);
    return;
  }
  if (job.state == JobState::kPublishing) {
    job.driver_done = true;
    state_.closing.insert(job.id);
    return;
  }
  job.state = job.driver_epoch == 0 ? JobState::kPending : JobState::kRunning;
  job.recovered = job.state == JobState::kRunning;  // nothing of a pending one can be held anywhere
  state_.driverless.insert(job.id);
  MarkDirty(job);
  Tell(job, "recovered after a restart of the coordinator (incarnation " +
                std::to_string(state_.incarnation) + ")");
}

Worker* Scheduler::Current(WorkerId worker, Epoch epoch) {
  auto it = state_.workers.find(worker);
  if (it == state_.workers.end() || !it->second.up) return nullptr;
  if (it->second.epoch != epoch && options_.broken != BrokenRule::kAcceptStaleEpoch) return nullptr;
  it->second.last_heard_ms = state_.now_ms;
  return &it->second;
}

void Scheduler::On(const WorkerUp& event) {
  if (event.worker == 0) return;
  Worker& worker = state_.workers[event.worker];
  if (event.epoch <= worker.epoch) return;  // an old registration, overtaken
  if (worker.up) TakeDown(worker, "it connected anew");
  worker.id = event.worker;
  worker.epoch = event.epoch;
  worker.name = event.name;
  worker.up = true;
  worker.draining = false;
  worker.slots = event.slots;
  worker.credits = event.credits;
  worker.slot_memory_bytes = event.slot_memory_bytes;
  worker.profile = event.profile;
  worker.last_heard_ms = state_.now_ms;

  // Welcome goes first, but what it accepts is known only afterwards: keep its place.
  const size_t place = out_.size();
  Welcome welcome{worker.id, worker.epoch, {}, {}};
  Emit(welcome);
  Adopt(worker, event, welcome);
  for (JobId id : state_.live_jobs) {
    if (state_.jobs.at(id).state != JobState::kAborting) welcome.live_jobs.push_back(id);
  }
  out_[place] = std::move(welcome);
  UpdateFree(worker);
}

// Takes over what the worker still holds and runs, as far as we still need it.
void Scheduler::Adopt(Worker& worker, const WorkerUp& event, Welcome& welcome) {
  // The stage, where the attempt may be one of ours; nullptr otherwise.
  auto find = [&](const AttemptId& id, Job** job) -> Stage* {
    *job = LiveJob(id.job);
    if (*job == nullptr || (*job)->state == JobState::kAborting) return nullptr;
    (*job)->touched.insert(worker.id);
    auto it = (*job)->stages.find(id.stage);
    if (it == (*job)->stages.end() || it->second.action != id.action) return nullptr;
    if (id.task >= it->second.tasks.size() || id.incarnation > state_.incarnation) return nullptr;
    const Task& task = it->second.tasks[id.task];
    if (id.incarnation == state_.incarnation && id.attempt >= task.next_attempt) return nullptr;
    return task.done ? nullptr : &it->second;
  };
  Job* job = nullptr;
  for (const HeldOutput& held : event.held) {
    Stage* stage = find(held.attempt, &job);
    if (stage == nullptr || !IsHeld(stage->shape.output)) continue;
    const Task& task = stage->tasks[held.attempt.task];
    if (task.pinned && task.digest != held.digest) continue;  // never consumed itself: no harm done
    Tell(*job, *stage, held.attempt.task, "output is back with " + WorkerText(worker.id));
    Emit(TaskDone{held.attempt, worker.id});
    SetWinner(*job, *stage, held.attempt.task, held.attempt, worker.id, held.digest, held.sums);
    welcome.accepted.push_back(held.attempt);
  }
  for (const AttemptId& id : event.running) {
    Stage* stage = find(id, &job);
    if (stage == nullptr || job->state != JobState::kRunning) continue;
    Task& task = stage->tasks[id.task];
    Running* free = task.running[0].worker == 0 ? &task.running[0] : &task.running[1];
    if (free->worker != 0 || worker.outstanding.count(id) != 0) continue;
    // What an attempt granted before a restart consumed is known only if it was journaled.
    bool known = true;
    for (const StageInput& input : stage->shape.inputs) {
      known &= id.incarnation == state_.incarnation || job->stages.at(input.stage).digests_journaled;
    }
    if (!known) continue;
    *free = Running{id.incarnation, id.attempt, worker.id, false, state_.now_ms};
    ++stage->running;
    Unqueue(*job, *stage, id.task);
    AddOutstanding(worker, *job, id);
    Tell(*job, *stage, id.task,
         "attempt " + std::to_string(id.attempt) + " still runs on " + WorkerText(worker.id));
    welcome.accepted.push_back(id);
  }
  for (const HeldDriver& held : event.drivers) {
    job = LiveJob(held.job);
    if (job == nullptr || held.driver_epoch != job->driver_epoch || state_.driverless.count(job->id) == 0) {
      Emit(StopDriver{worker.id, held.job, held.driver_epoch});
      continue;
    }
    job->driver_worker = worker.id;
    job->touched.insert(worker.id);
    ++worker.drivers;
    state_.driverless.erase(job->id);
    // It may be waiting for any of them; a result that it did not ask for does no harm.
    for (ActionId action : job->active) job->actions.at(action).awaited = true;
    Tell(*job, "the driver is still there, on " + WorkerText(worker.id));
    Changed(*job);
  }
}

void Scheduler::On(const WorkerDown& event) {
  Worker* worker = Current(event.worker, event.epoch);
  if (worker != nullptr) TakeDown(*worker, event.reason);
}

void Scheduler::On(const WorkerDraining& event) {
  Worker* worker = Current(event.worker, event.epoch);
  if (worker == nullptr) return;
  worker->draining = true;
  UpdateFree(*worker);
}

void Scheduler::On(const Heartbeat& event) { Current(event.worker, event.epoch); }

void Scheduler::ExpireLeases() {
  for (auto& [id, worker] : state_.workers) {
    if (!worker.up || state_.now_ms - worker.last_heard_ms <= options_.lease_ms) continue;
    Emit(CloseWorker{id, worker.epoch, "it was silent for " + std::to_string(options_.lease_ms) + " ms"});
    TakeDown(worker, "it was silent for too long");
  }
}

// Everything that was there is gone: attempts, outputs, drivers, file lists under way. If the worker comes
// back with some of it in hand, Adopt() takes that over again.
void Scheduler::TakeDown(Worker& worker, const std::string& reason) {
  worker.up = false;
  const std::map<AttemptId, bool> outstanding = worker.outstanding;
  for (const auto& [id, cancelled] : outstanding) {
    RemoveOutstanding(worker, id);
    Job* job = LiveJob(id.job);
    if (job == nullptr || cancelled) continue;
    Stage& stage = job->stages.at(id.stage);
    RemoveRunning(*job, stage, id.task, id, nullptr);
    if (options_.broken == BrokenRule::kNeverRequeueLost) continue;
    Uncharged(*job, stage, id.task, "lost with " + WorkerText(worker.id) + ": " + reason);
  }
  const auto held = std::exchange(worker.held, {});
  for (const auto& [job_id, outputs] : held) {
    Job* job = LiveJob(job_id);
    if (job == nullptr) continue;
    uint32_t lost = 0;
    for (const auto& [stage_id, task] : outputs) {
      Stage& stage = job->stages.at(stage_id);
      if (task >= stage.tasks.size() || !stage.tasks[task].done || stage.tasks[task].worker != worker.id)
        continue;
      LoseOutput(*job, stage, task);
      ++lost;
    }
    if (lost > 0)
      Tell(*job, std::to_string(lost) + " map outputs lost with " + WorkerText(worker.id) + ": " + reason);
  }
  for (JobId id : state_.live_jobs) {
    Job& job = state_.jobs.at(id);
    if (job.driver_worker == worker.id) {
      Tell(job, "the driver was lost with " + WorkerText(worker.id) + ": " + reason);
      ReleaseDriver(job);
    }
    if (job.request != 0 && job.request_worker == worker.id) {  // sent again elsewhere
      job.request = 0;
      --job.publish_attempts;
    }
  }
  worker.drivers = 0;
  UpdateFree(worker);
}

}  // namespace millrace::scheduler
