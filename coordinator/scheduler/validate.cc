// The invariants of the state, checked in full. Says what is wrong, or nothing.
#include "coordinator/scheduler/scheduler.h"

namespace millrace::scheduler {

namespace {

class Checker {
 public:
  explicit Checker(const State& state) : state_(state) {}

  std::string Run() {
    for (const auto& [id, worker] : state_.workers) CheckWorker(id, worker);
    for (const auto& [id, job] : state_.jobs) CheckJob(id, job);
    for (const auto& [key, id] : state_.ready_jobs) {
      const Job& job = state_.jobs.at(id);
      Want(job.ready_listed && job.ready_key == key, JobName(id) + " is listed as ready under a wrong key");
    }
    for (const auto& [profile, listed] : state_.free) {
      for (const auto& [key, id] : listed) {
        const Worker& worker = state_.workers.at(id);
        Want(worker.free_listed && worker.free_key == key && worker.profile == profile,
             "worker " + std::to_string(id) + " is listed as free under a wrong key");
      }
    }
    Want(state_.live_jobs.size() + state_.finished.size() == state_.jobs.size(),
         "a job is neither live nor finished");
    Want(state_.dirty_jobs.empty(), "a step left a job to be reworked");
    return wrong_;
  }

 private:
  static std::string JobName(JobId id) { return "j-" + std::to_string(id); }

  void Want(bool holds, const std::string& text) {
    if (!holds && wrong_.empty()) wrong_ = text;
  }

  void CheckWorker(WorkerId id, const Worker& worker) {
    const std::string name = "worker " + std::to_string(id);
    if (!worker.up) {
      Want(worker.outstanding.empty() && worker.held.empty() && worker.drivers == 0,
           name + " is down but has things");
      Want(!worker.free_listed, name + " is down but listed as free");
    }
    const bool free =
        worker.up && !worker.draining && worker.slots > 0 && worker.outstanding.size() < worker.capacity();
    Want(free == worker.free_listed, name + ": wrong in the list of free workers");
    Want(worker.outstanding.size() <= worker.capacity(), name + ": more attempts than slots and credits");
    uint64_t drivers = 0;
    for (const auto& [job_id, job] : state_.jobs) drivers += job.driver_worker == id ? 1 : 0;
    Want(drivers == worker.drivers, name + ": number of drivers is wrong");
    for (const auto& [attempt, cancelled] : worker.outstanding) {
      auto job = state_.jobs.find(attempt.job);
      Want(job != state_.jobs.end() && !IsFinal(job->second.state), name + ": attempt of a job that is over");
      if (job == state_.jobs.end()) continue;
      ++outstanding_[attempt.job];
      if (cancelled) continue;
      const Task& task = job->second.stages.at(attempt.stage).tasks.at(attempt.task);
      bool found = false;
      for (const Running& r : task.running) {
        found |= r.worker == id && r.attempt == attempt.attempt && r.incarnation == attempt.incarnation;
      }
      Want(found, name + ": " + Text(attempt) + " is outstanding but the task does not know");
    }
  }

  void CheckJob(JobId id, const Job& job) {
    const std::string name = JobName(id);
    const bool over = IsFinal(job.state);
    Want(over == (state_.live_jobs.count(id) == 0), name + ": wrong in the list of live jobs");
    Want(job.outstanding == outstanding_[id], name + ": number of outstanding attempts is wrong");
    if (over) {
      Want(job.driver_worker == 0 && job.running == 0 && !job.ready_listed, name + " is over but goes on");
      return;
    }
    const bool wants_driver =
        (job.state == JobState::kPending || job.state == JobState::kRunning) && !job.driver_done;
    Want((wants_driver && job.driver_worker == 0) == (state_.driverless.count(id) != 0),
         name + ": wrong in the list of jobs without driver");
    if (job.driver_worker != 0)
      Want(state_.workers.at(job.driver_worker).up, name + ": its driver's worker is down");
    if (job.state == JobState::kPublishing)
      Want(job.active.empty(), name + " is published before its actions are done");
    if (job.request != 0) Want(state_.workers.at(job.request_worker).up, name + ": its publisher is down");
    uint64_t running = 0;
    for (const auto& [stage_id, stage] : job.stages) {
      CheckStage(name + " stage " + std::to_string(stage_id), job, stage);
      running += stage.running;
    }
    Want(running == job.running, name + ": number of running attempts is wrong");
    Want(job.ready_listed == (job.state == JobState::kRunning && !job.recovered && !job.runnable.empty()),
         name + ": wrong in the list of ready jobs");
    for (ActionId action : job.active)
      Want(!job.actions.at(action).done, name + ": an active action is done");
  }

  void CheckStage(const std::string& name, const Job& job, const Stage& stage) {
    uint32_t done = 0, running = 0;
    TaskSums sums;
    for (TaskId i = 0; i < stage.tasks.size(); ++i) {
      const Task& task = stage.tasks[i];
      const std::string text = name + " task " + std::to_string(i);
      done += task.done ? 1 : 0;
      for (const Running& r : task.running) {
        if (r.worker == 0) continue;
        ++running;
        Want(state_.workers.at(r.worker).up, text + " runs on a worker that is down");
      }
      Want(task.running[0].worker != 0 || task.running[1].worker == 0,
           text + ": running attempts out of place");
      Want(!(task.done && task.IsRunning()), text + " is done and runs");
      const bool pending = stage.pending.count(i) != 0;
      if (job.state == JobState::kRunning)
        Want(pending == (!task.done && !task.IsRunning()), text + ": wrong queueing");
      if (!task.done) continue;
      sums.records_sent += task.sums.records_sent;
      sums.records_received += task.sums.records_received;
      Want(!IsHeld(stage.shape.output) || (task.worker != 0 && state_.workers.at(task.worker).up),
           text + ": its output is at a worker that is down");
    }
    Want(done == stage.done, name + ": number of done tasks is wrong");
    Want(running == stage.running, name + ": number of running attempts is wrong");
    Want(sums.records_sent == stage.sums.records_sent && sums.records_received == stage.sums.records_received,
         name + ": sums are wrong");
    if (job.state != JobState::kRunning) return;
    bool inputs = true;
    for (const StageInput& input : stage.shape.inputs) inputs &= job.stages.at(input.stage).complete();
    const bool runnable = stage.demanded && inputs && !stage.pending.empty();
    Want(runnable == (job.runnable.count(stage.shape.id) != 0),
         name + ": wrong in the list of runnable stages");
    Want(stage.demanded == (job.demanded.count(stage.shape.id) != 0),
         name + ": wrong in the list of demanded stages");
    CheckLocal(name, stage);
  }

  void CheckLocal(const std::string& name, const Stage& stage) {
    size_t indexed = 0, preferring = 0;
    for (const auto& [worker, tasks] : stage.local) {
      indexed += tasks.size();
      for (TaskId task : tasks) {
        Want(stage.pending.count(task) != 0 && stage.tasks[task].preferred == worker,
             name + ": wrong index by holder");
      }
    }
    if (stage.local.empty()) return;
    for (TaskId task : stage.pending) preferring += stage.tasks[task].preferred != 0 ? 1 : 0;
    Want(indexed == preferring, name + ": index by holder is incomplete");
  }

  const State& state_;
  std::map<JobId, uint64_t> outstanding_;
  std::string wrong_;
};

}  // namespace

std::string Scheduler::ValidateState() const {
  if (options_.broken != BrokenRule::kNone) return "";
  return Checker(state_).Run();
}

}  // namespace millrace::scheduler
