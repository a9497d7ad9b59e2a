// For tests of the agent's state machine: plays coordinator, executors and clock around it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "worker/agent/agent_state.h"

namespace millrace::agent {
inline constexpr uint64_t kJob = 7;
inline constexpr uint32_t kStage = 3;

inline pb::AttemptId Id(uint32_t task, uint64_t job = kJob, uint32_t attempt = 0) {
  pb::AttemptId id;
  id.set_incarnation(1);
  id.set_job(job);
  id.set_action(1);
  id.set_stage(kStage);
  id.set_task(task);
  id.set_attempt(attempt);
  return id;
}

// Plays coordinator, executors and clock around one state machine, and keeps what it told them.
class AgentStateTest : public testing::Test {
 protected:
  AgentStateTest() { Make(2, 3); }

  void Make(uint32_t slots, uint32_t credits) {
    AgentOptions options;
    options.work_dir = "/w";
    options.name = "host:1:a";
    options.slots = slots;
    options.credits = credits;
    options.profile = "p";
    state_ = std::make_unique<AgentState>(options);
  }

  void Step(Event event) {
    std::vector<Command> commands;
    state_->Step(now_ms_, std::move(event), &commands);
    state_->Flush(&commands);
    for (Command& command : commands) Note(std::move(command));
  }
  void Note(Command command) {
    if (auto* send = std::get_if<Send>(&command)) sent_.push_back(std::move(send->message));
    if (auto* launch = std::get_if<Launch>(&command)) launches_.push_back(std::move(*launch));
    if (auto* frame = std::get_if<ToExecutorFrame>(&command)) frames_.push_back(std::move(*frame));
    if (auto* kill = std::get_if<KillExecutor>(&command)) kills_.push_back(*kill);
    if (auto* fetch = std::get_if<FetchBundle>(&command)) fetches_.push_back(fetch->hash);
    if (auto* remove = std::get_if<RemoveJob>(&command)) removed_jobs_.push_back(remove->job);
    if (auto* remove = std::get_if<RemoveSegment>(&command)) removed_segments_.push_back(remove->path);
    if (auto* files = std::get_if<RunFiles>(&command)) files_.push_back(files->list);
    if (std::get_if<Drained>(&command) != nullptr) ++drained_;
  }
  void Clear() {
    sent_.clear();
    launches_.clear();
    frames_.clear();
    kills_.clear();
  }

  void Welcome(uint64_t epoch, const std::vector<uint64_t>& live,
               const std::vector<pb::AttemptId>& accepted) {
    pb::CoordinatorMessage message;
    pb::Welcome* welcome = message.mutable_welcome();
    welcome->set_incarnation(1);
    welcome->set_epoch(epoch);
    welcome->set_worker(4);
    welcome->set_heartbeat_interval_ms(500);
    welcome->set_lease_ms(4000);
    for (const uint64_t job : live) welcome->add_live_jobs(job);
    for (const pb::AttemptId& id : accepted) *welcome->add_accepted() = id;
    Step(FromCoordinator{message});
  }
  void Join() {
    Step(Connected{});
    Welcome(1, {}, {});
    Clear();
  }
  void Grants(const std::vector<pb::AttemptId>& ids) {
    pb::CoordinatorMessage message;
    for (const pb::AttemptId& id : ids) {
      pb::StageSpec* spec = message.add_stages();
      spec->set_job(id.job());
      spec->mutable_stage()->set_id(kStage);
      spec->mutable_options()->set_task_timeout_ms(1000);
      spec->set_bundle("b");
      pb::Grant* grant = message.add_grants();
      *grant->mutable_id() = id;
      grant->set_bundle("b");
    }
    Step(FromCoordinator{message});
  }
  void StartDriver(uint64_t epoch, uint64_t job = kJob) {
    pb::CoordinatorMessage message;
    pb::StartDriver* start = message.add_start_drivers();
    start->set_job(job);
    start->set_driver_epoch(epoch);
    start->set_bundle("b");
    Step(FromCoordinator{message});
  }
  void Bundle() { Step(BundleReady{"b", "/w/bundles/b"}); }
  void Hello(uint64_t generation, uint64_t job = kJob) {
    pb::FromExecutor frame;
    frame.mutable_hello()->set_profile("p");
    Step(ExecutorFrame{job, generation, frame});
  }
  void Report(uint64_t generation, const pb::AttemptId& id, pb::Outcome outcome, bool map_output = false) {
    pb::FromExecutor frame;
    pb::TaskReport* report = frame.add_reports();
    *report->mutable_id() = id;
    report->set_outcome(outcome);
    if (map_output) report->mutable_map_output()->set_path(StrCat("j7/segments/t", id.task()));
    Step(ExecutorFrame{id.job(), generation, frame});
  }
  void Exit(uint64_t generation, int signal, int code = 0) {
    ExitInfo info;
    info.signal = signal;
    info.exit_code = code;
    Step(ExecutorExit{kJob, generation, info});
  }
  // A running executor (generation 1) of kJob with these tasks.
  void Run(const std::vector<pb::AttemptId>& ids) {
    Join();
    Grants(ids);
    Bundle();
    Hello(1);
  }

  std::vector<uint32_t> Started(uint64_t job = kJob) const {
    std::vector<uint32_t> tasks;
    for (const ToExecutorFrame& frame : frames_) {
      for (const pb::StartTask& task : frame.frame.tasks()) {
        if (frame.job == job) tasks.push_back(task.id().task());
      }
    }
    return tasks;
  }
  std::vector<pb::TaskReport> Reports() const {
    std::vector<pb::TaskReport> reports;
    for (const pb::WorkerMessage& message : sent_) {
      reports.insert(reports.end(), message.reports().begin(), message.reports().end());
    }
    return reports;
  }
  std::string Outcomes() const {
    std::string text;
    for (const pb::TaskReport& report : Reports())
      StrAppend(&text, report.id().task(), ":", static_cast<int>(report.outcome()), " ");
    return text;
  }

  std::unique_ptr<AgentState> state_;
  int64_t now_ms_ = 1000;
  std::vector<pb::WorkerMessage> sent_;
  std::vector<Launch> launches_;
  std::vector<ToExecutorFrame> frames_;
  std::vector<KillExecutor> kills_;
  std::vector<std::string> fetches_, removed_segments_;
  std::vector<uint64_t> removed_jobs_;
  std::vector<pb::FileList> files_;
  int drained_ = 0;
};

}  // namespace millrace::agent
