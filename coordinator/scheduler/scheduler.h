// Decides what runs where. A pure state machine: all it knows came in by Step(), all it wants goes out as
// commands, so every decision can be replayed from the events. No clock, thread, RPC, file, log or
// unordered iteration inside; not thread-safe.
//
// Rules that it holds (each has a checker in tests/sim that shares no code with it):
//  - A report counts only if it comes over the worker's present connection, from an attempt that is
//    running there by our books. Everything else changes nothing.
//  - Each task has one winner at a time; winners of kWrite and kResult stages are journaled and final.
//  - A stage is granted only while every task of its input stages has an available output. A grant
//    names the manifest version of each input.
//  - An output that is lost (worker down, or a fetch failure that names its present location) is
//    made again if an active action needs it, whatever action it came from; its digest must then
//    equal what was consumed before.
//  - Never more than slots + credits attempts outstanding at a worker.
//  - At most one driver per job is believed in: the one of the journaled epoch.
//  - Publishing starts when the driver has finished well and every action is done.
#pragma once

#include <cstdint>
#include <string>

#include "coordinator/scheduler/commands.h"
#include "coordinator/scheduler/events.h"
#include "coordinator/scheduler/state.h"
#include "coordinator/scheduler/types.h"

namespace millrace::scheduler {

class Scheduler {
 public:
  explicit Scheduler(Options options = {});

  // `now_ms` of any monotonic clock, never falling. Cost: O(log n) for grants and reports;
  // O(outputs of the worker) when one goes down; O(tasks) for a new plan. The commands have to be carried out
  // before the next step (or at least in order, see commands.h).
  Commands Step(int64_t now_ms, const Event& event);

  // ---- status; pointers are good until the next Step ----
  const State& state() const { return state_; }
  const Options& options() const { return options_; }
  const Job* FindJob(JobId job) const;
  const Stage* FindStage(JobId job, StageId stage) const;
  // The winner of a task, for manifests: nullptr unless it is done. id() = WinnerOf(...).
  const Task* FindDone(JobId job, StageId stage, TaskId task) const;
  AttemptId WinnerOf(const Job& job, const Stage& stage, TaskId task) const;
  const Worker* FindWorker(WorkerId worker) const;
  // Why nothing of the job runs right now, in one sentence; empty when something does or it is over.
  std::string PendingReason(JobId job) const;

  // Checks every invariant of the state; empty, or what is wrong. O(everything): for tests.
  std::string ValidateState() const;

 private:
  // workers.cc
  void On(const CoordinatorStarted& event);
  void On(const WorkerUp& event);
  void On(const WorkerDown& event);
  void On(const WorkerDraining& event);
  void On(const Heartbeat& event);
  // jobs.cc
  void On(const JobSubmitted& event);
  void On(const KillJob& event);
  void On(const PublishReported& event);
  // drivers.cc
  void On(const ActionRequested& event);
  void On(const ActionRecorded& event);
  void On(const DriverFinished& event);
  void On(const DriverLost& event);
  // tasks.cc
  void On(const TaskReported& event);
  // scheduler.cc
  void On(const Tick& event);

  // workers.cc
  void RecoverJob(const RecoveredJob& recovered);
  Worker* Current(WorkerId worker, Epoch epoch);  // nullptr for a stale or unknown connection
  void TakeDown(Worker& worker, const std::string& reason);
  void Adopt(Worker& worker, const WorkerUp& event, Welcome& welcome);
  void ExpireLeases();

  // drivers.cc
  bool KnownAction(Job& job, ActionId action, const Bytes& fingerprint);
  void PlaceDrivers();
  bool PlaceDriver(Job& job);
  void ReleaseDriver(Job& job);
  Worker* ChooseDriverWorker(const Job& job);

  // actions.cc
  std::string CheckPlan(const Job& job, const ActionRequested& request) const;
  void AddStages(Job& job, ActionId action, const std::vector<StageShape>& shapes);
  void SetRoots(Job& job, Action& action, const std::vector<StageShape>& shapes);
  void FinishActions(Job& job);
  void MarkDirty(Job& job);
  void Rework(Job& job);  // demand and runnable stages, from the active actions' roots
  bool InputsComplete(const Job& job, const Stage& stage) const;
  void ClearDemand(Job& job);
  void SetRunnable(Job& job, Stage& stage, bool runnable);
  bool CheckLedger(Job& job, Stage& stage);

  // tasks.cc
  void Succeed(Job& job, Stage& stage, TaskId task, Worker& worker, const TaskReported& report);
  void Fail(Job& job, Stage& stage, TaskId task, const TaskReported& report);
  void Uncharged(Job& job, Stage& stage, TaskId task, const std::string& what);
  void FetchFailed(Job& job, Stage& stage, TaskId task, const TaskReported& report);
  bool SetWinner(Job& job, Stage& stage, TaskId task, const AttemptId& id, WorkerId worker,
                 const Digest& digest, const TaskSums& sums);
  void LoseOutput(Job& job, Stage& stage, TaskId task);
  void StopAttempts(Job& job, Stage& stage, TaskId task);  // cancels what runs of it
  bool RemoveRunning(Job& job, Stage& stage, TaskId task, const AttemptId& id, Running* removed);
  void Requeue(Stage& stage, TaskId task, const Job& job);
  void Unqueue(Job& job, Stage& stage, TaskId task);
  void AddBranchSums(Stage& stage, TaskId task, const TaskSums& sums, bool add);

  // placement.cc
  void Assign();
  bool GrantOne(Job& job);
  bool GrantFrom(Job& job, Stage& stage);
  uint64_t QueueAhead(const Stage& stage, const Worker& worker) const;
  bool HasRoom(const Stage& stage, const Worker& worker) const;
  void SendGrant(Job& job, Stage& stage, TaskId task, Worker& worker, bool speculative);
  WorkerId HolderOfInput(const Job& job, const Stage& stage, TaskId task) const;
  void AddOutstanding(Worker& worker, Job& job, const AttemptId& id);
  void RemoveOutstanding(Worker& worker, const AttemptId& id);
  void UpdateFree(Worker& worker);
  void UpdateReady(Job& job);
  bool MayGrant(const Job& job) const;
  // speculation.cc
  void Speculate();
  Worker* IdleWorker(const Job& job, WorkerId except);

  // jobs.cc
  void FailJob(Job& job, ErrorFacts error, JobState outcome = JobState::kFailed);
  void StartPublishing(Job& job);
  void AdvanceJobs();  // publishing, aborting
  void Advance(Job& job);
  void SendPublish(Job& job, bool commit);
  void Settle(Job& job, JobState state);
  Worker* ChoosePublisher(const Job& job);

  template <typename T>
  void Emit(T command) {
    out_.emplace_back(std::move(command));
  }
  void Tell(const Job& job, std::string text);
  void Tell(const Job& job, const Stage& stage, TaskId task, std::string text);
  void Changed(const Job& job) { state_.changed_jobs.insert(job.id); }
  Job* LiveJob(JobId job);
  std::string WorkerText(WorkerId worker) const;

  Options options_;
  State state_;
  Commands out_;
};

}  // namespace millrace::scheduler
