#include "worker/agent/agent_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "common/base/strings.h"

namespace millrace::agent {
namespace {

constexpr uint64_t kJob = 7;
constexpr uint32_t kStage = 3;

pb::AttemptId Id(uint32_t task, uint64_t job = kJob, uint32_t attempt = 0) {
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

  void Welcome(uint64_t epoch, const std::vector<uint64_t>& live, const std::vector<pb::AttemptId>& accepted) {
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
    for (const pb::TaskReport& report : Reports()) StrAppend(&text, report.id().task(), ":", static_cast<int>(report.outcome()), " ");
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

TEST_F(AgentStateTest, RegistersAndLaunchesOneExecutorPerJobOnceTheBundleIsThere) {
  Step(Connected{});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].epoch(), 0u);
  EXPECT_EQ(sent_[0].register_().name(), "host:1:a");
  EXPECT_EQ(sent_[0].register_().slots(), 2u);
  EXPECT_EQ(sent_[0].register_().credits(), 3u);
  Welcome(5, {}, {});
  Grants({Id(0), Id(1)});
  EXPECT_EQ(fetches_, std::vector<std::string>{"b"});
  EXPECT_TRUE(launches_.empty());
  Bundle();
  ASSERT_EQ(launches_.size(), 1u);
  EXPECT_EQ(launches_[0].bundle_path, "/w/bundles/b");
  EXPECT_EQ(launches_[0].setup.work_dir(), "/w/j7");
  EXPECT_EQ(launches_[0].setup.worker(), 4u);
  EXPECT_TRUE(frames_.at(0).frame.has_setup());
  EXPECT_EQ(frames_.at(0).frame.stages_size(), 1);
  EXPECT_EQ(Started(), (std::vector<uint32_t>{0, 1}));
  Hello(1);
  Report(1, Id(0), pb::OUTCOME_OK);
  EXPECT_EQ(sent_.back().epoch(), 5u);
  EXPECT_EQ(Outcomes(), "0:1 ");
  Report(1, Id(0), pb::OUTCOME_OK);
  EXPECT_EQ(Outcomes(), "0:1 ") << "a second report of one attempt changes nothing";
}

TEST_F(AgentStateTest, GivesTasksAheadToOneJobButNeverLendsSlots) {
  Run({Id(0), Id(1), Id(2), Id(3), Id(4), Id(5)});
  EXPECT_EQ(Started(), (std::vector<uint32_t>{0, 1, 2, 3, 4})) << "two slots and three credits";
  Grants({Id(0, 8)});
  Bundle();
  EXPECT_EQ(launches_.size(), 2u);
  EXPECT_TRUE(Started(8).empty()) << "job 7 has all slots";
  for (uint32_t task = 0; task < 4; ++task) {
    Report(1, Id(task), pb::OUTCOME_OK);
    EXPECT_TRUE(Started(8).empty()) << task;
  }
  EXPECT_EQ(Started(), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5})) << "it came first";
  Report(1, Id(4), pb::OUTCOME_OK);
  EXPECT_EQ(Started(8), std::vector<uint32_t>{0}) << "one task of job 7 is left: a slot is free";
  Grants({Id(6), Id(7)});
  EXPECT_EQ(Started().size(), 6u) << "both slots are taken";
}

TEST_F(AgentStateTest, GrantsAndCancelsToldTwiceCountOnce) {
  Run({Id(0), Id(0), Id(1)});
  Grants({Id(0), Id(1)});
  EXPECT_EQ(Started(), (std::vector<uint32_t>{0, 1}));
  Report(1, Id(0), pb::OUTCOME_OK, true);
  Clear();
  Grants({Id(0)});
  EXPECT_TRUE(Started().empty());
  EXPECT_EQ(Outcomes(), "0:1 ") << "it is held: said again";
}

TEST_F(AgentStateTest, CancelsWaitingAndRunningAttempts) {
  Run({Id(0), Id(1), Id(2), Id(3), Id(4), Id(5)});
  Clear();
  pb::CoordinatorMessage message;
  *message.add_cancels() = Id(5);
  *message.add_cancels() = Id(1);
  *message.add_cancels() = Id(9);
  Step(FromCoordinator{message});
  EXPECT_EQ(Outcomes(), "5:6 ") << "it was waiting: gone at once";
  ASSERT_EQ(frames_.size(), 1u);
  ASSERT_EQ(frames_[0].frame.cancels_size(), 1);
  EXPECT_EQ(frames_[0].frame.cancels(0).task(), 1u);
  Report(1, Id(1), pb::OUTCOME_CANCELLED);
  EXPECT_EQ(Outcomes(), "5:6 1:6 ");
}

