#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "worker/agent/agent_state_testing.h"

namespace millrace::agent {
namespace {

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
