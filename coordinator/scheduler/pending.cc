// Why nothing of a job runs, in words.
#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

namespace {

std::string Count(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

std::string Scheduler::PendingReason(JobId id) const {
  const Job* job = FindJob(id);
  if (job == nullptr || IsFinal(job->state)) return "";
  uint64_t up = 0, draining = 0, fitting = 0, busy = 0, slots = 0;
  std::string others;
  std::set<JobId> busy_with;
  for (const auto& [worker_id, worker] : state_.workers) {
    draining += worker.up && worker.draining ? 1 : 0;
    if (!worker.up || worker.draining) continue;
    ++up;
    if (!job->profile.empty() && worker.profile != job->profile) {
      others = worker.profile;
      continue;
    }
    ++fitting;
    slots += worker.slots;
    if (worker.outstanding.size() < worker.slots) continue;
    ++busy;
    for (const auto& [attempt, cancelled] : worker.outstanding) busy_with.insert(attempt.job);
  }
  if (job->state == JobState::kAborting) {
    if (job->outstanding > 0)
      return "stopping " + Count(job->outstanding, "attempt") + " after: " + job->error.message;
    return (up == 0 ? "waiting for a worker to remove temporary files after: "
                    : "removing temporary files after: ") +
           job->error.message;
  }
  if (job->running > 0) return "";
  if (job->recovered) return "waiting for workers to return after a restart of the coordinator";
  if (up == 0) return draining > 0 ? "every connected worker is draining" : "no worker is connected";
  if (job->state == JobState::kPublishing) {
    return job->request != 0 ? "publishing the output" : "waiting to publish the output again";
  }
  if (fitting == 0) {
    return "the numeric profile of the job is " + job->profile + ", that of the connected workers differs (" +
           others + "): results could differ in their last bits";
  }
  if (job->driver_worker == 0 && !job->driver_done) {
    return "every worker runs as many drivers as it may (" + std::to_string(options_.drivers_per_slot) +
           " per slot)";
  }
  if (!job->runnable.empty() && busy == fitting) {
    std::string text = "all " + Count(slots, "slot") + " are busy with";
    for (JobId other : busy_with) text += " j-" + std::to_string(other);
    return text;
  }
  if (job->active.empty()) {
    return job->actions.empty() ? "the driver is starting" : "the driver is working on its next action";
  }
  return "waiting for its inputs";
}

}  // namespace millrace::scheduler
