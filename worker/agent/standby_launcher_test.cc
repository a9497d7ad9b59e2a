#include "worker/agent/standby_launcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/thread.h"

namespace millrace {
namespace {

// A process that only the test moves.
struct Fake {
  LaunchSpec spec;
  std::function<void(pb::FromExecutor)> on_frame;
  std::function<void(ExitInfo)> on_exit;
  bool gone = false;  // its handle was destroyed
};

class FakeLauncher : public ExecutorLauncher {
 public:
  absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(const LaunchSpec& spec,
                                                         std::function<void(pb::FromExecutor)> on_frame,
                                                         std::function<void(ExitInfo)> on_exit) override {
    auto fake = std::make_shared<Fake>(Fake{spec, std::move(on_frame), std::move(on_exit)});
    launched.Push(fake);
    return std::unique_ptr<ExecutorHandle>(new Handle(fake));
  }
  BlockingQueue<std::shared_ptr<Fake>> launched;

 private:
  struct Handle : ExecutorHandle {
    explicit Handle(std::shared_ptr<Fake> of) : fake(std::move(of)) {}
    ~Handle() override { fake->gone = true; }
    void Send(const pb::ToExecutor&) override {}
    void Kill() override {}
    std::shared_ptr<Fake> fake;
  };
};

class StandbyLauncherTest : public testing::Test {
 protected:
  std::unique_ptr<ExecutorHandle> Launch(uint64_t job, const std::string& bundle, uint64_t heap = 0) {
    LaunchSpec spec;
    spec.job = job;
    spec.bundle_path = bundle;
    spec.heap_limit_bytes = heap;
    auto handle = launcher_->Launch(
        spec,
        [this, job](pb::FromExecutor frame) {
          said_.push_back(std::to_string(job) + ":" + frame.hello().bundle_name());
        },
        [this, job](ExitInfo) { said_.push_back(std::to_string(job) + ":exit"); });
    EXPECT_TRUE(handle.ok());
    return std::move(*handle);
  }
  static void Hello(Fake& fake, const std::string& name) {
    pb::FromExecutor frame;
    frame.mutable_hello()->set_bundle_name(name);
    fake.on_frame(frame);
  }
  static void Exit(Fake& fake, bool clean) {
    ExitInfo info;
    info.clean = clean;
    fake.on_exit(info);
  }
  // The process that stands by after a job of `bundle` ended.
  std::shared_ptr<Fake> AfterAJob(uint64_t job, const std::string& bundle, uint64_t heap = 0) {
    const auto handle = Launch(job, bundle, heap);
    Exit(**inner_.launched.Pop(), true);
    return *inner_.launched.Pop();
  }

  FakeLauncher inner_;
  std::unique_ptr<ExecutorLauncher> launcher_ = MakeStandbyLauncher(&inner_, 1);
  std::vector<std::string> said_;
};

TEST_F(StandbyLauncherTest, TheNextJobTakesTheWaitingProcess) {
  const auto standby = AfterAJob(1, "/b");
  EXPECT_EQ(standby->spec.job, 0u);
  Hello(*standby, "early");  // before anybody wants it
  const auto handle = Launch(2, "/b");
  Hello(*standby, "late");
  Exit(*standby, false);
  EXPECT_EQ(said_, (std::vector<std::string>{"1:exit", "2:early", "2:late", "2:exit"}));
  EXPECT_FALSE(standby->gone);
  launcher_.reset();  // an unclean end starts no other: nothing is left to come
  inner_.launched.Close();
  EXPECT_FALSE(inner_.launched.Pop().has_value());
}

TEST_F(StandbyLauncherTest, AnotherBundleOrLimitOrADeadProcessIsLaunchedAnew) {
  const auto standby = AfterAJob(1, "/b", 5);
  const auto other = Launch(2, "/c", 5);
  EXPECT_EQ((*inner_.launched.Pop())->spec.job, 2u);
  const auto limit = Launch(3, "/b", 6);
  EXPECT_EQ((*inner_.launched.Pop())->spec.job, 3u);
  Exit(*standby, false);
  const auto dead = Launch(4, "/b", 5);
  EXPECT_EQ((*inner_.launched.Pop())->spec.job, 4u);
  EXPECT_TRUE(standby->gone);
  EXPECT_EQ(said_, (std::vector<std::string>{"1:exit"}));
}

TEST_F(StandbyLauncherTest, TheBundleUsedLongestAgoGivesWay) {
  const auto first = AfterAJob(1, "/b");
  const auto second = AfterAJob(2, "/c");
  const auto handle = Launch(3, "/c");  // waits until the second one stands
  launcher_.reset();
  EXPECT_TRUE(first->gone);
  EXPECT_FALSE(second->gone);
  inner_.launched.Close();
  EXPECT_FALSE(inner_.launched.Pop().has_value());
}

TEST_F(StandbyLauncherTest, WithoutACountNothingWaits) {
  launcher_ = MakeStandbyLauncher(&inner_, 0);
  const auto handle = Launch(1, "/b");
  Exit(**inner_.launched.Pop(), true);
  launcher_.reset();
  inner_.launched.Close();
  EXPECT_FALSE(inner_.launched.Pop().has_value());
}

}  // namespace
}  // namespace millrace
