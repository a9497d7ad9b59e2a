// Which pending task goes where: the job with the fewest attempts first, its lowest stage first, to the least
// loaded worker of its profile; readers of aligned inputs to the holder of their input.
#include <algorithm>
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

bool Scheduler::MayGrant(const Job& job) const { return job.state == JobState::kRunning && !job.recovered; }

void Scheduler::UpdateFree(Worker& worker) {
  uint64_t capacity = worker.capacity();
  if (options_.broken == BrokenRule::kIgnoreCredits) capacity += 2;
  const uint32_t slots = worker.up && !worker.draining ? worker.slots : 0;
  if (slots != worker.counted_slots) {
    state_.slots[worker.profile] += slots - uint64_t{worker.counted_slots};
    worker.counted_slots = slots;
  }
  const bool free = worker.up && !worker.draining && worker.slots > 0 && worker.outstanding.size() < capacity;
  const uint64_t key = free ? worker.outstanding.size() * 1024 / worker.slots : 0;
  if (free == worker.free_listed && (!free || key == worker.free_key)) return;
  auto& listed = state_.free[worker.profile];
  if (worker.free_listed) listed.erase({worker.free_key, worker.id});
  if (free) listed.insert({key, worker.id});
  worker.free_listed = free;
  worker.free_key = key;
}

void Scheduler::UpdateReady(Job& job) {
  const bool ready = MayGrant(job) && !job.runnable.empty();
  if (ready == job.ready_listed && (!ready || job.ready_key == job.outstanding)) return;
  if (job.ready_listed) state_.ready_jobs.erase({job.ready_key, job.id});
  if (ready) state_.ready_jobs.insert({job.outstanding, job.id});
  job.ready_listed = ready;
  job.ready_key = job.outstanding;
}

void Scheduler::AddOutstanding(Worker& worker, Job& job, const AttemptId& id) {
  worker.outstanding.emplace(id, false);
  ++job.outstanding;
  ++job.running;
  job.touched.insert(worker.id);
  UpdateFree(worker);
  UpdateReady(job);
}

void Scheduler::RemoveOutstanding(Worker& worker, const AttemptId& id) {
  if (worker.outstanding.erase(id) == 0) return;
  UpdateFree(worker);
  auto it = state_.jobs.find(id.job);
  if (it == state_.jobs.end()) return;
  --it->second.outstanding;
  UpdateReady(it->second);
}

void Scheduler::Assign() {
  bool granted = true;
  while (granted && !state_.ready_jobs.empty()) {
    granted = false;
    for (const auto& [load, id] : state_.ready_jobs) {
      if (!GrantOne(state_.jobs.at(id))) continue;
      granted = true;  // ready_jobs has changed: start over with the job that has least now
      break;
    }
  }
}

bool Scheduler::GrantOne(Job& job) {
  auto free = state_.free.find(job.profile);
  if (free == state_.free.end() || free->second.empty()) return false;
  for (StageId id : job.runnable) {
    if (GrantFrom(job, job.stages.at(id))) return true;
  }
  return false;
}

// Tasks that may wait at a worker behind its slots: enough to bridge a round trip and to fill a batch when
// they are short, few when they are long, since what waits at one worker cannot go to another.
uint64_t Scheduler::QueueAhead(const Stage& stage, const Worker& worker) const {
  uint64_t tasks = std::max<uint64_t>(4, 2 * uint64_t{worker.slots});
  if (stage.runs > 0) {
    const int64_t mean_us = std::max<int64_t>(1, stage.run_us / stage.runs);
    tasks = std::max(tasks, worker.slots * static_cast<uint64_t>(options_.queue_ahead_ms * 1000 / mean_us));
  }
  return std::min<uint64_t>(tasks, worker.credits);
}

bool Scheduler::HasRoom(const Stage& stage, const Worker& worker) const {
  if (options_.broken == BrokenRule::kIgnoreCredits) return true;
  return worker.outstanding.size() < worker.slots + QueueAhead(stage, worker);
}

bool Scheduler::GrantFrom(Job& job, Stage& stage) {
  const auto& free = state_.free.at(job.profile);
  // Queues are for throughput: the last tasks of a stage are kept here for whoever is idle first, instead of
  // behind a slow one.
  const Worker& least = state_.workers.at(free.begin()->second);
  const bool idle_slot = least.outstanding.size() < least.slots;
  if (!idle_slot && stage.pending.size() <= state_.slots.at(job.profile)) return false;
  const TaskId first = *stage.pending.begin();
  const WorkerId avoid = stage.tasks[first].avoid;
  if (!stage.has_aligned) {
    auto chosen = free.begin();
    if (chosen->second == avoid && free.size() > 1) ++chosen;
    Worker& worker = state_.workers.at(chosen->second);
    if (!HasRoom(stage, worker)) return false;
    SendGrant(job, stage, first, worker, false);
    return true;
  }
  for (const auto& [load, id] : free) {
    Worker& worker = state_.workers.at(id);
    if (!HasRoom(stage, worker)) continue;
    auto local = stage.local.find(id);
    if (local != stage.local.end()) {
      SendGrant(job, stage, *local->second.begin(), worker, false);
      return true;
    }
    // An idle slot takes another's task; a queue does not: the holder may well be first.
    const bool idle = worker.outstanding.size() < worker.slots || stage.tasks[first].preferred == 0;
    if (idle && (id != avoid || free.size() == 1)) {
      SendGrant(job, stage, first, worker, false);
      return true;
    }
  }
  return false;
}

void Scheduler::SendGrant(Job& job, Stage& stage, TaskId task_id, Worker& worker, bool speculative) {
  Task& task = stage.tasks[task_id];
  const AttemptId id{state_.incarnation, job.id, stage.action, stage.shape.id, task_id, task.next_attempt++};
  Running& running = task.running[0].worker == 0 ? task.running[0] : task.running[1];
  running = Running{id.incarnation, id.attempt, worker.id, speculative, state_.now_ms};
  ++stage.running;
  Grant grant{worker.id, id, {}, speculative};
  for (const StageInput& input : stage.shape.inputs) {
    const bool reads = task_id >= input.first_task && task_id - input.first_task < input.tasks;
    if (!reads) continue;
    Stage& source = job.stages.at(input.stage);
    source.consumed_version = source.version;
    bool listed = false;
    for (const GrantInput& other : grant.inputs) listed |= other.stage == input.stage;
    if (!listed) grant.inputs.push_back({input.stage, source.version});
  }
  Emit(std::move(grant));
  AddOutstanding(worker, job, id);
  Unqueue(job, stage, task_id);
  if (options_.task_stories) {
    Tell(job, stage, task_id,
         "attempt " + std::to_string(id.attempt) + (speculative ? " (a double) to " : " to ") +
             WorkerText(worker.id));
  }
  Changed(job);
}

WorkerId Scheduler::HolderOfInput(const Job& job, const Stage& stage, TaskId task) const {
  for (const StageInput& input : stage.shape.inputs) {
    if (!input.aligned || task < input.first_task || task - input.first_task >= input.tasks) continue;
    const Stage& source = job.stages.at(input.stage);
    const TaskId index = task - input.first_task;
    if (index < source.tasks.size() && source.tasks[index].done) return source.tasks[index].worker;
  }
  return 0;
}

}  // namespace millrace::scheduler
