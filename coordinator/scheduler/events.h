// Everything that can happen to the scheduler. The server translates RPCs, timers and replayed
// journals into these; the scheduler learns nothing in any other way.
#pragma once

#include <variant>
#include <vector>

#include "coordinator/scheduler/types.h"

namespace millrace::scheduler {

// ---- start ----

struct RecoveredWinner {  // of a kWrite or kResult stage, from pb::Winner
  AttemptId attempt;
  TaskSums sums;
};
struct RecoveredAction {  // from pb::ActionPlanned, pb::ActionResult
  ActionId action = 0;
  Bytes fingerprint;
  bool recorded = false;  // job.Record(): no stages
  bool done = false;      // its result is in the journal
  std::vector<StageShape> stages;
  StageId final_stage = 0;
};
struct RecoveredJob {
  JobId job = 0;
  JobOptions options;
  // As journaled last by JournalJobState; kPending or kRunning where there was none.
  JobState state = JobState::kPending;
  bool settled = false;  // of JournalJobState
  ErrorFacts error;
  DriverEpoch driver_epoch = 0;          // of the last JournalDriverLease
  std::string profile;                   // of the last JournalDriverLease
  std::vector<RecoveredAction> actions;  // in journal order
  std::vector<RecoveredWinner> winners;
  std::vector<StageDigests> consumed;  // of all JournalWinner
};
// First event, exactly once. `incarnation` is durable already and higher than any before.
struct CoordinatorStarted {
  uint64_t incarnation = 1;
  std::vector<RecoveredJob> jobs;  // finished ones may be left out
};

// ---- workers ----

struct HeldOutput {
  AttemptId attempt;
  Digest digest;
  TaskSums sums;
};
struct HeldDriver {
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
};
// A worker registered (anew). An earlier connection of the same worker ends by this.
// What is not in Welcome.accepted the worker drops without a report.
struct WorkerUp {
  WorkerId worker = 0;
  Epoch epoch = 0;
  std::string name;
  uint32_t slots = 1;
  uint32_t credits = 0;  // grants it queues beyond its slots
  uint64_t slot_memory_bytes = 0;
  std::string profile;
  std::vector<HeldOutput> held;
  std::vector<AttemptId> running;  // started or queued there
  std::vector<HeldDriver> drivers;
};
struct WorkerDown {  // its stream broke
  WorkerId worker = 0;
  Epoch epoch = 0;
  std::string reason;  // "the connection closed"
};
struct WorkerDraining {  // finishes what runs, takes nothing new
  WorkerId worker = 0;
  Epoch epoch = 0;
};
struct Heartbeat {  // any message of a worker may be passed as one; the other events imply it
  WorkerId worker = 0;
  Epoch epoch = 0;
};

// ---- jobs ----

struct JobSubmitted {
  JobId job = 0;  // rising, never recycled
  JobOptions options;
};
struct KillJob {
  JobId job = 0;
  std::string reason;  // "killed by anna"; may be empty
};

// ---- the driver ----

// A worker that connects anew repeats the requests of its drivers that were not answered yet; repeating
// one changes nothing, and one whose result is in the log is answered from there.
struct ActionRequested {
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
  ActionId action = 0;
  Bytes fingerprint;
  std::vector<StageShape> stages;  // topological order; earlier actions' stages are only named
  StageId final_stage = 0;
};
struct ActionRecorded {  // job.Record()
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
  ActionId action = 0;
  Bytes fingerprint;
};
struct DriverFinished {
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
  bool ok = true;
  ErrorFacts error;
};
struct DriverLost {  // the executor that held the role died; the worker is well
  WorkerId worker = 0;
  Epoch epoch = 0;
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
};

// ---- tasks ----

struct MissingInput {  // from pb::MissingInput
  StageId stage = 0;
  TaskId task = 0;
  uint32_t attempt = 0;
  Version version = 0;      // of the manifest that the fetch named
  std::string reason = {};  // for people; may be empty
};
struct TaskReported {
  WorkerId worker = 0;
  Epoch epoch = 0;
  AttemptId attempt;
  Outcome outcome = Outcome::kOk;
  ErrorFacts error;
  Digest digest;  // kShuffle, kCache
  TaskSums sums;
  int64_t run_us = 0;                 // in a slot, waiting not included; 0 = not said
  std::vector<MissingInput> missing;  // kFetchFailed
};

// ---- publishing ----

struct PublishReported {  // the answer to Publish
  WorkerId worker = 0;
  Epoch epoch = 0;
  JobId job = 0;
  uint64_t request = 0;
  bool ok = true;
  bool retriable = true;  // where it is not ok
  ErrorFacts error;
};

// Time passed. Send one at least every 100 ms or so while anything is going on.
struct Tick {};

using Event = std::variant<CoordinatorStarted, WorkerUp, WorkerDown, WorkerDraining, Heartbeat, JobSubmitted,
                           KillJob, ActionRequested, ActionRecorded, DriverFinished, DriverLost, TaskReported,
                           PublishReported, Tick>;

// One line, for scenario scripts and traces.
std::string Text(const Event& event);

}  // namespace millrace::scheduler