TEST_F(AgentStateTest, ACrashIsChargedToTheCulpritAndNobodyElse) {
  Run({Id(0), Id(1), Id(2)});
  Clear();
  pb::FromExecutor frame;
  *frame.mutable_crashing() = Id(1);
  frame.mutable_crash_error()->set_kind(pb::ErrorInfo::USER_CODE);
  frame.mutable_crash_error()->set_message("crashed");
  Step(ExecutorFrame{kJob, 1, frame});
  EXPECT_TRUE(Reports().empty()) << "it is dead when it is dead";
  Exit(1, SIGSEGV);
  EXPECT_EQ(Outcomes(), "0:4 1:3 2:4 ");
  EXPECT_EQ(Reports()[1].error().message(), "crashed");
  EXPECT_EQ(Reports()[1].error().signal(), SIGSEGV);
  Grants({Id(1, kJob, 1)});
  ASSERT_EQ(launches_.size(), 1u) << "a new executor for the next attempt";
  EXPECT_EQ(launches_[0].generation, 2u);
  Clear();
  Report(1, Id(1, kJob, 1), pb::OUTCOME_OK);
  EXPECT_TRUE(Reports().empty()) << "the dead executor has nothing to say";
}

TEST_F(AgentStateTest, AKilledExecutorIsNobodysFault) {
  Run({Id(0), Id(1)});
  Exit(1, SIGKILL);
  EXPECT_EQ(Outcomes(), "0:4 1:4 ");
}

TEST_F(AgentStateTest, AnUnexplainedEndIsChargedToTheOldest) {
  Run({Id(0), Id(1)});
  Exit(1, 0, 3);
  EXPECT_EQ(Outcomes(), "0:3 1:4 ");
  EXPECT_NE(Reports()[0].error().message().find("exit code 3"), std::string::npos);
  EXPECT_EQ(Reports()[0].error().kind(), pb::ErrorInfo::USER_CODE);
}

TEST_F(AgentStateTest, ABundleThatDoesNotStartFailsItsTasksAndDriver) {
  Join();
  StartDriver(1);
  Grants({Id(0)});
  Bundle();
  Exit(1, 0, 127);
  EXPECT_EQ(Outcomes(), "0:2 ");
  EXPECT_EQ(Reports()[0].error().kind(), pb::ErrorInfo::SYSTEM);
  EXPECT_NE(Reports()[0].error().message().find("does not start"), std::string::npos);
  EXPECT_EQ(sent_.back().drivers_finished_size(), 1);

  Grants({Id(1)});
  Step(LaunchFailed{kJob, 2, "no such file"});
  EXPECT_EQ(Reports().back().error().message(), "no such file");
}

TEST_F(AgentStateTest, AHungTaskIsKilledAndCharged) {
  Run({Id(0), Id(1)});
  now_ms_ += 900;
  pb::FromExecutor frame;
  pb::TaskProgress* progress = frame.add_progress();
  *progress->mutable_id() = Id(0);
  progress->set_records(10);
  Step(ExecutorFrame{kJob, 1, frame});
  Step(Tick{});
  EXPECT_TRUE(kills_.empty());
  now_ms_ += 100;
  Step(Tick{});
  ASSERT_EQ(kills_.size(), 1u) << "task 1 stood still for 1000 ms";
  Step(Tick{});
  EXPECT_EQ(kills_.size(), 1u);
  Clear();
  Exit(1, SIGKILL);
  EXPECT_EQ(Outcomes(), "0:4 1:3 ");
  EXPECT_NE(Reports()[1].error().message().find("made no progress for 1 s"), std::string::npos)
      << Reports()[1].error().message();
}

TEST_F(AgentStateTest, TasksThatWaitInsideTheExecutorDoNotHang) {
  Run({Id(0), Id(1), Id(2)});
  for (int i = 0; i < 5; ++i) {
    now_ms_ += 900;
    pb::FromExecutor frame;
    for (const uint32_t task : {0u, 1u}) {
      pb::TaskProgress* progress = frame.add_progress();
      *progress->mutable_id() = Id(task);
      progress->set_bytes(static_cast<uint64_t>(i) + 1);
    }
    Step(ExecutorFrame{kJob, 1, frame});
    Step(Tick{});
  }
  EXPECT_TRUE(kills_.empty());
  Report(1, Id(0), pb::OUTCOME_OK);
  now_ms_ += 999;
  Step(ExecutorFrame{kJob, 1, {}});
  Report(1, Id(1), pb::OUTCOME_OK);
  Step(Tick{});
  EXPECT_TRUE(kills_.empty()) << "its time began when a slot was free";
  now_ms_ += 1;
  Step(Tick{});
  EXPECT_EQ(kills_.size(), 1u);
}

