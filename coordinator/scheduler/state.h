// All that the scheduler knows. Read it through Scheduler's accessors for status; only the scheduler writes.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler/types.h"

namespace millrace::scheduler {

// A running (granted, not yet reported) attempt of a task. Cancelled ones are not here any more,
// but still in Worker::outstanding.
struct Running {
  uint64_t incarnation = 0;
  uint32_t attempt = 0;
  WorkerId worker = 0;  // 0 = unused entry
  bool speculative = false;
  int64_t granted_ms = 0;
};

struct Task {
  bool done = false;    // has a winner whose output is available
  bool pinned = false;  // `digest` was consumed once: a re-run has to equal it
  bool has_digest = false;
  uint16_t charged = 0;       // failed attempts that count
  uint16_t uncharged = 0;     // lost and fetch-failed ones
  uint32_t next_attempt = 0;  // in this incarnation
  // The winner: valid while done.
  uint64_t incarnation = 0;
  uint32_t attempt = 0;
  WorkerId worker = 0;           // who holds it; 0 for journaled winners of earlier incarnations
  Version location_version = 0;  // of the manifest in which the winner's location first stood
  Digest digest;                 // of the winner, or of the last one when it was lost
  TaskSums sums;                 // valid while done
  Running running[2];            // the second one is a speculative double, or adopted
  WorkerId avoid = 0;            // where it failed last
  WorkerId preferred = 0;        // index entry in Stage::local

  bool IsRunning() const { return running[0].worker != 0 || running[1].worker != 0; }
};

struct Stage {
  StageShape shape;
  ActionId action = 0;
  std::vector<Task> tasks;
  uint32_t done = 0;                      // tasks with an available output
  uint32_t running = 0;                   // attempts
  uint32_t failed_attempts = 0;           // charged and uncharged
  Version version = 0;                    // of the manifest: rises with every change of a location
  Version consumed_version = 0;           // highest version that was granted to a reader
  std::vector<StageId> readers;           // stages with this one among their inputs
  TaskSums sums;                          // over the done tasks
  std::vector<TaskSums> branch_received;  // by distinct first_task, in the order of `branches`
  std::vector<TaskId> branches;           // first tasks of the branches that read stages, ascending
  std::set<TaskId> pending;               // not done, not running
  std::map<WorkerId, std::set<TaskId>>
      local;              // aligned stages, while runnable: pending by holder of the input
  bool demanded = false;  // an active action needs what is missing of it
  bool has_aligned = false;
  bool totals_known = false;  // it was complete once in this incarnation
  TaskSums totals;            // then
  uint32_t digests = 0;       // tasks with a digest, present or past
  bool digests_journaled = false;
  std::vector<int64_t> durations_ms;  // of winners in this incarnation, waiting included
  int64_t run_us = 0;                 // of winners in this incarnation, waiting not included
  uint32_t runs = 0;                  // those in run_us
  std::map<TaskId, std::string> last_signature;

  // `tasks` is emptied when the job is over; counts stay.
  bool complete() const { return done == shape.tasks; }
};

struct Action {
  ActionId id = 0;
  Bytes fingerprint;
  bool recorded = false;
  bool done = false;     // its result is in the log
  bool awaited = false;  // the present driver asked for it
  StageId final_stage = 0;
  std::vector<StageId> roots;  // stages that have to be complete: the final one and those nobody reads
};

struct Job {
  JobId id = 0;
  JobOptions options;
  JobState state = JobState::kPending;
  JobState outcome = JobState::kFailed;  // while kAborting: kFailed or kKilled
  ErrorFacts error;                      // why it failed
  std::string profile;                   // pinned; empty before the first driver
  std::map<StageId, Stage> stages;
  std::map<ActionId, Action> actions;
  std::set<ActionId> active;  // planned, not done
  uint32_t actions_done = 0;
  // The driver.
  DriverEpoch driver_epoch = 0;
  WorkerId driver_worker = 0;  // 0 = not placed
  uint32_t driver_losses = 0;  // in a row
  bool driver_done = false;    // it finished well
  // Scheduling.
  std::set<StageId> demanded;  // those with Stage::demanded
  std::set<StageId> runnable;  // demanded, inputs complete, something pending
  uint64_t outstanding = 0;    // attempts, cancelled ones included
  uint64_t running = 0;        // attempts, cancelled ones not included
  bool recovered = false;      // waits for the grace to end
  bool ready_listed = false;   // in State::ready_jobs under ready_key
  uint64_t ready_key = 0;
  std::set<WorkerId> touched;  // workers that may hold something of it
  // Publishing, aborting.
  bool writes = false;   // an attempt of a kWrite stage may have been started
  uint64_t request = 0;  // under way; 0 = none
  WorkerId request_worker = 0;
  uint32_t publish_attempts = 0;
  int64_t publish_not_before_ms = 0;
  int64_t abort_started_ms = 0;
};

struct Worker {
  WorkerId id = 0;
  Epoch epoch = 0;
  std::string name;
  bool up = false;
  bool draining = false;
  uint32_t slots = 0;
  uint32_t credits = 0;
  uint64_t slot_memory_bytes = 0;
  std::string profile;
  int64_t last_heard_ms = 0;
  uint32_t drivers = 0;
  std::map<AttemptId, bool> outstanding;  // granted, not reported; true = cancelled
  // Outputs that were won here; entries may be stale (the winner is elsewhere by now).
  std::map<JobId, std::vector<std::pair<StageId, TaskId>>> held;
  uint32_t counted_slots = 0;  // in State::slots
  bool free_listed = false;    // in State::free under free_key
  uint64_t free_key = 0;

  uint64_t capacity() const { return uint64_t{slots} + credits; }
};

struct State {
  uint64_t incarnation = 0;
  int64_t now_ms = 0;
  int64_t grace_ends_ms = 0;
  bool in_grace = false;
  uint64_t next_request = 0;
  std::map<JobId, Job> jobs;
  std::map<WorkerId, Worker> workers;
  // Workers that can take a grant, by profile, least loaded first: (load, worker).
  std::map<std::string, std::set<std::pair<uint64_t, WorkerId>>> free;
  // Slots of the workers that take grants, by profile.
  std::map<std::string, uint64_t> slots;
  // Jobs with something to grant, fewest outstanding attempts first: (outstanding, job).
  std::set<std::pair<uint64_t, JobId>> ready_jobs;
  std::set<JobId> live_jobs;     // not final
  std::deque<JobId> finished;    // final, in the order of their ends: the oldest are forgotten
  std::set<JobId> driverless;    // pending or running, and no driver placed
  std::set<JobId> closing;       // the driver is done, publishing, or aborting
  std::set<JobId> dirty_jobs;    // demand has to be worked out again
  std::set<JobId> changed_jobs;  // told at the end of the step
};

}  // namespace millrace::scheduler
