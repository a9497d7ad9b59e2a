// What a coordinator that begins again knows, and what it does not tell before it will know it.
#include <gtest/gtest.h>

#include "coordinator/server/core_testing.h"

namespace millrace {
namespace {

// The same job with every report twice, and with the coordinator killed after each message: the same list.
TEST_F(CoreTest, RestartAtEveryStepGivesTheSameOutput) {
  FakeWorker reference("w1");
  reference.Connect(*core_);
  const pb::FileList expected = RunJob(reference);
  Crash();
  for (int crash_after = 0; crash_after < 6; ++crash_after) {
    SCOPED_TRACE(crash_after);
    store_ = std::make_shared<MemoryJournal::Store>();
    StartCore();
    auto worker = std::make_unique<FakeWorker>("w1");
    worker->Connect(*core_);
    uint64_t job = 0;
    uint64_t epoch = StartJob(*worker, &job);
    pb::Register held;
    pb::HeldDriver* driver = held.add_drivers();
    driver->set_job(job);
    driver->set_driver_epoch(epoch);
    const pb::ActionRequest action = TwoStagePlan(job, epoch, 1, 1, 3, 2);
    worker->RequestAction(action);
    for (int sent = 0; sent < crash_after; ++sent) {
      ASSERT_FALSE(worker->grants.empty());
      const pb::Grant grant = worker->grants.front();
      worker->grants.pop_front();
      const pb::TaskReport report =
          GoodReport(grant.id(), worker->stages.at({job, grant.id().stage()}), 3, 2);
      worker->Send(report);
      worker->Send(report);  // a duplicate changes nothing
      if (report.has_map_output()) {
        pb::HeldOutput* output = held.add_held();
        *output->mutable_id() = grant.id();
        *output->mutable_output() = report.map_output();
        *output->mutable_ledger() = report.ledger();
        *output->mutable_counters() = report.counters();
      }
      if (sent == 4) break;
    }
    Crash();
    StartCore();
    auto again = std::make_unique<FakeWorker>("w1");
    again->Connect(*core_, held);
    EXPECT_EQ(again->welcome.incarnation(), 2u);
    clock_.Advance(2000);
    pb::WorkerMessage heartbeat;
    heartbeat.mutable_heartbeat();
    again->Send(heartbeat);
    again->RequestAction(action);  // the worker asks again for what was not answered
    WorkOff(*again, 3, 2);
    const pb::FileList list = Finish(*again, job, epoch);
    EXPECT_EQ(Status().state(), pb::JobStatus::SUCCEEDED) << Status().ShortDebugString();
    ASSERT_EQ(list.renames_size(), 2);
    EXPECT_EQ(list.renames(1).to(), expected.renames(1).to());
    EXPECT_EQ(list.files(0).contents(), expected.files(0).contents());
    Crash();
  }
}

// The machine of the coordinator lost its power, and with it the end of the journal. Its worker, elsewhere,
// has outputs and a driver that the journal knows nothing of; the job function goes another way this time.
TEST_F(CoreTest, WhatTheJournalForgotIsNotTakenFromWorkers) {
  options_.boot = "before";
  store_ = std::make_shared<MemoryJournal::Store>();
  Crash();
  StartCore();
  auto worker = std::make_unique<FakeWorker>("w1");
  worker->Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(*worker, &job);
  const size_t kept = store_->synced;
  ASSERT_GT(kept, 0u) << "a submission that was answered is durable";
  worker->RequestAction(TwoStagePlan(job, epoch, 1, 1, 4, 2));
  pb::Register brought;
  while (!worker->grants.empty() && brought.held_size() < 4) {
    const pb::Grant grant = worker->grants.front();
    worker->grants.pop_front();
    const pb::TaskReport report = GoodReport(grant.id(), worker->stages.at({job, grant.id().stage()}), 4, 2);
    worker->Send(report);
    pb::HeldOutput* output = brought.add_held();
    *output->mutable_id() = grant.id();
    *output->mutable_output() = report.map_output();
    *output->mutable_ledger() = report.ledger();
  }
  ASSERT_EQ(brought.held_size(), 4);
  for (const pb::Grant& grant : worker->grants) *brought.add_running() = grant.id();
  pb::HeldDriver* driver = brought.add_drivers();
  driver->set_job(job);
  driver->set_driver_epoch(epoch);
  Crash();
  store_->entries.resize(kept);
  options_.boot = "after";
  StartCore();
  auto again = std::make_unique<FakeWorker>("w1");
  again->Connect(*core_, brought);
  EXPECT_EQ(again->welcome.accepted_size(), 0);
  EXPECT_EQ(again->welcome.live_jobs_size(), 0) << "it drops what it has";
  clock_.Advance(2000);
  again->Send(pb::WorkerMessage());
  ASSERT_EQ(again->drivers.size(), 1u);
  const uint64_t next = again->drivers.front().driver_epoch();
  again->RequestAction(TwoStagePlan(job, next, 1, 1, 3, 2));
  WorkOff(*again, 3, 2);
  Finish(*again, job, next);
  EXPECT_EQ(Status().state(), pb::JobStatus::SUCCEEDED) << Status().ShortDebugString();
  // The same worker over another stream is believed again.
  again->Connect(*core_);
  EXPECT_TRUE(again->rejected.empty());
}

TEST_F(CoreTest, ANewDriverGetsTheLogAndTheSameResults) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 2, 2, /*collect=*/true));
  WorkOff(worker, 2, 2);
  ASSERT_EQ(worker.results.size(), 1u);
  const pb::ActionResult first = worker.results.front();
  ASSERT_EQ(first.results_size(), 2);
  EXPECT_EQ(first.results(1), "result of task 1");
  Crash();
  StartCore();
  FakeWorker other("w2");
  other.Connect(*core_);
  for (int i = 0; i < 4 && other.drivers.empty(); ++i) {
    clock_.Advance(1000);
    pb::WorkerMessage heartbeat;
    heartbeat.mutable_heartbeat();
    other.Send(heartbeat);
  }
  ASSERT_EQ(other.drivers.size(), 1u);
  const pb::StartDriver& start = other.drivers.front();
  EXPECT_GT(start.driver_epoch(), epoch);
  ASSERT_EQ(start.log_size(), 1);
  EXPECT_EQ(start.log(0).fingerprint(), first.fingerprint());
  EXPECT_EQ(start.log(0).results(1), "result of task 1");
  // A late word of the old driver changes nothing.
  other.FinishDriver(job, epoch);
  EXPECT_EQ(Status().state(), pb::JobStatus::RUNNING);
  // A plan that differs from the logged one stops the job.
  other.RequestAction(TwoStagePlan(job, start.driver_epoch(), 1, 1, 3, 2, true));
  for (const pb::FileList& list : other.files) other.AnswerFiles(list);
  EXPECT_EQ(Status().error().kind(), pb::ErrorInfo::USER_CODE) << Status().ShortDebugString();
  EXPECT_NE(Status().error().message().find("action 1 differs"), std::string::npos);
  EXPECT_NE(Status().error().message().find("(first difference: stage 1 (map) reads other data)"),
            std::string::npos)
      << Status().error().message();
}

