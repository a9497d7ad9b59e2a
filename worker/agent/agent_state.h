// What a worker knows and decides, as a state machine: Step(now, event) -> commands. No clock, thread, socket
// or file inside; agent.cc carries the commands out. What it has to tell is gathered and leaves with Flush.
//
// After a lost connection everything is told anew from what is held: Register names outputs, attempts (those
// whose report may have been lost included) and drivers; Welcome says which of them count; what does not is
// dropped without a report; reports, actions and ends of drivers that may not have arrived are sent again.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "proto/executor.pb.h"
#include "worker/agent/agent.h"

namespace millrace::agent {

// ---- events ----
struct Connected {};
struct Disconnected {};
struct FromCoordinator {
  pb::CoordinatorMessage message;
};
// `generation` tells an executor from its predecessors of the same job.
struct ExecutorFrame {
  uint64_t job;
  uint64_t generation;
  pb::FromExecutor frame;
};
struct ExecutorExit {
  uint64_t job;
  uint64_t generation;
  ExitInfo info;
};
struct LaunchFailed {
  uint64_t job;
  uint64_t generation;
  std::string message;
};
struct BundleReady {
  std::string hash, path;
};
struct BundleFailed {
  std::string hash, message;
};
struct FilesDone {
  pb::FilesReport report;
};
struct Tick {
  uint64_t rss_bytes = 0;
};
struct DrainRequested {};
struct BulkAddress {
  std::string address;
};
using Event =
    std::variant<Connected, Disconnected, FromCoordinator, ExecutorFrame, ExecutorExit, LaunchFailed,
                 BundleReady, BundleFailed, FilesDone, Tick, DrainRequested, BulkAddress>;

// ---- commands ----
struct Send {
  pb::WorkerMessage message;
};
struct Launch {
  uint64_t job;
  uint64_t generation;
  std::string bundle_path;
  pb::ExecutorSetup setup;
};
struct ToExecutorFrame {
  uint64_t job;
  uint64_t generation;
  pb::ToExecutor frame;
};
struct KillExecutor {
  uint64_t job;
  uint64_t generation;
};
struct FetchBundle {
  std::string hash;
};
// Before a frame that names it. The job's folder may not be there yet.
struct StoreShared {
  uint64_t job;
  pb::SharedValue value;
};
struct RunFiles {
  pb::FileList list;
};
struct RemoveJob {
  uint64_t job;
};
struct RemoveSegment {
  uint64_t job;
  std::string path;
};
struct Welcomed {
  uint32_t worker;
};
struct Rejected {
  std::string message;
};
struct Drained {};
using Command = std::variant<Send, Launch, ToExecutorFrame, KillExecutor, FetchBundle, StoreShared, RunFiles,
                             RemoveJob, RemoveSegment, Welcomed, Rejected, Drained>;

// The driver role of a job, as its executor here holds it.
struct DriverRole {
  uint64_t epoch = 0;
  bool handed_over = false;  // the executor has the start frame
  pb::StartDriver start;     // until then
  std::map<uint32_t, pb::ActionRequest> unanswered;
  std::optional<pb::DriverFinished> finished;
};

class AgentState {
 public:
  explicit AgentState(AgentOptions options);

  void Step(int64_t now_ms, Event event, std::vector<Command>* commands);
  // What the steps since the last Flush have to tell the coordinator and the executors.
  void Flush(std::vector<Command>* commands);

 private:
  using Key =
      std::tuple<uint64_t, uint64_t, uint32_t, uint32_t, uint32_t>;  // incarnation, job, stage, task, attempt
  struct Attempt {
    pb::AttemptId id;
    std::vector<pb::ManifestRef> inputs;
    bool silent = false;     // dropped by a Welcome: nobody wants to hear of it
    int64_t active_ms = -1;  // since when one of the executor's slots can run it
    int64_t moved_ms = -1;   // last progress
    int64_t cancelled_ms = -1;
    uint64_t records = 0, bytes = 0;
  };
  struct RecentReport {    // may not have arrived
    int64_t sent_ms = -1;  // -1: not sent
    size_t bytes = 0;
    pb::TaskReport report;
  };
  enum class ExecutorPhase { kNone, kWaitsForBundle, kReady, kDying };
  struct Job {
    uint64_t id = 0;
    std::string bundle, name;
    std::map<uint32_t, pb::StageSpec> stages;
    std::map<uint32_t, pb::Manifest> manifests;  // the newest
    ExecutorPhase phase = ExecutorPhase::kNone;
    uint64_t generation = 0;
    bool said_hello = false;
    std::list<Attempt> given;  // to the executor, oldest first
    std::map<Key, std::list<Attempt>::iterator> by_key;
    pb::ToExecutor frame;  // leaves with Flush
    bool has_frame = false;
    std::optional<Key> culprit;  // its crash frame came, or it hung
    pb::ErrorInfo culprit_error;
    std::optional<DriverRole> driver;
    std::map<Key, pb::TaskReport> held;  // map outputs on this disk
    std::map<Key, RecentReport> recent;
    size_t recent_bytes = 0;
  };
  struct Leaving {  // the executor of a dropped job
    uint64_t generation = 0;
    int64_t kill_ms = -1;
  };

