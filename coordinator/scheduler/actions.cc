// Plans become stages; which stages are wanted and can run; when an action is done; the ledger's edges.
#include <algorithm>
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

std::string Scheduler::CheckPlan(const Job& job, const ActionRequested& request) const {
  std::set<StageId> seen;
  for (const StageShape& shape : request.stages) {
    const std::string name = "stage " + std::to_string(shape.id);
    if (shape.id == 0 || job.stages.count(shape.id) != 0 || !seen.insert(shape.id).second) {
      return name + " is there already";
    }
    for (const StageInput& input : shape.inputs) {
      const std::string read = name + " reads stage " + std::to_string(input.stage);
      const bool planned = seen.count(input.stage) != 0;
      auto earlier = job.stages.find(input.stage);
      if (input.stage >= shape.id) return read + ", which does not stand before it";
      if (!planned && earlier == job.stages.end()) return read + ", which is not known";
      if (uint64_t{input.first_task} + input.tasks > shape.tasks)
        return read + " with tasks that it does not have";
      OutputKind kind = planned ? OutputKind::kShuffle : earlier->second.shape.output;
      for (const StageShape& other : request.stages) {
        if (other.id == input.stage) kind = other.output;
      }
      if (!IsHeld(kind)) return read + ", which leaves nothing to read";
    }
  }
  if (seen.count(request.final_stage) == 0 && job.stages.count(request.final_stage) == 0) {
    return "its final stage " + std::to_string(request.final_stage) + " is not known";
  }
  return "";
}

void Scheduler::AddStages(Job& job, ActionId action, const std::vector<StageShape>& shapes) {
  for (const StageShape& shape : shapes) {
    Stage& stage = job.stages[shape.id];
    stage.shape = shape;
    stage.action = action;
    stage.tasks.resize(shape.tasks);
    for (TaskId task = 0; task < shape.tasks; ++task) stage.pending.insert(stage.pending.end(), task);
    stage.version = (state_.incarnation << 32) + 1;
    stage.totals_known = shape.tasks == 0;
    std::set<TaskId> branches;
    for (StageInput& input : stage.shape.inputs) {
      if (input.tasks == 0) input.tasks = shape.tasks - std::min(shape.tasks, input.first_task);
      branches.insert(input.first_task);
      stage.has_aligned |= input.aligned;
      auto source = job.stages.find(input.stage);
      if (source != job.stages.end()) source->second.readers.push_back(shape.id);
    }
    stage.branches.assign(branches.begin(), branches.end());
    stage.branch_received.resize(branches.size());
    job.writes |= shape.output == OutputKind::kWrite;
  }
}

void Scheduler::SetRoots(Job& job, Action& action, const std::vector<StageShape>& shapes) {
  if (action.recorded) return;
  std::set<StageId> roots = {action.final_stage};
  for (const StageShape& shape : shapes) {
    if (job.stages.at(shape.id).readers.empty()) roots.insert(shape.id);
  }
  action.roots.assign(roots.begin(), roots.end());
}

void Scheduler::MarkDirty(Job& job) {
  state_.dirty_jobs.insert(job.id);
  Changed(job);
}

bool Scheduler::InputsComplete(const Job& job, const Stage& stage) const {
  for (const StageInput& input : stage.shape.inputs) {
    if (!job.stages.at(input.stage).complete()) return false;
  }
  return true;
}

// Incomplete roots of active actions are wanted, and so is every incomplete input of what is wanted; that is
// all of lineage. Stages read only stages with lower ids, so one sweep downwards finds them all.
void Scheduler::Rework(Job& job) {
  FinishActions(job);
  if (job.state != JobState::kRunning) return;
  std::set<StageId> open, demanded;
  for (ActionId id : job.active) {
    for (StageId root : job.actions.at(id).roots) {
      if (!job.stages.at(root).complete()) open.insert(root);
    }
  }
  while (!open.empty()) {
    const StageId id = *open.rbegin();
    open.erase(id);
    demanded.insert(id);
    for (const StageInput& input : job.stages.at(id).shape.inputs) {
      if (!job.stages.at(input.stage).complete()) open.insert(input.stage);
    }
  }
  for (StageId id : job.demanded) {
    if (demanded.count(id) != 0) continue;
    Stage& stage = job.stages.at(id);
    stage.demanded = false;
    SetRunnable(job, stage, false);
  }
  job.demanded = std::move(demanded);
  for (StageId id : job.demanded) {
    Stage& stage = job.stages.at(id);
    stage.demanded = true;
    SetRunnable(job, stage, !stage.pending.empty() && InputsComplete(job, stage));
  }
  UpdateReady(job);
}

