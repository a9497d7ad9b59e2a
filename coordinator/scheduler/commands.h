// What the scheduler wants done, in order. The caller carries them out one after the other and makes
// the Journal* commands durable first: it may write all Journal* commands of one or several steps in
// one transaction, in order, and then do the rest in order, but it must never do a command before
// the Journal* commands that stand ahead of it are durable.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "coordinator/scheduler/types.h"

namespace millrace::scheduler {

// ---- journal: what cannot be asked again ----

struct JournalJob {
  JobId job = 0;
};
struct JournalDriverLease {
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
  std::string profile;  // the job is pinned to it from here on
};
struct JournalAction {  // the request that came with the event of this step
  JobId job = 0;
  ActionId action = 0;
};
struct JournalWinner {  // kWrite, kResult: the report that came with the event of this step
  AttemptId attempt;
  // With the first winner of a stage that reads others: what it and its siblings consumed. Keep it, so that
  // a re-run after a restart is held to it as well (RecoveredJob::consumed).
  std::vector<StageDigests> consumed;
};
// The action's result: the winners of `final_stage` in task order, or the recorded value.
struct JournalActionDone {
  JobId job = 0;
  ActionId action = 0;
  StageId final_stage = 0;  // 0: job.Record()
};
struct JournalJobState {
  JobId job = 0;
  JobState state = JobState::kPending;  // kPublishing, kSucceeded, kFailed, kKilled
  // kFailed, kKilled: false when it is decided, true when the temporaries are gone as well.
  bool settled = false;
  ErrorFacts error;
};

// ---- to workers ----

struct Welcome {  // answers WorkerUp, always first
  WorkerId worker = 0;
  Epoch epoch = 0;
  std::vector<AttemptId> accepted;  // of what it holds and runs; it drops the rest without a report
  std::vector<JobId> live_jobs;     // it drops whatever belongs to others
};
struct CloseWorker {  // silent for too long: close the stream, if there still is one
  WorkerId worker = 0;
  Epoch epoch = 0;
  std::string reason;
};
struct StartDriver {  // with the results logged so far
  WorkerId worker = 0;
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
};
struct StopDriver {
  WorkerId worker = 0;
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
};
struct SendActionResult {  // of an action that is in the log
  WorkerId worker = 0;
  JobId job = 0;
  DriverEpoch driver_epoch = 0;
  ActionId action = 0;
};
struct GrantInput {
  StageId stage = 0;
  Version version = 0;  // Stage::version now: the manifest to send ahead if the worker lacks it
};
struct Grant {
  WorkerId worker = 0;
  AttemptId attempt;
  std::vector<GrantInput> inputs;
  bool speculative = false;
};
// The worker stops the attempt and answers with a report (kCancelled, or whatever was under way):
// until then it counts as outstanding.
struct Cancel {
  WorkerId worker = 0;
  AttemptId attempt;
};
struct Publish {  // answered by PublishReported. Repeating one changes nothing.
  WorkerId worker = 0;
  JobId job = 0;
  uint64_t request = 0;  // never recycled
  bool commit = true;    // false: remove temporaries, and the output if the job made it
};
// Forget segments, executors, running and queued attempts and drivers of the job. No report follows.
struct DropJob {
  WorkerId worker = 0;
  JobId job = 0;
};

// ---- to people ----

// A task of a kShuffle or kCache stage has an output (JournalWinner says it for the others).
struct TaskDone {
  AttemptId attempt;
  WorkerId worker = 0;
};
struct JobChanged {  // tell the watchers; at most once per job and step, last
  JobId job = 0;
};
struct Story {
  JobId job = 0;
  int64_t stage = -1;  // -1: of the whole job
  int64_t task = -1;
  std::string text;
};

using Command = std::variant<JournalJob, JournalDriverLease, JournalAction, JournalWinner, JournalActionDone,
                             JournalJobState, Welcome, CloseWorker, StartDriver, StopDriver, SendActionResult,
                             Grant, Cancel, Publish, DropJob, TaskDone, JobChanged, Story>;
using Commands = std::vector<Command>;

// True for the commands that have to be durable before those after them are done.
bool IsJournal(const Command& command);

// One line, for scenario scripts and traces.
std::string Text(const Command& command);

}  // namespace millrace::scheduler
