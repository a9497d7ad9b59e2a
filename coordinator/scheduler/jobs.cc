// Jobs: submitted, killed, failed, published, finished.
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

void Scheduler::On(const JobSubmitted& event) {
  if (event.job == 0 || state_.jobs.count(event.job) != 0) return;
  Job& job = state_.jobs[event.job];
  job.id = event.job;
  job.options = event.options;
  job.profile = event.options.profile;
  state_.live_jobs.insert(job.id);
  state_.driverless.insert(job.id);
  Emit(JournalJob{job.id});
  Tell(job, "submitted");
  Changed(job);
}

void Scheduler::On(const KillJob& event) {
  Job* job = LiveJob(event.job);
  if (job == nullptr || job->state == JobState::kAborting) return;
  if (job->state == JobState::kPublishing) {
    // A list of renames that was sent cannot be called back.
    Tell(*job, "not killed: its output is being published");
    return;
  }
  ErrorFacts error;
  error.kind = ErrorKind::kKilled;
  error.message = event.reason.empty() ? "killed" : event.reason;
  FailJob(*job, error, JobState::kKilled);
}

// Decided: nothing of the job runs on. It is over when its temporaries are gone (Advance).
void Scheduler::FailJob(Job& job, ErrorFacts error, JobState outcome) {
  if (job.state == JobState::kAborting || IsFinal(job.state)) return;
  Emit(JournalJobState{job.id, outcome, false, error});
  Tell(job, (outcome == JobState::kKilled ? "killed: " : "failed: ") + error.message);
  job.state = JobState::kAborting;
  job.outcome = outcome;
  job.error = std::move(error);
  job.abort_started_ms = state_.now_ms;
  job.request = 0;
  job.publish_attempts = 0;
  job.publish_not_before_ms = 0;
  for (WorkerId id : job.touched) {
    Worker& worker = state_.workers.at(id);
    if (!worker.up) continue;  // TakeDown() is at work on it
    for (auto it = worker.outstanding.begin(); it != worker.outstanding.end(); ++it) {
      if (it->first.job != job.id || it->second) continue;
      RemoveRunning(job, job.stages.at(it->first.stage), it->first.task, it->first, nullptr);
      it->second = true;
      Emit(Cancel{id, it->first});
    }
  }
  if (job.driver_worker != 0) {
    Emit(StopDriver{job.driver_worker, job.id, job.driver_epoch});
    ReleaseDriver(job);
  }
  ClearDemand(job);
  state_.driverless.erase(job.id);
  state_.closing.insert(job.id);
  Changed(job);
}

void Scheduler::AdvanceJobs() {
  const std::set<JobId> closing = state_.closing;
  for (JobId id : closing) Advance(state_.jobs.at(id));
}

// One step of a job that is on its way out.
void Scheduler::Advance(Job& job) {
  if (job.state == JobState::kRunning && job.driver_done &&
      (job.active.empty() || options_.broken == BrokenRule::kPublishEarly)) {
    StartPublishing(job);
  }
  const bool publishing = job.state == JobState::kPublishing;
  if ((!publishing && job.state != JobState::kAborting) || job.request != 0) return;
  if (!job.writes) {
    Settle(job, publishing ? JobState::kSucceeded : job.outcome);
    return;
  }
  if (state_.now_ms < job.publish_not_before_ms) return;
  if (!publishing) {
    // An attempt that still runs could write a temporary after they were removed.
    const int64_t waited_ms = state_.now_ms - job.abort_started_ms;
    if ((job.outstanding > 0 || job.recovered) && waited_ms < options_.abort_wait_ms) return;
    if (ChoosePublisher(job) == nullptr && waited_ms >= options_.abort_give_up_ms) {
      Tell(job, "no worker was there to remove the temporary files");
      Settle(job, job.outcome);
      return;
    }
  }
  SendPublish(job, publishing);
}

void Scheduler::StartPublishing(Job& job) {
  job.state = JobState::kPublishing;
  ClearDemand(job);
  Emit(JournalJobState{job.id, JobState::kPublishing, false, {}});
  Tell(job, "publishing");
  Changed(job);
}

// A worker of the job's profile if there is one (it has seen the output's root), otherwise any; not the one
// that just failed if there is another.
Worker* Scheduler::ChoosePublisher(const Job& job) {
  Worker* best = nullptr;
  auto rank = [&](const Worker& w) {
    const int unfit = (w.profile != job.profile ? 2 : 0) + (w.id == job.request_worker ? 1 : 0);
    return std::pair<int, size_t>(unfit, w.outstanding.size());
  };
  for (auto& [id, worker] : state_.workers) {
    if (!worker.up) continue;
    if (best == nullptr || rank(worker) < rank(*best)) best = &worker;
  }
  return best;
}

void Scheduler::SendPublish(Job& job, bool commit) {
  Worker* worker = ChoosePublisher(job);
  if (worker == nullptr) return;
  job.request = ++state_.next_request;
  job.request_worker = worker->id;
  job.touched.insert(worker->id);
  ++job.publish_attempts;
  Emit(Publish{worker->id, job.id, job.request, commit});
}

void Scheduler::On(const PublishReported& event) {
  Worker* worker = Current(event.worker, event.epoch);
  Job* job = LiveJob(event.job);
  if (worker == nullptr || job == nullptr || job->request == 0) return;
  if (job->request != event.request || job->request_worker != worker->id) return;
  const bool publishing = job->state == JobState::kPublishing;
  job->request = 0;
  if (event.ok) {
    Settle(*job, publishing ? JobState::kSucceeded : job->outcome);
    return;
  }
  Tell(*job, std::string(publishing ? "publishing" : "removing temporary files") + " failed on " +
                 WorkerText(worker->id) + ": " + event.error.message);
  if (event.retriable && job->publish_attempts < options_.max_publish_attempts) {
    job->publish_not_before_ms = state_.now_ms + 200 * job->publish_attempts;
    return;
  }
  if (publishing) {
    FailJob(*job, event.error);
  } else {
    Settle(*job, job->outcome);
  }
}

// Over. Workers forget it; counts stay for status, the rest goes.
void Scheduler::Settle(Job& job, JobState state) {
  Emit(JournalJobState{job.id, state, true, job.error});
  job.state = state;
  for (auto& [id, worker] : state_.workers) {
    if (worker.up && job.touched.count(id) != 0) Emit(DropJob{id, job.id});
    worker.held.erase(job.id);
    auto it = worker.outstanding.begin();
    while (it != worker.outstanding.end()) {
      const AttemptId attempt = it->first;
      ++it;
      if (attempt.job == job.id) RemoveOutstanding(worker, attempt);
    }
  }
  for (auto& [id, stage] : job.stages) {
    stage.tasks = {};
    stage.pending.clear();
    stage.local.clear();
    stage.durations_ms = {};
    stage.running = 0;
  }
  job.running = 0;
  job.active.clear();
  ClearDemand(job);
  state_.live_jobs.erase(job.id);
  state_.driverless.erase(job.id);
  state_.closing.erase(job.id);
  state_.dirty_jobs.erase(job.id);
  state_.finished.push_back(job.id);
  while (state_.finished.size() > 1 && state_.finished.size() > options_.finished_jobs) {
    state_.jobs.erase(state_.finished.front());
    state_.finished.pop_front();
  }
  Tell(job, state == JobState::kSucceeded ? "succeeded"
            : state == JobState::kKilled  ? "over: killed"
                                          : "over: failed");
  Changed(job);
}

}  // namespace millrace::scheduler
