// One double for an attempt that takes much longer than its stage's others, where a slot is idle anyway.
#include <algorithm>
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

// An up worker of the job's profile with an idle slot; nullptr if there is none.
Worker* Scheduler::IdleWorker(const Job& job, WorkerId except) {
  auto free = state_.free.find(job.profile);
  if (free == state_.free.end()) return nullptr;
  for (const auto& [load, id] : free->second) {
    Worker& worker = state_.workers.at(id);
    if (id != except && worker.outstanding.size() < worker.slots) return &worker;
  }
  return nullptr;
}

// Looks at the running attempts (bounded by slots + credits), not at the tasks.
void Scheduler::Speculate() {
  std::map<std::pair<JobId, StageId>, int64_t> thresholds;  // -1: not for this stage
  std::vector<AttemptId> slow;
  for (const auto& [worker_id, worker] : state_.workers) {
    for (const auto& [id, cancelled] : worker.outstanding) {
      if (cancelled) continue;
      Job& job = state_.jobs.at(id.job);
      if (!MayGrant(job)) continue;
      Stage& stage = job.stages.at(id.stage);
      const Task& task = stage.tasks[id.task];
      if (task.running[1].worker != 0) continue;
      auto [it, fresh] = thresholds.try_emplace({id.job, id.stage}, -1);
      if (fresh && stage.shape.speculate && stage.demanded && stage.pending.empty() &&
          !stage.durations_ms.empty()) {
        auto middle = stage.durations_ms.begin() + static_cast<int64_t>(stage.durations_ms.size() / 2);
        std::nth_element(stage.durations_ms.begin(), middle, stage.durations_ms.end());
        it->second = std::max(options_.speculation_min_ms, *middle * options_.speculation_percent / 100);
      }
      if (it->second >= 0 && state_.now_ms - task.running[0].granted_ms > it->second) slow.push_back(id);
    }
  }
  for (const AttemptId& id : slow) {
    Job& job = state_.jobs.at(id.job);
    Stage& stage = job.stages.at(id.stage);
    if (!InputsComplete(job, stage)) continue;
    Worker* worker = IdleWorker(job, stage.tasks[id.task].running[0].worker);
    if (worker != nullptr) SendGrant(job, stage, id.task, *worker, true);
  }
}

}  // namespace millrace::scheduler
