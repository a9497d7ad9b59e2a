#include "coordinator/server/core.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinator/server/fake_worker.h"

namespace millrace {
namespace {

class CoreTest : public testing::Test {
 protected:
  CoreTest() { StartCore(); }

  void StartCore() {
    options_.tick_interval_ms = 0;
    options_.watch_interval_ms = 100;
    options_.grace_ms = 1000;
    core_ = std::make_unique<CoordinatorCore>(options_, std::make_unique<MemoryJournal>(store_), &clock_);
    absl::Status started = core_->Start();
    ASSERT_TRUE(started.ok()) << started.ToString();
  }
  void Crash() {
    core_->Stop();
    core_.reset();
  }
  pb::SubmitRequest Request(const std::string& submission = "s1") {
    pb::SubmitRequest request;
    request.set_bundle(std::string(64, 'b'));
    request.set_job_name("job");
    request.set_submission(submission);
    (*request.mutable_options())["output"] = "/out";
    return request;
  }
  pb::JobStatus Status(const std::string& id = "last") {
    auto status = core_->GetJob(id);
    EXPECT_TRUE(status.ok()) << status.status().ToString();
    return status.ok() ? *status : pb::JobStatus();
  }
  // Submits a job and leaves its driver with `worker`; returns the driver's epoch.
  uint64_t StartJob(FakeWorker& worker, uint64_t* job) {
    *job = core_->Submit(Request()).job();
    core_->Tick();
    EXPECT_EQ(worker.drivers.size(), 1u);
    return worker.drivers.empty() ? 0 : worker.drivers.back().driver_epoch();
  }
  // Answers every grant of `worker` well until there is none.
  void WorkOff(FakeWorker& worker, uint32_t maps, uint32_t reducers) {
    while (!worker.grants.empty()) {
      const pb::Grant grant = worker.grants.front();
      worker.grants.pop_front();
      const pb::StageSpec& spec = worker.stages.at({grant.id().job(), grant.id().stage()});
      for (const pb::ManifestRef& ref : grant.inputs()) {
        ASSERT_TRUE(worker.manifests.contains({ref.stage(), ref.version()}))
            << "a grant came before its manifest";
        EXPECT_EQ(worker.manifests.at({ref.stage(), ref.version()}).maps_size(), static_cast<int>(maps));
      }
      worker.Send(GoodReport(grant.id(), spec, maps, reducers));
    }
  }
  // From the driver's start to the end of a job with one action of 3 maps and 2 reducers.
  pb::FileList RunJob(FakeWorker& worker) {
    uint64_t job = 0;
    const uint64_t epoch = StartJob(worker, &job);
    worker.RequestAction(TwoStagePlan(job, epoch, 1, 1, 3, 2));
    WorkOff(worker, 3, 2);
    return Finish(worker, job, epoch);
  }
  pb::FileList Finish(FakeWorker& worker, uint64_t job, uint64_t epoch) {
    EXPECT_EQ(worker.results.size(), 1u);
    worker.FinishDriver(job, epoch);
    EXPECT_EQ(worker.files.size(), 1u);
    if (worker.files.empty()) return {};
    pb::FileList list = worker.files.front();
    worker.files.pop_front();
    worker.AnswerFiles(list);
    core_->Tick();
    return list;
  }

  FakeClock clock_;
  CoreOptions options_;
  std::shared_ptr<MemoryJournal::Store> store_ = std::make_shared<MemoryJournal::Store>();
  std::unique_ptr<CoordinatorCore> core_;
};

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
