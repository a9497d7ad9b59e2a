// What must hold, whatever happens. Watches the events that reach the scheduler and the commands that
// leave it, keeps its own books, and shares no code with it (only the event and command structs).
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler/commands.h"
#include "coordinator/scheduler/events.h"
#include "tests/sim/model.h"

namespace millrace::sim {

using scheduler::Command;
using scheduler::DriverEpoch;
using scheduler::Epoch;
using scheduler::Event;
using scheduler::Version;
using scheduler::WorkerId;

constexpr int64_t kGraceMs = 600, kAbortWaitMs = 800;

class Checkers {
 public:
  explicit Checkers(const Scenario& scenario) : scenario_(scenario) {}

  void BeforeStep(int64_t now_ms, const Event& event);
  void AfterStep();  // all commands of the step were carried out
  // In order, as they are carried out. After a crash in the middle of a step only the journal ones that
  // became durable are told.
  void OnCommand(const Command& command);
  void OnCrash();  // of the coordinator: what is not durable is forgotten

  // The driver's view: values of a result that it was handed.
  void OnResult(const JobModel& job, const ActionModel& action, const std::vector<uint64_t>& values);
  // What the job came to; called once for each at the end.
  void AtEnd(const JobModel& job, const std::map<std::pair<StageId, TaskId>, uint64_t>& published,
             bool aborted, const std::map<std::pair<StageId, TaskId>, uint64_t>& consumed_conflicts);
  void Complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
  }
  const std::string& complaint() const { return complaint_; }
  bool AllSettled() const;
  bool IsWinner(const AttemptId& id) const;
  bool Settled(JobId job) const;
  bool Known(JobId job) const { return jobs_.count(job) != 0; }
  bool Aborted(JobId job) const;

 private:
  using TaskRef = std::pair<StageId, TaskId>;
  struct Place {
    AttemptId id;
    WorkerId worker = 0;
    uint64_t since = 0;  // number of the stage's change that put it there
  };
  struct JobBook {
    std::map<TaskRef, Place> places;       // held outputs, as they must be known
    std::map<TaskRef, AttemptId> winners;  // journaled
    std::map<StageId, uint64_t> changes;
    std::map<std::pair<StageId, Version>, uint64_t> manifests;  // the changes that each version stands for
    std::map<StageId, Version> last_version;
    std::map<TaskRef, uint32_t> charged;
    std::map<TaskRef, std::string> signatures;  // of the last charged failure
    std::map<ActionId, scheduler::Bytes> prints;
    WorkerId driver_worker = 0;        // who has the role by our books
    bool driver_finished = false;      // the driver of the present lease ended well
    bool differed = false;             // a driver planned something else than one before: it cannot end well
    bool recovered = false;            // it was running when the coordinator died
    std::set<ActionId> planned, done;  // journaled
    DriverEpoch leased = 0, started = 0;
    std::string profile;
    bool publishing = false, decided = false, settled = false, succeeded = false, wrote = false;
    scheduler::JobState state = scheduler::JobState::kPending;
    scheduler::ErrorFacts error;
    uint64_t last_request = 0;
    WorkerId publisher = 0;  // who was sent that
    int64_t decided_ms = 0;
  };
  struct WorkerBook {
    Epoch epoch = 0;
    bool up = false, draining = false;
    uint32_t slots = 0, credits = 0;
    std::string profile;
    std::map<AttemptId, bool> outstanding;  // true = cancelled
    std::set<JobId> touched;
  };

  // events
  void See(const scheduler::CoordinatorStarted& event);
  void See(const scheduler::WorkerUp& event);
  void See(const scheduler::WorkerDown& event);
  void See(const scheduler::WorkerDraining& event);
  void See(const scheduler::TaskReported& event);
  void See(const scheduler::ActionRequested& event);
  void See(const scheduler::ActionRecorded& event);
  void See(const scheduler::DriverFinished& event);
  void See(const scheduler::DriverLost& event);
  void See(const scheduler::PublishReported& event);
  void SeeAction(JobId job, DriverEpoch epoch, ActionId action, const scheduler::Bytes& print);
  void SeeCharged(JobBook& book, const scheduler::TaskReported& event);
  template <typename T>
  void See(const T&) {}
  // commands
  void Check(const scheduler::JournalJob& command);
  void Check(const scheduler::JournalDriverLease& command);
  void Check(const scheduler::JournalAction& command);
  void Check(const scheduler::JournalWinner& command);
  void Check(const scheduler::JournalActionDone& command);
  void Check(const scheduler::JournalJobState& command);
  void Check(const scheduler::Welcome& command);
  void Check(const scheduler::CloseWorker& command);
  void Check(const scheduler::StartDriver& command);
  void Check(const scheduler::SendActionResult& command);
  void Check(const scheduler::Grant& command);
  void Check(const scheduler::Cancel& command);
  void Check(const scheduler::Publish& command);
  void Check(const scheduler::DropJob& command);
  void Check(const scheduler::TaskDone& command);
  template <typename T>
  void Check(const T&) {}

  void Down(WorkerId id);
  void CheckInputs(JobBook& book, const scheduler::Grant& grant);
  bool Justified(const AttemptId& id, WorkerId worker) const;
  bool StageComplete(const JobBook& book, JobId job, StageId stage) const;
  const JobModel& Model(JobId job) const { return scenario_.jobs[job - 1]; }
  std::string FailureReason(const JobModel& job, const JobBook& book) const;

  const Scenario& scenario_;
  std::map<JobId, JobBook> jobs_;
  std::map<WorkerId, WorkerBook> workers_;
  std::set<AttemptId> granted_;
  std::set<uint64_t> requests_;  // of Publish
  uint64_t incarnation_ = 0;
  int64_t now_ms_ = 0, started_ms_ = 0;
  // Of the step under way.
  std::set<JobId> must_end_;    // what happened leaves no other way
  int published_ = 0;           // the file list under way was answered: 1 well, -1 not
  bool request_valid_ = false;  // an action was asked for by the driver that has the lease
  AttemptId reported_ok_;       // an attempt that was running reported success now (job 0: none)
  WorkerId reporter_ = 0;
  std::map<AttemptId, WorkerId> registered_;  // outputs and attempts brought by WorkerUp
  std::set<AttemptId> running_brought_;
  std::string complaint_;
};

}  // namespace millrace::sim
