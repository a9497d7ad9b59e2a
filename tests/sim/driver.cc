// Simulated job functions: they ask for their actions in order, check every result, and die now and then.
#include "tests/sim/world.h"

namespace millrace::sim {

void World::Ask(Process* process, DriverRun& driver, const ActionModel& action) {
  const JobModel& job = Model(driver.job);
  driver.unanswered.insert(action.id);
  uint64_t print = Mix(job.seed, action.id);
  if (job.unsteady_driver && driver.epoch > 1) print = Mix(print, driver.epoch);
  if (action.recorded) {
    scheduler::ActionRecorded event;
    event.job = driver.job;
    event.driver_epoch = driver.epoch;
    event.action = action.id;
    event.fingerprint = std::to_string(print);
    Tell(process, event);
    return;
  }
  scheduler::ActionRequested event;
  event.job = driver.job;
  event.driver_epoch = driver.epoch;
  event.action = action.id;
  event.fingerprint = std::to_string(print);
  event.stages = action.stages;
  event.final_stage = action.final_stage;
  Tell(process, event);
}

// Asks for the next action, and those that go along with it; ends after the last.
void World::Drive(Process* process, JobId id, DriverEpoch epoch) {
  auto it = process->drivers.find(id);
  if (!process->alive || it == process->drivers.end() || it->second.epoch != epoch) return;
  DriverRun& driver = it->second;
  const JobModel& job = Model(id);
  if (driver.next < job.actions.size()) {
    do {
      Ask(process, driver, job.actions[driver.next++]);
    } while (driver.next < job.actions.size() && job.actions[driver.next].together);
    if (driver.next < job.actions.size() || !job.leaves_early) return;
  }
  scheduler::DriverFinished event;
  event.job = id;
  event.driver_epoch = epoch;
  event.ok = !job.driver_fails;
  if (!event.ok) {
    event.error.kind = scheduler::ErrorKind::kUserCode;
    event.error.message = "the job function threw";
  }
  process->drivers.erase(it);
  Tell(process, event);
}

void World::DriverHears(Process* process, JobId id, DriverEpoch epoch, ActionId action,
                        const std::vector<uint64_t>& values) {
  auto it = process->drivers.find(id);
  if (it == process->drivers.end() || it->second.epoch != epoch) return;
  if (it->second.unanswered.erase(action) == 0) return;
  checkers_.OnResult(Model(id), Model(id).actions[action - 1], values);
  if (!it->second.unanswered.empty()) return;
  At(random_.Range(1, 40), [this, process, id, epoch] { Drive(process, id, epoch); });
}

// The executor of a job dies: its driver, if it had that role, and its tasks go; segments stay on disk.
void World::CrashExecutor(Process* process, JobId id) {
  Fault("an executor dies");
  const DriverEpoch epoch = process->drivers.at(id).epoch;
  process->drivers.erase(id);
  scheduler::DriverLost lost;
  lost.job = id;
  lost.driver_epoch = epoch;
  Tell(process, lost);
  for (const AttemptId& attempt : std::vector<AttemptId>(process->order)) {
    if (attempt.job != id || !process->tasks.at(attempt).started) continue;
    Forget(process, attempt);
    scheduler::TaskReported report;
    report.attempt = attempt;
    report.outcome = scheduler::Outcome::kLost;
    Tell(process, report);
  }
  StartTasks(process);
}

}  // namespace millrace::sim
