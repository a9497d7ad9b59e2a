// The driver: a leased role of one executor, fenced by an epoch. Actions and their log.
#include <algorithm>
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

void Scheduler::PlaceDrivers() {
  const std::set<JobId> waiting = state_.driverless;
  for (JobId id : waiting) {
    Job& job = state_.jobs.at(id);
    if (!job.recovered) PlaceDriver(job);
  }
}

// The least loaded worker that may take a driver of the job. A job without a profile takes that of the
// workers with the most slots, so that it is not tied to one odd machine.
Worker* Scheduler::ChooseDriverWorker(const Job& job) {
  std::map<std::string, uint64_t> slots;
  for (const auto& [id, worker] : state_.workers) {
    if (worker.up && !worker.draining) slots[worker.profile] += worker.slots;
  }
  std::string profile = job.profile;
  if (profile.empty()) {
    uint64_t most = 0;
    for (const auto& [name, count] : slots) {
      if (count > most) {
        most = count;
        profile = name;
      }
    }
  }
  Worker* best = nullptr;
  auto load = [](const Worker& w) { return std::pair<uint64_t, uint64_t>(w.drivers, w.outstanding.size()); };
  for (auto& [id, worker] : state_.workers) {
    if (!worker.up || worker.draining || worker.profile != profile) continue;
    if (worker.drivers >= uint64_t{options_.drivers_per_slot} * worker.slots) continue;
    if (best == nullptr || load(worker) < load(*best)) best = &worker;
  }
  return best;
}

bool Scheduler::PlaceDriver(Job& job) {
  Worker* worker = ChooseDriverWorker(job);
  if (worker == nullptr) return false;
  if (job.profile.empty()) job.profile = worker->profile;
  ++job.driver_epoch;
  job.driver_worker = worker->id;
  ++worker->drivers;
  job.touched.insert(worker->id);
  state_.driverless.erase(job.id);
  Emit(JournalDriverLease{job.id, job.driver_epoch, job.profile});
  Emit(StartDriver{worker->id, job.id, job.driver_epoch});
  if (job.state == JobState::kPending) job.state = JobState::kRunning;
  Tell(job, "driver " + std::to_string(job.driver_epoch) + " starts on " + WorkerText(worker->id));
  Changed(job);
  UpdateReady(job);
  return true;
}

// The role is free again; PlaceDrivers() gives it away if the job still wants one.
void Scheduler::ReleaseDriver(Job& job) {
  auto it = state_.workers.find(job.driver_worker);
  if (it != state_.workers.end() && it->second.drivers > 0) --it->second.drivers;
  job.driver_worker = 0;
  for (ActionId id : job.active) job.actions.at(id).awaited = false;
  const bool wanted =
      (job.state == JobState::kPending || job.state == JobState::kRunning) && !job.driver_done;
  if (wanted) state_.driverless.insert(job.id);
  Changed(job);
}

void Scheduler::On(const DriverLost& event) {
  Worker* worker = Current(event.worker, event.epoch);
  Job* job = LiveJob(event.job);
  if (worker == nullptr || job == nullptr || job->driver_worker != worker->id) return;
  if (job->driver_epoch != event.driver_epoch) return;
  Tell(*job, "the driver was lost: its executor on " + WorkerText(worker->id) + " died");
  ReleaseDriver(*job);
  if (++job->driver_losses >= options_.max_driver_losses) {
    ErrorFacts error;
    error.kind = ErrorKind::kUserCode;
    error.message = "the executor that runs the job function died " + std::to_string(job->driver_losses) +
                    " times in a row; see mrsubmit logs";
    FailJob(*job, error);
  }
}

void Scheduler::On(const DriverFinished& event) {
  Job* job = LiveJob(event.job);
  if (job == nullptr || job->driver_worker == 0 || job->driver_epoch != event.driver_epoch) return;
  if (job->state != JobState::kRunning) return;
  if (!event.ok) {
    FailJob(*job, event.error);
    return;
  }
  job->driver_done = true;
  ReleaseDriver(*job);
  state_.closing.insert(job->id);
  Tell(*job, "the job function is done");
}

// Handles a request for an action that was planned before, by this driver or an earlier one.
bool Scheduler::KnownAction(Job& job, ActionId id, const Bytes& fingerprint) {
  auto it = job.actions.find(id);
  if (it == job.actions.end()) return false;
  Action& action = it->second;
  if (action.fingerprint != fingerprint) {
    ErrorFacts error;
    error.kind = ErrorKind::kUserCode;
    error.deterministic = true;
    error.message =
        "action " + std::to_string(id) +
        " differs from the one that an earlier run of the job function planned: what comes from outside "
        "(times, random numbers, listings) has to go through job.Record()";
    FailJob(job, error);
    return true;
  }
  action.awaited = true;
  if (action.done) {
    if (job.driver_worker != 0) Emit(SendActionResult{job.driver_worker, job.id, job.driver_epoch, id});
    Tell(job, "action " + std::to_string(id) + " is answered from the log");
  }
  return true;
}

void Scheduler::On(const ActionRequested& event) {
  Job* job = LiveJob(event.job);
  if (job == nullptr || job->state != JobState::kRunning || job->driver_worker == 0) return;
  if (job->driver_epoch != event.driver_epoch) return;
  if (KnownAction(*job, event.action, event.fingerprint)) return;
  const std::string wrong = CheckPlan(*job, event);
  if (!wrong.empty()) {
    ErrorFacts error;
    error.kind = ErrorKind::kInternal;
    error.message = "the plan of action " + std::to_string(event.action) + " is not valid: " + wrong;
    FailJob(*job, error);
    return;
  }
  Emit(JournalAction{job->id, event.action});
  Action& action = job->actions[event.action];
  action.id = event.action;
  action.fingerprint = event.fingerprint;
  action.final_stage = event.final_stage;
  action.awaited = true;
  job->active.insert(event.action);
  AddStages(*job, event.action, event.stages);
  SetRoots(*job, action, event.stages);
  Tell(*job, "action " + std::to_string(event.action) + " planned: " + std::to_string(event.stages.size()) +
                 " stages");
  MarkDirty(*job);
}

void Scheduler::On(const ActionRecorded& event) {
  Job* job = LiveJob(event.job);
  if (job == nullptr || job->state != JobState::kRunning || job->driver_worker == 0) return;
  if (job->driver_epoch != event.driver_epoch) return;
  if (KnownAction(*job, event.action, event.fingerprint)) return;
  Action& action = job->actions[event.action];
  action.id = event.action;
  action.fingerprint = event.fingerprint;
  action.recorded = true;
  action.done = true;
  action.awaited = true;
  ++job->actions_done;
  job->driver_losses = 0;
  Emit(JournalAction{job->id, event.action});
  Emit(JournalActionDone{job->id, event.action, 0});
  Emit(SendActionResult{job->driver_worker, job->id, job->driver_epoch, event.action});
  Tell(*job, "action " + std::to_string(event.action) + " recorded");
  Changed(*job);
}

}  // namespace millrace::scheduler
