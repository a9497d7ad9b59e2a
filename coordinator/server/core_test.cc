#include "coordinator/server/core.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinator/server/core_testing.h"

namespace millrace {
namespace {

TEST_F(CoreTest, LifeOfAJob) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  EXPECT_EQ(worker.welcome.incarnation(), 1u);
  pb::FileList list = RunJob(worker);
  pb::JobStatus status = Status();
  EXPECT_EQ(status.state(), pb::JobStatus::SUCCEEDED) << status.ShortDebugString();
  EXPECT_EQ(status.records_written(), 6u);
  ASSERT_EQ(status.stages_size(), 2);
  EXPECT_EQ(status.stages(0).done(), 3u);
  EXPECT_EQ(status.stages(0).total_bytes(), 30u);
  ASSERT_EQ(status.counters_size(), 1);
  EXPECT_EQ(status.counters(0).value(), 3);
  EXPECT_EQ(worker.dropped, std::deque<uint64_t>{1});
  // The list: parts in order, _SUCCESS last, temporaries away.
  ASSERT_EQ(list.renames_size(), 2);
  EXPECT_EQ(list.renames(0).to(), "/out/part-00000.csv");
  EXPECT_EQ(list.renames(1).to(), "/out/part-00001.csv");
  ASSERT_EQ(list.remove_size(), 1);
  EXPECT_EQ(list.remove(0), "/out/_temporary");
  ASSERT_EQ(list.files_size(), 1);
  auto manifest = nlohmann::json::parse(list.files(0).contents());
  EXPECT_EQ(manifest.at("job"), "job");
}

TEST_F(CoreTest, SubmitIsIdempotentAndOutputsAreExclusive) {
  EXPECT_EQ(core_->Submit(Request("a")).id(), "j-1");
  EXPECT_EQ(core_->Submit(Request("a")).id(), "j-1");
  pb::SubmitReply other = core_->Submit(Request("b"));
  EXPECT_NE(other.error().message().find("is being written by j-1"), std::string::npos);
  EXPECT_EQ(core_->ListJobs().jobs_size(), 1);
  EXPECT_FALSE(core_->GetJob("j-9").ok());
  EXPECT_FALSE(core_->GetJob("nonsense").ok());
  EXPECT_EQ(Status("1").id(), "j-1");
  EXPECT_FALSE(Status().pending_reason().empty());
}

TEST_F(CoreTest, StaleEpochChangesNothing) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 3, 2));
  const pb::Grant grant = worker.grants.front();
  worker.epoch -= 1;
  worker.Send(GoodReport(grant.id(), worker.stages.at({job, 1}), 3, 2));
  EXPECT_EQ(Status().stages(0).done(), 0u);
  worker.epoch += 1;
  worker.Send(GoodReport(grant.id(), worker.stages.at({job, 1}), 3, 2));
  EXPECT_EQ(Status().stages(0).done(), 1u);
}

TEST_F(CoreTest, BrokenLawFailsTheJobNamingTheStage) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 3, 2));
  pb::TaskReport report = GoodReport(worker.grants.front().id(), worker.stages.at({job, 1}), 3, 2);
  report.mutable_ledger()->mutable_operators(0)->set_dropped(0);
  worker.Send(report);
  EXPECT_EQ(Status().error().kind(), pb::ErrorInfo::INTERNAL);
  EXPECT_EQ(
      Status().error().message(),
      "the ledger of stage 1 (map) task 0 does not balance: Filter(x) took 3 records, gave 2 and dropped 0");
}

TEST_F(CoreTest, SplitNotReadToItsEndFailsTheJob) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 3, 2));
  pb::TaskReport report = GoodReport(worker.grants.front().id(), worker.stages.at({job, 1}), 3, 2);
  report.mutable_ledger()->set_source_bytes(9);
  worker.Send(report);
  EXPECT_NE(Status().error().message().find("its split has 10 bytes and 9 were read"), std::string::npos);
}

TEST_F(CoreTest, ResultsOverTheLimitAreASentence) {
  Crash();
  options_.max_collect_bytes = 20;
  StartCore();
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 2, 2, true));
  WorkOff(worker, 2, 2);
  EXPECT_NE(Status().error().message().find("(reduce) are over 20 B; write them with Write"),
            std::string::npos)
      << Status().error().message();
}

