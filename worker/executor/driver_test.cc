#include "worker/executor/driver.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace millrace {
namespace {

pb::ActionRequest Request(uint32_t action, const std::string& fingerprint) {
  pb::ActionRequest request;
  request.set_action(action);
  request.set_fingerprint(fingerprint);
  request.mutable_plan()->set_label("Collect");
  return request;
}

class DriverTest : public testing::Test {
 protected:
  void Take(pb::FromExecutor frame) {
    std::lock_guard<std::mutex> lock(mutex_);
    frames_.push_back(std::move(frame));
    changed_.notify_all();
  }
  pb::FromExecutor Frame(size_t i) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return frames_.size() > i; });
    return frames_[i];
  }
  static pb::StartDriver StartOf(uint64_t epoch, int logged) {
    pb::StartDriver start;
    start.set_job(7);
    start.set_driver_epoch(epoch);
    for (int i = 1; i <= logged; ++i) *start.add_log() = ResultOf(epoch, i);
    return start;
  }
  static pb::ActionResult ResultOf(uint64_t epoch, uint32_t action) {
    pb::ActionResult result;
    result.set_job(7);
    result.set_driver_epoch(epoch);
    result.set_action(action);
    result.set_fingerprint("f" + std::to_string(action));
    result.add_results("r" + std::to_string(action));
    return result;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<pb::FromExecutor> frames_;
};

// Three actions one after the other; their results end in the error's message.
pb::ErrorInfo ThreeActions(DriverLink& link, const pb::StartDriver&) {
  pb::ErrorInfo error;
  for (uint32_t action = 1; action <= 3; ++action) {
    const absl::Status status = link.StartAction(Request(action, "f" + std::to_string(action)));
    const auto result = status.ok() ? link.AwaitAction(action) : absl::StatusOr<pb::ActionResult>(status);
    if (!result.ok()) {
      error.set_kind(pb::ErrorInfo::USER_CODE);
      error.set_message(std::string(result.status().message()));
      return error;
    }
    error.set_message(error.message() + result->results(0));
  }
  return error;
}

// A value and an action that depends on it; the message says what came back.
pb::ErrorInfo RecordThenAct(DriverLink& link, const pb::StartDriver&) {
  pb::ErrorInfo error;
  pb::ActionRequest record = Request(1, "name");
  record.clear_plan();
  record.set_record(true);
  record.set_recorded("half past ten");
  EXPECT_TRUE(link.StartAction(record).ok());
  const std::string recorded = link.AwaitAction(1)->recorded();
  EXPECT_TRUE(link.StartAction(Request(2, "f2")).ok());
  error.set_message(recorded + " " + link.AwaitAction(2)->results(0));
  return error;
}

TEST_F(DriverTest, ARecordedValueIsNotWaitedFor) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, RecordThenAct);
  driver.Start(StartOf(4, 0));
  EXPECT_EQ(Frame(0).action().recorded(), "half past ten");
  EXPECT_EQ(Frame(1).action().action(), 2u) << "told after the value, without an answer to it";
  pb::ActionResult echo = ResultOf(4, 1);
  driver.OnResult(echo);
  driver.OnResult(ResultOf(4, 2));
  EXPECT_EQ(Frame(2).driver_finished().error().message(), "half past ten r2");
}

TEST_F(DriverTest, ARecordedValueOfAnEarlierDriverCounts) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, RecordThenAct);
  pb::StartDriver start = StartOf(5, 2);
  start.mutable_log(0)->set_fingerprint("name");
  start.mutable_log(0)->set_recorded("noon");
  driver.Start(start);
  EXPECT_EQ(Frame(0).driver_finished().error().message(), "noon r2");
}