TEST_F(CoreTest, RecordedValuesSurviveARestart) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  pb::ActionRequest record;
  record.set_job(job);
  record.set_driver_epoch(epoch);
  record.set_action(1);
  record.set_fingerprint("name of the value");
  record.set_record(true);
  record.set_recorded("half past ten");
  worker.RequestAction(record);
  ASSERT_EQ(worker.results.size(), 1u);
  EXPECT_EQ(worker.results[0].recorded(), "half past ten");
  Crash();
  StartCore();
  FakeWorker other("w2");
  other.Connect(*core_);
  for (int i = 0; i < 4 && other.drivers.empty(); ++i) {
    clock_.Advance(1000);
    pb::WorkerMessage heartbeat;
    heartbeat.mutable_heartbeat();
    other.Send(heartbeat);
  }
  ASSERT_EQ(other.drivers.size(), 1u);
  ASSERT_EQ(other.drivers[0].log_size(), 1);
  EXPECT_EQ(other.drivers[0].log(0).recorded(), "half past ten");
}

class FailingJournal : public MemoryJournal {
 public:
  explicit FailingJournal(std::atomic<bool>* fail) : fail_(fail) {}
  absl::Status Append(std::span<const pb::JournalEntry> entries) override {
    if (*fail_) return absl::ResourceExhaustedError("the disk is full");
    return MemoryJournal::Append(entries);
  }

 private:
  std::atomic<bool>* fail_;
};

// A journal that writes but cannot make it durable.
class UnsyncedJournal : public MemoryJournal {
 public:
  explicit UnsyncedJournal(std::atomic<bool>* fail) : fail_(fail) {}
  absl::Status Sync() override {
    return *fail_ ? absl::InternalError("the disk went away") : MemoryJournal::Sync();
  }

 private:
  std::atomic<bool>* fail_;
};

TEST_F(CoreTest, ASubmissionIsAnsweredOnceItIsDurable) {
  std::atomic<bool> fail{false};
  CoordinatorCore core(options_, std::make_unique<UnsyncedJournal>(&fail), &clock_);
  ASSERT_TRUE(core.Start().ok());
  fail = true;
  EXPECT_EQ(core.Submit(Request()).error().kind(), pb::ErrorInfo::SYSTEM);
  EXPECT_FALSE(core.failure().ok());
}

TEST_F(CoreTest, NothingIsToldWhenTheJournalFails) {
  std::atomic<bool> fail{false}, told{false};
  CoordinatorCore core(options_, std::make_unique<FailingJournal>(&fail), &clock_);
  ASSERT_TRUE(core.Start().ok());
  core.OnFailure([&](absl::Status) { told = true; });
  FakeWorker worker("w1");
  worker.Connect(core);
  fail = true;
  const int before = worker.messages;
  EXPECT_EQ(core.Submit(Request()).error().kind(), pb::ErrorInfo::SYSTEM);
  EXPECT_TRUE(told);
  EXPECT_EQ(worker.messages, before);
  EXPECT_FALSE(core.failure().ok());
  EXPECT_FALSE(core.GetJob("last").ok());
}

}  // namespace
}  // namespace millrace