TEST_F(CoreTest, FailureKeepsStackAndRecordAndLeavesNothingBehind) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 2, 2));
  while (worker.stages.count({job, 2}) == 0) {
    const pb::Grant grant = worker.grants.front();
    worker.grants.pop_front();
    worker.Send(GoodReport(grant.id(), worker.stages.at({job, 1}), 2, 2));
  }
  pb::TaskReport report;
  *report.mutable_id() = worker.grants.front().id();
  report.set_outcome(pb::OUTCOME_FAILED);
  report.mutable_error()->set_kind(pb::ErrorInfo::BAD_INPUT);
  report.mutable_error()->set_deterministic(true);
  report.mutable_error()->set_message("in.csv:7: \"abc\" is no number in column Close");
  report.mutable_error()->set_record("a,b,abc");
  report.mutable_error()->set_stack("#0 main");
  worker.Send(report);
  clock_.Advance(options_.worker_timeout_ms / 2);
  pb::WorkerMessage heartbeat;
  heartbeat.mutable_heartbeat();
  for (const pb::Grant& grant : worker.grants) {
    pb::TaskReport* cancelled = heartbeat.add_reports();
    *cancelled->mutable_id() = grant.id();
    cancelled->set_outcome(pb::OUTCOME_CANCELLED);
  }
  worker.Send(heartbeat);
  ASSERT_EQ(worker.files.size(), 1u);
  EXPECT_TRUE(worker.files[0].remove_output_if_created());
  EXPECT_EQ(worker.files[0].renames_size(), 0);
  EXPECT_EQ(Status().state(), pb::JobStatus::RUNNING);  // until the temporaries are gone
  worker.AnswerFiles(worker.files[0]);
  pb::JobStatus status = Status();
  EXPECT_EQ(status.state(), pb::JobStatus::FAILED);
  EXPECT_EQ(status.error().record(), "a,b,abc");
  EXPECT_EQ(status.error().stack(), "#0 main");
  EXPECT_NE(status.error().message().find("is no number in column Close"), std::string::npos);
  Crash();
  StartCore();
  EXPECT_EQ(Status().SerializeAsString(), status.SerializeAsString()) << "the end must survive a restart";
}

TEST_F(CoreTest, WatchTellsChangesAtMostOncePerIntervalAndTheEndAlways) {
  std::mutex mutex;
  std::vector<pb::JobStatus> seen;
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  const uint64_t epoch = StartJob(worker, &job);
  auto watch = core_->WatchJob("last", [&](const pb::JobStatus& status) {
    std::lock_guard<std::mutex> lock(mutex);
    seen.push_back(status);
  });
  ASSERT_TRUE(watch.ok());
  core_->Tick();
  core_->Tick();
  EXPECT_EQ(seen.size(), 1u);  // at once
  worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 3, 2));
  WorkOff(worker, 3, 2);
  core_->Tick();
  EXPECT_EQ(seen.size(), 1u);  // the interval is not over
  clock_.Advance(100);
  core_->Tick();
  core_->Tick();
  EXPECT_EQ(seen.size(), 2u);
  Finish(worker, job, epoch);
  core_->Tick();
  ASSERT_EQ(seen.size(), 3u);  // not waiting for the interval
  EXPECT_EQ(seen.back().state(), pb::JobStatus::SUCCEEDED);
  core_->Tick();
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_FALSE(core_->WatchJob("j-77", [](const pb::JobStatus&) {}).ok());
}

TEST_F(CoreTest, KillEndsTheJob) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  StartJob(worker, &job);
  ASSERT_TRUE(core_->KillJob("j-1").ok());
  core_->Tick();
  EXPECT_EQ(Status().state(), pb::JobStatus::KILLED) << Status().ShortDebugString();
  EXPECT_FALSE(core_->KillJob("j-2").ok());
}

TEST_F(CoreTest, StoryLogsAndWorkers) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  uint64_t job = 0;
  StartJob(worker, &job);
  pb::WorkerMessage message;
  pb::LogLine* line = message.add_logs();
  line->set_job(job);
  line->set_text("hello");
  worker.Send(message);
  uint64_t cursor = 0;
  bool ended = true;
  auto logs = core_->GetLogs("j-1", &cursor, &ended);
  ASSERT_TRUE(logs.ok());
  ASSERT_EQ(logs->size(), 1u);
  EXPECT_EQ((*logs)[0].text(), "hello");
  EXPECT_FALSE(ended);
  EXPECT_TRUE(core_->GetLogs("j-1", &cursor, &ended)->empty());
  pb::EventsRequest request;
  request.set_id("j-1");
  request.set_stage(-1);
  request.set_task(-1);
  cursor = 0;
  EXPECT_FALSE(core_->GetEvents(request, &cursor, &ended)->empty());
  ASSERT_EQ(core_->ListWorkers().workers_size(), 1);
  EXPECT_EQ(core_->ListWorkers().workers(0).state(), "up");
  EXPECT_EQ(core_->ListWorkers().workers(0).drivers(), 1u);
  core_->OnWorkerClosed(worker.session);
  EXPECT_EQ(core_->ListWorkers().workers(0).state(), "down");
}

TEST_F(CoreTest, ReconnectOverAnotherStreamClosesTheOldOne) {
  FakeWorker first("w1"), second("w1"), bad("");
  first.Connect(*core_);
  second.Connect(*core_);
  EXPECT_TRUE(first.closed);
  EXPECT_FALSE(second.closed);
  EXPECT_EQ(core_->ListWorkers().workers_size(), 1);
  EXPECT_GT(second.epoch, first.epoch);
  core_->OnWorkerClosed(first.session);  // late: the new connection stays
  EXPECT_EQ(core_->ListWorkers().workers(0).state(), "up");
  bad.Connect(*core_);
  EXPECT_FALSE(bad.rejected.empty());
}

TEST_F(CoreTest, SilentWorkerIsClosed) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  clock_.Advance(options_.worker_timeout_ms + 1);
  core_->Tick();
  EXPECT_TRUE(worker.closed);
  EXPECT_EQ(core_->ListWorkers().workers(0).state(), "down");
}

}  // namespace
}  // namespace millrace