TEST_F(DriverTest, SendsActionsAndTakesResults) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, ThreeActions);
  driver.Start(StartOf(4, 0));
  for (uint32_t action = 1; action <= 3; ++action) {
    const pb::FromExecutor frame = Frame(action - 1);
    EXPECT_EQ(frame.action().job(), 7u);
    EXPECT_EQ(frame.action().driver_epoch(), 4u);
    EXPECT_EQ(frame.action().action(), action);
    pb::ActionResult stale = ResultOf(3, action);  // of an earlier driver: changes nothing
    stale.set_results(0, "stale");
    driver.OnResult(stale);
    driver.OnResult(ResultOf(4, action));
    driver.OnResult(ResultOf(4, action));
  }
  EXPECT_EQ(Frame(3).driver_finished().error().message(), "r1r2r3");
  EXPECT_EQ(Frame(3).driver_finished().error().kind(), pb::ErrorInfo::NONE);
}

TEST_F(DriverTest, ReplaysTheLog) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, ThreeActions);
  driver.Start(StartOf(5, 2));
  EXPECT_EQ(Frame(0).action().action(), 3u);  // the only one that was not logged
  driver.OnResult(ResultOf(5, 3));
  EXPECT_EQ(Frame(1).driver_finished().error().message(), "r1r2r3");
}

TEST_F(DriverTest, APlanThatDiffersFromTheLogIsNamed) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, ThreeActions);
  pb::StartDriver start = StartOf(5, 2);
  start.mutable_log(1)->set_fingerprint("other");
  driver.Start(start);
  const std::string message = Frame(0).driver_finished().error().message();
  EXPECT_NE(message.find("action 2 (Collect) differs"), std::string::npos) << message;
}

TEST_F(DriverTest, SeveralActionsAtOnceAreAwaitedInAnyOrder) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); },
                [](DriverLink& link, const pb::StartDriver&) {
                  pb::ErrorInfo error;
                  for (const uint32_t action : {1u, 2u, 3u})
                    EXPECT_TRUE(link.StartAction(Request(action, "f" + std::to_string(action))).ok());
                  for (const uint32_t action : {2u, 1u, 3u})
                    error.set_message(error.message() + link.AwaitAction(action)->results(0));
                  return error;
                });
  driver.Start(StartOf(1, 0));
  Frame(2);  // all three are on their way before any result
  for (const uint32_t action : {3u, 1u, 2u}) driver.OnResult(ResultOf(1, action));
  EXPECT_EQ(Frame(3).driver_finished().error().message(), "r2r1r3");
}

TEST_F(DriverTest, TheNewestStateOfALoopIsFound) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); },
                [](DriverLink& link, const pb::StartDriver&) {
                  pb::ErrorInfo error;
                  error.set_message(link.FindLoop(1)->recorded() + link.FindLoop(2)->recorded() +
                                    (link.FindLoop(3).has_value() ? "?" : "-"));
                  return error;
                });
  pb::StartDriver start = StartOf(5, 4);
  for (const auto& [at, first] : std::map<int, uint32_t>{{1, 1}, {2, 2}, {3, 1}}) {
    start.mutable_log(at)->set_loop_first(first);
    start.mutable_log(at)->set_recorded(std::to_string(at));
  }
  driver.Start(start);
  EXPECT_EQ(Frame(0).driver_finished().error().message(), "32-");
}

TEST_F(DriverTest, StopUnwindsInSilenceAndANewLeaseStartsAnew) {
  Driver driver([this](pb::FromExecutor frame) { Take(std::move(frame)); }, ThreeActions);
  driver.Start(StartOf(1, 0));
  Frame(0);
  driver.Stop();
  driver.Start(StartOf(2, 3));
  EXPECT_EQ(Frame(1).driver_finished().driver_epoch(), 2u);
  EXPECT_EQ(Frame(1).driver_finished().error().message(), "r1r2r3");
}

TEST_F(DriverTest, WhatTheJobThrowsIsItsError) {
  Driver driver(
      [this](pb::FromExecutor frame) { Take(std::move(frame)); },
      [](DriverLink&, const pb::StartDriver&) -> pb::ErrorInfo { throw std::runtime_error("no luck"); });
  driver.Start(StartOf(1, 0));
  EXPECT_EQ(Frame(0).driver_finished().error().kind(), pb::ErrorInfo::USER_CODE);
  EXPECT_EQ(Frame(0).driver_finished().error().message(), "the job function threw: no luck");
}

}  // namespace
}  // namespace millrace