TEST_F(AgentStateTest, AfterALostConnectionItTellsWhatItHoldsAndDropsWhatNobodyWants) {
  Run({Id(0), Id(1), Id(2), Id(3), Id(4), Id(5), Id(6)});
  Report(1, Id(0), pb::OUTCOME_OK, true);
  Report(1, Id(1), pb::OUTCOME_OK, true);
  Report(1, Id(2), pb::OUTCOME_OK);  // sent, but perhaps lost on the way
  Step(Disconnected{});
  Clear();
  Report(1, Id(3), pb::OUTCOME_FAILED);
  EXPECT_TRUE(sent_.empty());
  Step(Connected{});
  ASSERT_EQ(sent_.size(), 1u);
  const pb::Register& registered = sent_[0].register_();
  EXPECT_EQ(registered.incarnation(), 1u);
  EXPECT_EQ(registered.held_size(), 2);
  std::vector<uint32_t> running;
  for (const pb::AttemptId& id : registered.running()) running.push_back(id.task());
  std::sort(running.begin(), running.end());
  EXPECT_EQ(running, (std::vector<uint32_t>{2, 3, 4, 5, 6}));
  // Between Register and Welcome a map ends; and before Welcome nothing else counts.
  Report(1, Id(4), pb::OUTCOME_OK, true);
  Clear();
  Grants({Id(7)});
  EXPECT_TRUE(frames_.empty());
  Welcome(2, {kJob}, {Id(0), Id(3), Id(4), Id(5)});
  EXPECT_EQ(removed_segments_, std::vector<std::string>{"j7/segments/t1"});
  EXPECT_EQ(Outcomes(), "3:2 4:1 ");
  EXPECT_EQ(sent_.back().epoch(), 2u);
  std::vector<uint32_t> cancelled;
  for (const ToExecutorFrame& frame : frames_) {
    for (const pb::AttemptId& id : frame.frame.cancels()) cancelled.push_back(id.task());
  }
  EXPECT_EQ(cancelled, std::vector<uint32_t>{6});
  Report(1, Id(6), pb::OUTCOME_OK, true);
  EXPECT_EQ(removed_segments_.back(), "j7/segments/t6");
  Report(1, Id(5), pb::OUTCOME_OK, true);
  EXPECT_EQ(Outcomes(), "3:2 4:1 5:1 ");
}

TEST_F(AgentStateTest, AWelcomeThatDoesNotNameAJobDropsIt) {
  Run({Id(0)});
  Step(Disconnected{});
  Step(Connected{});
  Welcome(2, {}, {});
  ASSERT_EQ(kills_.size(), 1u);
  EXPECT_TRUE(removed_jobs_.empty()) << "its executor may still write";
  Exit(1, SIGKILL);
  EXPECT_EQ(removed_jobs_, std::vector<uint64_t>{kJob});
  Clear();
  Step(Connected{});
  EXPECT_EQ(sent_[0].register_().running_size(), 0);
}

TEST_F(AgentStateTest, AnIdleExecutorOfADroppedJobMayEndByItself) {
  Run({Id(0)});
  Report(1, Id(0), pb::OUTCOME_OK);
  Clear();
  pb::CoordinatorMessage message;
  message.add_drop_jobs(kJob);
  Step(FromCoordinator{message});
  ASSERT_EQ(frames_.size(), 1u);
  EXPECT_TRUE(frames_[0].frame.shutdown());
  EXPECT_TRUE(kills_.empty());
  now_ms_ += 2000;
  Step(Tick{});
  EXPECT_EQ(kills_.size(), 1u) << "it took too long";
  Exit(1, SIGKILL);
  EXPECT_EQ(removed_jobs_, std::vector<uint64_t>{kJob});
}

