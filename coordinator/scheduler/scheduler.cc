#include "coordinator/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

namespace millrace::scheduler {

Scheduler::Scheduler(Options options) : options_(options) {}

Commands Scheduler::Step(int64_t now_ms, const Event& event) {
  out_.clear();
  state_.now_ms = std::max(state_.now_ms, now_ms);
  std::visit([this](const auto& e) { On(e); }, event);
  // Consequences, in an order in which each phase sees all that the ones before it did. Reworking a job
  // can finish actions, which can finish the job, which frees workers for others: hence Assign last.
  while (!state_.dirty_jobs.empty()) {
    const JobId id = *state_.dirty_jobs.begin();
    state_.dirty_jobs.erase(state_.dirty_jobs.begin());
    if (Job* job = LiveJob(id)) Rework(*job);
  }
  if (!state_.closing.empty()) AdvanceJobs();
  if (!state_.driverless.empty()) PlaceDrivers();
  Assign();
  for (JobId job : state_.changed_jobs) Emit(JobChanged{job});
  state_.changed_jobs.clear();
  return std::move(out_);
}

void Scheduler::On(const Tick&) {
  ExpireLeases();
  if (state_.in_grace && state_.now_ms >= state_.grace_ends_ms) {
    state_.in_grace = false;
    for (JobId id : state_.live_jobs) {
      Job& job = state_.jobs.at(id);
      if (!job.recovered) continue;
      job.recovered = false;
      Tell(job, "the wait for workers to return is over");
      MarkDirty(job);
    }
  }
  Speculate();
}

const Job* Scheduler::FindJob(JobId job) const {
  auto it = state_.jobs.find(job);
  return it == state_.jobs.end() ? nullptr : &it->second;
}

const Stage* Scheduler::FindStage(JobId job, StageId stage) const {
  const Job* found = FindJob(job);
  if (found == nullptr) return nullptr;
  auto it = found->stages.find(stage);
  return it == found->stages.end() ? nullptr : &it->second;
}

const Task* Scheduler::FindDone(JobId job, StageId stage, TaskId task) const {
  const Stage* found = FindStage(job, stage);
  if (found == nullptr || task >= found->tasks.size() || !found->tasks[task].done) return nullptr;
  return &found->tasks[task];
}

AttemptId Scheduler::WinnerOf(const Job& job, const Stage& stage, TaskId task) const {
  const Task& t = stage.tasks[task];
  return AttemptId{t.incarnation, job.id, stage.action, stage.shape.id, task, t.attempt};
}

const Worker* Scheduler::FindWorker(WorkerId worker) const {
  auto it = state_.workers.find(worker);
  return it == state_.workers.end() ? nullptr : &it->second;
}

Job* Scheduler::LiveJob(JobId job) {
  auto it = state_.jobs.find(job);
  return it == state_.jobs.end() || IsFinal(it->second.state) ? nullptr : &it->second;
}

std::string Scheduler::WorkerText(WorkerId worker) const {
  const Worker* w = FindWorker(worker);
  std::string text = "worker " + std::to_string(worker);
  if (w != nullptr && !w->name.empty()) text += " (" + w->name + ")";
  return text;
}

void Scheduler::Tell(const Job& job, std::string text) { Emit(Story{job.id, -1, -1, std::move(text)}); }

void Scheduler::Tell(const Job& job, const Stage& stage, TaskId task, std::string text) {
  if (options_.task_stories) Emit(Story{job.id, stage.shape.id, task, std::move(text)});
}

}  // namespace millrace::scheduler
