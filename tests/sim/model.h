// What a simulated job is, and what it has to come to: worked out without the scheduler.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coordinator/scheduler/types.h"
#include "tests/sim/random.h"

namespace millrace::sim {

using scheduler::ActionId;
using scheduler::AttemptId;
using scheduler::JobId;
using scheduler::OutputKind;
using scheduler::StageId;
using scheduler::StageShape;
using scheduler::TaskId;

// How a task misbehaves, whatever worker it runs on.
struct TaskTrouble {
  enum Kind { kNone, kBadInput, kSameCrash, kFlaky, kSystem, kAlwaysNew } kind = kNone;
  int times = 0;  // kFlaky, kSystem: failures before it goes well
};

struct ActionModel {
  ActionId id = 0;
  bool recorded = false;
  std::vector<StageShape> stages;
  StageId final_stage = 0;
  bool together = false;  // asked for along with the action before it, without waiting
};

struct JobModel {
  JobId id = 0;
  uint64_t seed = 0;
  uint32_t max_attempts = 4;
  std::vector<ActionModel> actions;
  std::map<StageId, StageShape> stages;
  std::map<std::pair<StageId, TaskId>, TaskTrouble> troubles;
  bool driver_fails = false;     // the job function throws at its end
  bool unsteady_driver = false;  // a second run of the job function plans something else
  bool leaves_early = false;     // the job function does not wait for its last action
  StageId unsteady_stage = 0;    // its tasks give another output each time
  StageId unbalanced_stage = 0;  // one of its tasks reports a record less than it got
  std::string publish_failure;   // "", "flaky", "for good"
  int64_t submit_ms = 0;
  int64_t kill_ms = -1;

  // Reasons for which it may end other than well.
  bool MayFail() const { return MustFail() || unsteady_driver || unsteady_stage != 0; }
  // It cannot end well.
  bool MustFail() const;
  bool Writes() const;
  bool IsHeld(StageId stage) const { return scheduler::IsHeld(stages.at(stage).output); }

  // The output of a task, from the outputs of what it reads. `salt` is 0 but for unsteady stages.
  template <typename Read>
  uint64_t Output(StageId stage, TaskId task, uint64_t salt, const Read& read) const {
    uint64_t value = Mix(Mix(seed, stage), Mix(task, salt));
    for (const auto& input : stages.at(stage).inputs) {
      if (task < input.first_task || task - input.first_task >= input.tasks) continue;
      if (input.aligned) {
        value = Mix(value, read(input.stage, task - input.first_task));
        continue;
      }
      for (TaskId map = 0; map < stages.at(input.stage).tasks; ++map) {
        value = Mix(value, Mix(read(input.stage, map), task));
      }
    }
    return value;
  }
  uint64_t Expected(StageId stage, TaskId task) const;  // without unsteady stages

 private:
  mutable std::map<std::pair<StageId, TaskId>, uint64_t> expected_;
};

// Records sent by a task whose output is `value`, and the part of them that goes to one of `parts` readers.
inline uint64_t RecordsOf(uint64_t value) { return value % 1000; }
inline uint64_t ShareOf(uint64_t records, uint32_t parts, uint32_t part) {
  return records / parts + (part < records % parts ? 1 : 0);
}

struct Faults {  // chances; which kinds a seed has at all is drawn first
  double worker_crash = 0, cut = 0, driver_crash = 0, restart = 0, draining = 0;  // per 100 ms
  double duplicate = 0, reorder = 0, delay = 0;                                   // per message
  double slow = 0, lost_task = 0, corrupt = 0, fetch_blip = 0;                    // per task
  bool troubles = false, kills = false, unsteady = false, publish = false;
};

struct Scenario {
  uint64_t seed = 0;
  Faults faults;
  std::vector<JobModel> jobs;
  struct WorkerModel {
    uint32_t slots = 1, credits = 0;
    std::string profile;
  };
  std::vector<WorkerModel> workers;
  int64_t faults_end_ms = 0;
};

// `kinds`: which faults are allowed, by name ("crash", "cut", "driver", "restart", "drain", "dup", "reorder",
// "delay", "slow", "lost", "corrupt", "trouble", "kill", "unsteady", "publish"); empty = all.
Scenario MakeScenario(uint64_t seed, const std::vector<std::string>& kinds);

}  // namespace millrace::sim