TEST_F(AgentStateTest, TheDriverRoleIsRelayedFencedAndToldAgain) {
  Join();
  StartDriver(2);
  Bundle();
  Hello(1);
  bool handed_over = false;
  for (const ToExecutorFrame& frame : frames_) handed_over = handed_over || frame.frame.has_start_driver();
  EXPECT_TRUE(handed_over);
  pb::FromExecutor frame;
  frame.mutable_action()->set_job(kJob);
  frame.mutable_action()->set_driver_epoch(2);
  frame.mutable_action()->set_action(1);
  Clear();
  Step(ExecutorFrame{kJob, 1, frame});
  EXPECT_EQ(sent_.at(0).actions_size(), 1);
  frame.mutable_action()->set_driver_epoch(1);
  Clear();
  Step(ExecutorFrame{kJob, 1, frame});
  EXPECT_TRUE(sent_.empty()) << "an earlier driver of this executor";

  Step(Disconnected{});
  Step(Connected{});
  ASSERT_EQ(sent_.back().register_().drivers_size(), 1);
  EXPECT_EQ(sent_.back().register_().drivers(0).driver_epoch(), 2u);
  Clear();
  Welcome(2, {kJob}, {});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].actions_size(), 1) << "it has no answer yet";

  pb::CoordinatorMessage message;
  pb::ActionResult* result = message.add_action_results();
  result->set_job(kJob);
  result->set_driver_epoch(2);
  result->set_action(1);
  Clear();
  Step(FromCoordinator{message});
  EXPECT_EQ(frames_.at(0).frame.action_results_size(), 1);
  Clear();
  message.mutable_action_results(0)->set_driver_epoch(3);
  Step(FromCoordinator{message});
  EXPECT_TRUE(frames_.empty()) << "for another driver";
}

TEST_F(AgentStateTest, ASilentCoordinatorEndsTheDriversButNotTheOutputs) {
  Run({Id(0)});
  Report(1, Id(0), pb::OUTCOME_OK, true);
  StartDriver(2);
  Step(Disconnected{});
  Clear();
  now_ms_ += 3999;
  Step(Tick{});
  EXPECT_TRUE(frames_.empty());
  now_ms_ += 1;
  Step(Tick{});
  ASSERT_EQ(frames_.size(), 1u);
  EXPECT_TRUE(frames_[0].frame.stop_driver());
  Step(Connected{});
  EXPECT_EQ(sent_.at(0).register_().drivers_size(), 0);
  EXPECT_EQ(sent_.at(0).register_().held_size(), 1);
}

TEST_F(AgentStateTest, OnASilentStreamTheLossOfADriverIsSaid) {
  Run({});
  StartDriver(2);
  Bundle();
  Clear();
  now_ms_ += 4000;
  Step(Tick{});
  int lost = 0;
  for (const pb::WorkerMessage& message : sent_) lost += message.drivers_lost_size();
  EXPECT_EQ(lost, 1);
  ASSERT_EQ(frames_.size(), 1u);
  EXPECT_TRUE(frames_[0].frame.stop_driver());
  Clear();
  Step(Tick{});
  for (const pb::WorkerMessage& message : sent_) EXPECT_EQ(message.drivers_lost_size(), 0);
}

TEST_F(AgentStateTest, AnOlderManifestDoesNotReplaceANewerOne) {
  Join();
  pb::CoordinatorMessage message;
  pb::Manifest* manifest = message.add_manifests();
  manifest->set_job(kJob);
  manifest->set_stage(2);
  manifest->set_version(5);
  Step(FromCoordinator{message});
  manifest->set_version(4);
  Step(FromCoordinator{message});
  Grants({Id(0)});
  Bundle();
  ASSERT_EQ(frames_.at(0).frame.manifests_size(), 1);
  EXPECT_EQ(frames_[0].frame.manifests(0).version(), 5u);
  Clear();
  Step(FromCoordinator{message});
  EXPECT_TRUE(frames_.empty());
  manifest->set_version(6);
  Step(FromCoordinator{message});
  EXPECT_EQ(frames_.at(0).frame.manifests(0).version(), 6u);
}

TEST_F(AgentStateTest, WhatItRemembersOfReportsIsBounded) {
  Make(1, 5000);
  std::vector<pb::AttemptId> ids;
  for (uint32_t task = 0; task < 2000; ++task) ids.push_back(Id(task));
  Run(ids);
  for (const pb::AttemptId& id : ids) Report(1, id, pb::OUTCOME_OK);
  Step(Disconnected{});
  Clear();
  Step(Connected{});
  EXPECT_EQ(sent_.at(0).register_().running_size(), 1000);
  Welcome(2, {kJob}, {ids.back()});
  Clear();
  now_ms_ += 30'001;
  Step(Tick{});
  Step(Disconnected{});
  Clear();
  Step(Connected{});
  EXPECT_EQ(sent_.at(0).register_().running_size(), 0) << "it has arrived, or it is too late";
}

