// A coordinator's core with a journal in memory and a clock that stands, for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "coordinator/server/core.h"
#include "coordinator/server/fake_worker.h"

namespace millrace {

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

}  // namespace millrace