// Nothing of it is to be granted any more.
void Scheduler::ClearDemand(Job& job) {
  for (StageId id : job.demanded) job.stages.at(id).demanded = false;
  job.demanded.clear();
  job.runnable.clear();
  UpdateReady(job);
}

void Scheduler::SetRunnable(Job& job, Stage& stage, bool runnable) {
  if (!runnable) {
    if (job.runnable.erase(stage.shape.id) != 0) stage.local.clear();
    return;
  }
  if (!job.runnable.insert(stage.shape.id).second || !stage.has_aligned) return;
  stage.local.clear();
  for (TaskId task : stage.pending) {
    const WorkerId holder = HolderOfInput(job, stage, task);
    stage.tasks[task].preferred = holder;
    if (holder != 0) {
      auto& tasks = stage.local[holder];
      tasks.insert(tasks.end(), task);
    }
  }
}

void Scheduler::FinishActions(Job& job) {
  if (job.state != JobState::kRunning) return;
  const std::set<ActionId> active = job.active;
  for (ActionId id : active) {
    Action& action = job.actions.at(id);
    const bool done = std::all_of(action.roots.begin(), action.roots.end(),
                                  [&](StageId root) { return job.stages.at(root).complete(); });
    if (!done) continue;
    action.done = true;
    job.active.erase(id);
    ++job.actions_done;
    job.driver_losses = 0;
    const bool tell = action.awaited && job.driver_worker != 0;
    SendActionResult result{job.driver_worker, job.id, job.driver_epoch, id};
    if (tell && options_.broken == BrokenRule::kTellBeforeJournal) Emit(result);
    Emit(JournalActionDone{job.id, id, action.final_stage});
    if (tell && options_.broken != BrokenRule::kTellBeforeJournal) Emit(result);
    Tell(job, "action " + std::to_string(id) + " is done");
    Changed(job);
  }
}

// Every edge balances: what a branch received is what its input stages sent. Asked when the reading stage
// becomes complete. A stage that was never complete in this incarnation (its readers' winners were in the
// journal) cannot be asked again and is left out.
bool Scheduler::CheckLedger(Job& job, Stage& stage) {
  for (size_t b = 0; b < stage.branches.size(); ++b) {
    TaskSums sent;
    std::string from;
    bool known = true;
    for (const StageInput& input : stage.shape.inputs) {
      if (input.first_task != stage.branches[b]) continue;
      const Stage& source = job.stages.at(input.stage);
      known &= source.totals_known && (!input.aligned || input.tasks == source.shape.tasks);
      sent.records_sent += source.totals.records_sent;
      sent.bytes_sent += source.totals.bytes_sent;
      from += (from.empty() ? "" : ", ") + std::to_string(input.stage);
    }
    const TaskSums& got = stage.branch_received[b];
    if (!known || (got.records_received == sent.records_sent && got.bytes_received == sent.bytes_sent))
      continue;
    ErrorFacts error;
    error.kind = ErrorKind::kInternal;
    error.message = "the ledger does not balance: stage " + std::to_string(stage.shape.id) + " received " +
                    std::to_string(got.records_received) + " records (" + std::to_string(got.bytes_received) +
                    " bytes), but stage " + from + " sent " + std::to_string(sent.records_sent) + " (" +
                    std::to_string(sent.bytes_sent) + " bytes)";
    FailJob(job, error);
    return false;
  }
  return true;
}

}  // namespace millrace::scheduler