TEST_F(AgentStateTest, ADeafAttemptDoesNotKeepItsSlot) {
  Run({Id(0), Id(1)});
  pb::CoordinatorMessage message;
  *message.add_cancels() = Id(0);
  Step(FromCoordinator{message});
  Report(1, Id(1), pb::OUTCOME_OK);
  now_ms_ += 10'000;
  Step(Tick{});
  EXPECT_TRUE(kills_.empty());
  now_ms_ += 1;
  Step(Tick{});
  EXPECT_EQ(kills_.size(), 1u);
  Clear();
  Exit(1, SIGKILL);
  EXPECT_EQ(Outcomes(), "0:6 ") << "nobody wants to know what it did";
}

TEST_F(AgentStateTest, ADriverDiesWithItsExecutor) {
  Join();
  StartDriver(2);
  Bundle();
  Hello(1);
  Clear();
  Exit(1, SIGKILL);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].drivers_lost_size(), 1);
  StartDriver(3);
  Hello(2);
  Clear();
  Exit(2, 0, 1);
  ASSERT_EQ(sent_.at(0).drivers_finished_size(), 1) << "the job function called exit(1)";
  EXPECT_EQ(sent_[0].drivers_finished(0).error().kind(), pb::ErrorInfo::USER_CODE);
}

TEST_F(AgentStateTest, ABundleOfAnotherProfileIsRefused) {
  Join();
  Grants({Id(0)});
  Bundle();
  pb::FromExecutor frame;
  frame.mutable_hello()->set_profile("q");
  Step(ExecutorFrame{kJob, 1, frame});
  EXPECT_EQ(Outcomes(), "0:2 ");
  EXPECT_NE(Reports()[0].error().message().find("numeric profile q"), std::string::npos);
  EXPECT_EQ(kills_.size(), 1u);
}

TEST_F(AgentStateTest, WithoutABundleItTriesAgainAfterTheNextWelcome) {
  Join();
  Grants({Id(0)});
  Step(BundleFailed{"b", "gone"});
  EXPECT_EQ(Outcomes(), "0:2 ");
  EXPECT_EQ(Reports()[0].error().message(), "gone");
  Grants({Id(1)});
  Step(Disconnected{});
  Step(BundleFailed{"b", "gone"});
  Clear();
  fetches_.clear();
  Step(Connected{});
  Welcome(2, {kJob}, {Id(1)});
  EXPECT_EQ(fetches_.size(), 1u);
  Bundle();
  EXPECT_EQ(Started(), std::vector<uint32_t>{1});
}

TEST_F(AgentStateTest, HeartbeatsCarryProgressAndFilesAreReported) {
  Run({Id(0)});
  pb::FromExecutor frame;
  pb::TaskProgress* progress = frame.add_progress();
  *progress->mutable_id() = Id(0);
  progress->set_records(10);
  Step(ExecutorFrame{kJob, 1, frame});
  now_ms_ += 500;
  Clear();
  Step(Tick{123});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].heartbeat().rss_bytes(), 123u);
  EXPECT_EQ(sent_[0].heartbeat().progress_size(), 1);

  pb::CoordinatorMessage message;
  message.add_files()->set_request(9);
  Step(FromCoordinator{message});
  ASSERT_EQ(files_.size(), 1u);
  Step(Disconnected{});
  pb::FilesReport report;
  report.set_request(9);
  Step(FilesDone{report});
  Step(Connected{});
  Clear();
  Welcome(2, {kJob}, {});
  ASSERT_EQ(sent_.at(0).files_size(), 1) << "kept until somebody listens";
  EXPECT_EQ(sent_[0].files(0).request(), 9u);
}

TEST_F(AgentStateTest, DrainsWhenTheLastTaskAndDriverAreDone) {
  Run({Id(0)});
  Step(DrainRequested{});
  EXPECT_TRUE(sent_.back().draining());
  EXPECT_EQ(drained_, 0);
  Report(1, Id(0), pb::OUTCOME_OK);
  EXPECT_EQ(drained_, 1);
}

}  // namespace
}  // namespace millrace::agent
