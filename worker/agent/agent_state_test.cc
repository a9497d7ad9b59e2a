#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "worker/agent/agent_state_testing.h"

namespace millrace::agent {
namespace {

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

}  // namespace
}  // namespace millrace::agent
