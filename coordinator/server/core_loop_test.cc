// What the coordinator keeps for drivers that come later: shared values, and the states of loops.
#include <gtest/gtest.h>

#include "coordinator/server/core.h"
#include "coordinator/server/fake_worker.h"

namespace millrace {
namespace {

class CoreLoopTest : public testing::Test {
 protected:
  CoreLoopTest() { StartCore(); }
  void StartCore() {
    options_.tick_interval_ms = 0;
    options_.grace_ms = 1000;
    core_ = std::make_unique<CoordinatorCore>(options_, std::make_unique<MemoryJournal>(store_), &clock_);
    ASSERT_TRUE(core_->Start().ok());
  }
  void CrashAndRestart() {
    core_->Stop();
    core_.reset();
    StartCore();
  }
  // Submits a job; `worker` becomes its driver.
  void StartJob(FakeWorker& worker) {
    pb::SubmitRequest request;
    request.set_bundle(std::string(64, 'b'));
    request.set_job_name("job");
    request.set_submission("s");
    (*request.mutable_options())["output"] = "/out";
    job_ = core_->Submit(request).job();
    core_->Tick();
    ASSERT_EQ(worker.drivers.size(), 1u);
    epoch_ = worker.drivers[0].driver_epoch();
  }
  // Another worker takes the role over, after the grace of a restart.
  void TakeOver(FakeWorker& worker) {
    worker.Connect(*core_);
    for (int i = 0; i < 4 && worker.drivers.empty(); ++i) {
      clock_.Advance(1000);
      pb::WorkerMessage heartbeat;
      heartbeat.mutable_heartbeat();
      worker.Send(heartbeat);
    }
    ASSERT_EQ(worker.drivers.size(), 1u);
    epoch_ = worker.drivers[0].driver_epoch();
  }
  pb::ActionRequest Record(uint32_t action, const std::string& value, uint32_t loop_first = 0) {
    pb::ActionRequest request;
    request.set_job(job_);
    request.set_driver_epoch(epoch_);
    request.set_action(action);
    request.set_fingerprint("f" + std::to_string(action));
    request.set_record(true);
    request.set_recorded(value);
    request.set_loop_first(loop_first);
    return request;
  }
  static std::string LogText(const pb::StartDriver& start) {
    std::string text;
    for (const pb::ActionResult& result : start.log())
      text += std::to_string(result.action()) + "=" + result.recorded() + " ";
    return text;
  }

  FakeClock clock_;
  CoreOptions options_;
  std::shared_ptr<MemoryJournal::Store> store_ = std::make_shared<MemoryJournal::Store>();
  std::unique_ptr<CoordinatorCore> core_;
  uint64_t job_ = 0, epoch_ = 0;
};

TEST_F(CoreLoopTest, ALaterDriverGetsTheLastStateInsteadOfItsSteps) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  StartJob(worker);
  worker.RequestAction(Record(1, "before"));
  worker.RequestAction(Record(2, "in step 0"));
  worker.RequestAction(Record(3, "state 1", 2));
  worker.RequestAction(Record(4, "in step 1"));
  worker.RequestAction(Record(5, "state 2", 2));
  worker.RequestAction(Record(6, "in step 2"));
  ASSERT_EQ(worker.results.size(), 6u) << "a commit is answered like any action";
  CrashAndRestart();
  FakeWorker other("w2");
  TakeOver(other);
  EXPECT_EQ(LogText(other.drivers[0]), "1=before 5=state 2 6=in step 2 ");
  EXPECT_EQ(other.drivers[0].log(1).loop_first(), 2u);
  // An action of a step that is over has no result any more: whoever asks for it is told so.
  other.RequestAction(Record(4, "in step 1"));
  ASSERT_EQ(other.results.size(), 1u);
  EXPECT_EQ(other.results[0].error().kind(), pb::ErrorInfo::USER_CODE);
  EXPECT_NE(other.results[0].error().message().find("action 4 belongs to a step"), std::string::npos);
  other.RequestAction(Record(7, "state 3", 2));
  CrashAndRestart();
  FakeWorker third("w3");
  TakeOver(third);
  EXPECT_EQ(LogText(third.drivers[0]), "1=before 7=state 3 ");
}

TEST_F(CoreLoopTest, SharedValuesAreKeptOnceAndGivenOnceToEveryWorker) {
  FakeWorker worker("w1");
  worker.Connect(*core_);
  StartJob(worker);
  const auto plan = [&](uint32_t action) {
    pb::ActionRequest request = TwoStagePlan(job_, epoch_, action, 2 * action - 1, 2, 2);
    for (pb::Stage& stage : *request.mutable_plan()->mutable_stages())
      stage.mutable_branches(0)->add_operators()->mutable_shared()->set_digest("D");
    return request;
  };
  pb::ActionRequest first = plan(1);
  pb::SharedValue* value = first.add_shared();
  value->set_digest("D");
  value->set_value("the value");
  worker.RequestAction(first);
  ASSERT_FALSE(worker.grants.empty());
  ASSERT_EQ(worker.shared.size(), 1u);
  EXPECT_EQ(worker.shared[0].value().value(), "the value");
  worker.RequestAction(plan(2));
  size_t journaled = 0;
  for (const std::string& entry : store_->entries) journaled += entry.find("the value") != std::string::npos;
  EXPECT_EQ(journaled, 1u);
  EXPECT_EQ(worker.shared.size(), 1u);
  CrashAndRestart();
  FakeWorker other("w2");
  TakeOver(other);
  other.RequestAction(plan(1));
  ASSERT_FALSE(other.grants.empty());
  ASSERT_EQ(other.shared.size(), 1u) << "it was in the journal";
  EXPECT_EQ(other.shared[0].value().value(), "the value");
}

}  // namespace
}  // namespace millrace