  static Key KeyOf(const pb::AttemptId& id);
  void Emit(Command command) { commands_->push_back(std::move(command)); }
  Job& JobOf(uint64_t id);
  Job* FindJob(uint64_t id);

  // agent_state.cc: the coordinator's side
  void On(Connected);
  void On(Disconnected);
  void On(FromCoordinator event);
  void On(FilesDone event);
  void On(Tick event);
  void On(DrainRequested);
  void On(BulkAddress event) { options_.bulk_address = std::move(event.address); }
  pb::Register MakeRegister();
  void OnWelcome(const pb::Welcome& welcome);
  void DropRefused(Job* job, const std::set<Key>& accepted);
  void TellAgain(Job* job, const std::set<Key>& accepted);
  void DropJob(uint64_t id);
  void StopDriver(Job* job);
  void CheckLease();
  void CheckDrained();
  bool welcomed() const { return connected_ && epoch_ != 0; }

  // agent_tasks.cc: grants, slots, reports
  void OnGrant(pb::Grant grant);
  void OnCancel(const pb::AttemptId& id);
  void OnStage(pb::StageSpec spec);
  void OnManifest(pb::Manifest manifest);
  void StartTasks();
  void MarkActive(Job* job);
  uint32_t UsedSlots() const;
  void OnReport(Job* job, pb::TaskReport report);
  void Report(Job* job, pb::TaskReport report);
  void Remember(Job* job, pb::TaskReport report, int64_t sent_ms);
  void ReportEnd(Job* job, const Attempt& attempt, pb::Outcome outcome, const pb::ErrorInfo& error);
  void OnProgress(Job* job, const pb::TaskProgress& progress);
  void CheckHangs(Job* job);
  void AddHeartbeat(uint64_t rss_bytes);

  // agent_executors.cc: executors and the driver role
  void On(ExecutorFrame event);
  void On(ExecutorExit event);
  void On(LaunchFailed event);
  void On(BundleReady event);
  void On(BundleFailed event);
  void OnStartDriver(pb::StartDriver start);
  void OnActionResult(pb::ActionResult result);
  void EnsureExecutor(Job* job);
  void LaunchNow(Job* job, const std::string& path);
  void HandOverDriver(Job* job);
  void FailExecutor(Job* job, const pb::ErrorInfo& error);
  void FinishDriver(Job* job, pb::DriverFinished finished);
  bool ForgetLeaving(uint64_t job, uint64_t generation);
  void ChargeCulprit(Job* job, const ExitInfo& info);
  void LoseDriver(Job* job, const ExitInfo& info, bool task_is_culprit);
  pb::ToExecutor& FrameOf(Job* job) {
    job->has_frame = true;
    return job->frame;
  }

  AgentOptions options_;
  int64_t now_ms_ = 0;
  std::vector<Command>* commands_ = nullptr;

  bool connected_ = false;
  bool draining_ = false, drained_ = false;
  uint64_t epoch_ = 0;  // 0 until Welcome
  uint64_t incarnation_ = 0;
  uint32_t worker_ = 0;
  int64_t heartbeat_ms_ = 500, lease_ms_ = 0;
  int64_t heard_ms_ = 0, next_heartbeat_ms_ = 0;
  std::set<Key> told_running_;  // in the last Register

  std::map<uint64_t, Job> jobs_;
  std::map<uint64_t, Leaving> leaving_;
  std::deque<Attempt> waiting_;  // over all jobs, first come first served
  uint64_t generations_ = 0;

  struct Bundle {
    bool fetching = false;
    std::string path;  // when it is there
  };
  std::map<std::string, Bundle> bundles_;

  pb::WorkerMessage outbox_;
  bool has_outbox_ = false;
  std::deque<pb::FilesReport> files_;  // not told yet
  std::deque<pb::LogLine> logs_;       // likewise, the newest
};

// The sentence of an error that says how an executor ended.
std::string ExitText(const ExitInfo& info);

}  // namespace millrace::agent
