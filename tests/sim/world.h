// The simulated fleet around one Scheduler: a coordinator with its journal, worker processes, a network,
// drivers, and faults. Time is a number; everything follows from the seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "coordinator/scheduler/scheduler.h"
#include "tests/sim/checkers.h"
#include "tests/sim/model.h"

namespace millrace::sim {

struct Output {
  uint64_t value = 0;
  scheduler::TaskSums sums;
  bool corrupt = false;
};

struct Process;

// One connection. Each direction keeps its order unless a fault reorders it.
struct Connection {
  Process* process = nullptr;
  uint64_t incarnation = 0;  // of the coordinator it leads to
  WorkerId worker = 0;
  Epoch epoch = 0;          // 0 until the coordinator took the registration
  bool cut = false;         // nothing sent from now on arrives
  bool ended_here = false;  // the worker gave it up
  int64_t last_up_ms = 0, last_down_ms = 0;
};

struct ManifestCopy {  // what a grant was handed
  StageId stage = 0;
  Version version = 0;
  struct Map {
    AttemptId id;
    Process* process = nullptr;
  };
  std::vector<Map> maps;
};

struct RunningTask {
  AttemptId id;
  std::vector<ManifestCopy> inputs;
  bool started = false;
};

struct DriverRun {
  JobId job = 0;
  DriverEpoch epoch = 0;
  size_t next = 0;  // index of the next action to ask for
  std::set<ActionId> unanswered;
  bool finished = false;
};

struct Process {
  std::string name;
  bool alive = true;
  Scenario::WorkerModel model;
  std::shared_ptr<Connection> connection;
  bool welcomed = false;
  std::map<AttemptId, Output> held;
  std::map<AttemptId, RunningTask> tasks;  // running and queued
  std::vector<AttemptId> order;            // of the grants in `tasks`
  std::set<AttemptId> seen;                // grants are taken once
  std::map<JobId, DriverRun> drivers;
  std::map<JobId, DriverEpoch> newest_driver;
  std::vector<Event> later;  // made before the welcome
};

struct Outcome {
  std::string complaint;  // empty: all went well
  uint64_t steps = 0;
  uint64_t faults = 0;
  int64_t end_ms = 0;
};

struct SimOptions {
  scheduler::BrokenRule broken = scheduler::BrokenRule::kNone;
  std::vector<std::string> kinds;  // faults allowed; empty = all
  bool trace = false;              // every event and command to stdout
  bool validate = true;            // Scheduler::ValidateState() after each step
};

class World {
 public:
  World(uint64_t seed, const SimOptions& options);
  ~World();
  Outcome Run();

 private:
  struct Timed {
    int64_t at_ms;
    uint64_t order;
    std::function<void()> action;
    bool operator>(const Timed& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : order > other.order;
    }
  };
  // world.cc
  void At(int64_t delay_ms, std::function<void()> action);
  void Fault(const char* what) {
    ++outcome_.faults;
    if (options_.trace) Trace(std::string("fault: ") + what);
  }
  void Trace(const std::string& line);
  void Pulse();  // every 100 ms: draws faults
  void SubmitJobs();
  bool Done() const;
  void Finish();
  std::map<std::pair<StageId, TaskId>, uint64_t> Conflicts(const JobModel& job) const;
  JobModel& Model(JobId job) { return scenario_.jobs[job - 1]; }

  // coordinator.cc
  void StartCoordinator();
  void CrashCoordinator();
  void Step(const Event& event);
  void Persist(const Command& command, const Event& event);
  void Send(const Command& command);
  void SendTo(WorkerId worker, Command command, std::vector<ManifestCopy> manifests,
              std::vector<uint64_t> values);
  void Registered(const std::shared_ptr<Connection>& connection, scheduler::WorkerUp event);
  void Tick();
  std::vector<uint64_t> ResultOf(JobId job, ActionId action) const;

  // process.cc
  void NewProcess(const Scenario::WorkerModel& model);
  void Connect(Process* process);
  void Reconnect(Process* process, int64_t delay_ms);
  void Cut(Process* process);
  void Kill(Process* process);
  void Deliver(Process* process, const std::shared_ptr<Connection>& connection, const Command& command,
               const std::vector<ManifestCopy>& manifests, const std::vector<uint64_t>& values);
  void Tell(Process* process, Event event);  // to the coordinator, over the present connection
  void Transmit(const std::shared_ptr<Connection>& connection, bool up, bool ordered,
                std::function<void()> delivery);
  void StartTasks(Process* process);
  void EndTask(Process* process, const AttemptId& id);
  void RunTask(Process* process, const RunningTask& task);
  bool Misbehaves(const JobModel& job, scheduler::TaskReported* report);
  void Forget(Process* process, const AttemptId& id);
  void DropJob(Process* process, JobId job);
  void Publish(Process* process, const scheduler::Publish& command);
  // drivers
  void Drive(Process* process, JobId job, DriverEpoch epoch);
  void Ask(Process* process, DriverRun& driver, const ActionModel& action);
  void DriverHears(Process* process, JobId job, DriverEpoch epoch, ActionId action,
                   const std::vector<uint64_t>& values);
  void CrashExecutor(Process* process, JobId job);

  SimOptions options_;
  Scenario scenario_;
  Random random_;
  Checkers checkers_;
  Outcome outcome_;
  int64_t now_ms_ = 0;
  bool calm_ = false;  // faults have ended
  uint64_t next_order_ = 0;
  std::priority_queue<Timed, std::vector<Timed>, std::greater<Timed>> queue_;

  // The coordinator.
  std::unique_ptr<scheduler::Scheduler> scheduler_;  // null while it is down
  uint64_t incarnation_ = 0;
  std::map<JobId, scheduler::RecoveredJob> journal_;
  std::map<AttemptId, uint64_t> journaled_values_;  // of JournalWinner: the report's value
  std::map<std::string, WorkerId> worker_ids_;
  std::map<WorkerId, std::shared_ptr<Connection>> connections_;
  std::set<JobId> submitted_;
  uint64_t next_epoch_ = 0;
  int64_t crash_at_ = -1;  // commands of the next step that are still carried out

  // The world outside.
  std::vector<std::unique_ptr<Process>> processes_;
  uint32_t next_process_ = 0;
  std::map<JobId, std::map<std::pair<StageId, TaskId>, int>> failures_;  // flaky tasks: how often they failed
  std::map<AttemptId, uint64_t> temporaries_;
  std::map<AttemptId, std::map<AttemptId, uint64_t>> consumed_;  // by attempt: outputs that it read
  std::map<JobId, std::map<std::pair<StageId, TaskId>, uint64_t>> published_;
  std::map<JobId, bool> aborted_;
  std::map<JobId, int> publish_failures_;
  uint64_t unique_ = 0;
  bool restarted_ = false;
};

}  // namespace millrace::sim
