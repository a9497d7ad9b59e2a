// The agent's loop with a launcher and a coordinator that are played here.
#include "worker/agent/agent.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <thread>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/files.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

// An executor that answers from inside Send: every task is done at once.
class FakeLauncher : public ExecutorLauncher {
 public:
  struct Executor {
    LaunchSpec spec;
    std::function<void(pb::FromExecutor)> on_frame;
    std::function<void(ExitInfo)> on_exit;
  };
  class Handle : public ExecutorHandle {
   public:
    Handle(FakeLauncher* launcher, Executor* executor) : launcher_(launcher), executor_(executor) {}
    void Send(const pb::ToExecutor& frame) override {
      launcher_->frames.Push(frame);
      if (!launcher_->works) return;
      pb::FromExecutor answer;
      for (const pb::StartTask& task : frame.tasks()) {
        pb::TaskReport* report = answer.add_reports();
        *report->mutable_id() = task.id();
        report->set_outcome(pb::OUTCOME_OK);
      }
      if (answer.reports_size() > 0) executor_->on_frame(answer);
    }
    void Kill() override {
      if (std::exchange(dead_, true)) return;
      ExitInfo info;
      info.signal = 9;
      executor_->on_exit(info);
    }

   private:
    FakeLauncher* const launcher_;
    Executor* const executor_;
    bool dead_ = false;
  };

  absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(const LaunchSpec& spec,
                                                         std::function<void(pb::FromExecutor)> on_frame,
                                                         std::function<void(ExitInfo)> on_exit) override {
    if (gated) {
      entered.Push(0);
      gate.Pop();
    }
    if (fails) return NotFound("no executor today");
    executors.push_back(std::make_unique<Executor>(Executor{spec, std::move(on_frame), std::move(on_exit)}));
    pb::FromExecutor hello;
    hello.mutable_hello()->set_bundle_name("fake");
    executors.back()->on_frame(hello);
    return std::unique_ptr<ExecutorHandle>(new Handle(this, executors.back().get()));
  }

  bool fails = false, works = true;
  std::atomic<bool> gated{false};
  BlockingQueue<int> entered, gate;
  std::vector<std::unique_ptr<Executor>> executors;  // used by the agent's loop; looked at after it
  BlockingQueue<pb::ToExecutor> frames;
};

class FakeBundles : public BundleSource {
 public:
  absl::Status Fetch(const std::string& hash, const std::string& path) override {
    ++fetches;
    if (contents.count(hash) == 0) return NotFound("unknown");
    return WriteFile(path, contents[hash]);
  }
  std::map<std::string, std::string> contents;
  int fetches = 0;
};

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    hash_ = Sha256Hex("a program");
    bundles_.contents[hash_] = "a program";
    Make();
  }
  void Make() {
    AgentOptions options;
    options.work_dir = folder_.File("w");
    options.slots = 2;
    options.profile = "p";
    auto agent = Agent::Create(options, &launcher_, &bundles_);
    ASSERT_TRUE(agent.ok()) << agent.status();
    agent_ = std::move(*agent);
  }
  void Connect(uint64_t epoch) {
    agent_->OnConnected([this](const pb::WorkerMessage& message) { sent_.Push(message); });
    EXPECT_TRUE(sent_.Pop()->has_register_());
    pb::CoordinatorMessage message;
    message.mutable_welcome()->set_epoch(epoch);
    message.mutable_welcome()->set_worker(1);
    message.mutable_welcome()->set_heartbeat_interval_ms(100'000);
    agent_->OnCoordinatorMessage(message);
  }
  pb::Grant MakeGrant(uint32_t task, const std::string& bundle) {
    pb::Grant grant;
    grant.mutable_id()->set_incarnation(1);
    grant.mutable_id()->set_job(5);
    grant.mutable_id()->set_task(task);
    grant.set_bundle(bundle);
    return grant;
  }
  // Waits for the next report.
  pb::TaskReport Report() {
    while (reports_.empty()) {
      const pb::WorkerMessage message = *sent_.Pop();
      reports_.insert(reports_.end(), message.reports().begin(), message.reports().end());
    }
    const pb::TaskReport report = reports_.front();
    reports_.erase(reports_.begin());
    return report;
  }

  ScopedTempDir folder_;
  FakeLauncher launcher_;
  FakeBundles bundles_;
  std::string hash_;
  BlockingQueue<pb::WorkerMessage> sent_;
  std::vector<pb::TaskReport> reports_;
  std::unique_ptr<Agent> agent_;
};

TEST_F(AgentTest, RunsManyTasksThroughOneExecutor) {
  Connect(1);
  for (uint32_t task = 0; task < 200; ++task) {
    pb::CoordinatorMessage message;
    *message.add_grants() = MakeGrant(task, hash_);
    agent_->OnCoordinatorMessage(message);
  }
  for (uint32_t task = 0; task < 200; ++task) {
    const pb::TaskReport report = Report();
    EXPECT_EQ(report.id().task(), task);
    EXPECT_EQ(report.outcome(), pb::OUTCOME_OK);
  }
  EXPECT_TRUE(IsDirectory(folder_.File("w/j5/segments")));
  struct stat info {};
  ASSERT_EQ(::stat(folder_.File("w/bundles/" + hash_).c_str(), &info), 0);
  EXPECT_NE(info.st_mode & S_IXUSR, 0u);
  agent_->Stop();
  EXPECT_FALSE(FileExists(folder_.File("w")));
  EXPECT_EQ(launcher_.executors.size(), 1u);
  EXPECT_EQ(launcher_.executors[0]->spec.setup.worker(), 1u);
  EXPECT_EQ(bundles_.fetches, 1);
}

TEST_F(AgentTest, ADamagedBundleIsRefusedAndAKeptOneCheckedAgain) {
  Connect(1);
  const std::string other = Sha256Hex("another");
  bundles_.contents[other] = "not what was asked for";
  pb::CoordinatorMessage message;
  *message.add_grants() = MakeGrant(0, other);
  agent_->OnCoordinatorMessage(message);
  pb::TaskReport report = Report();
  EXPECT_EQ(report.outcome(), pb::OUTCOME_FAILED);
  EXPECT_NE(report.error().message().find("damaged"), std::string::npos);
  EXPECT_FALSE(FileExists(folder_.File("w/bundles/" + other)));

  agent_.reset();
  ASSERT_TRUE(WriteFile(folder_.File("w/bundles/" + hash_), "tampered with").ok());
  Make();
  Connect(2);
  message.mutable_grants(0)->CopyFrom(MakeGrant(1, hash_));
  agent_->OnCoordinatorMessage(message);
  EXPECT_EQ(Report().outcome(), pb::OUTCOME_OK);
  EXPECT_EQ(*ReadFile(folder_.File("w/bundles/" + hash_)), "a program");
}

TEST_F(AgentTest, ALauncherThatFailsFailsTheTask) {
  launcher_.fails = true;
  Connect(1);
  pb::CoordinatorMessage message;
  *message.add_grants() = MakeGrant(0, hash_);
  agent_->OnCoordinatorMessage(message);
  const pb::TaskReport report = Report();
  EXPECT_EQ(report.outcome(), pb::OUTCOME_FAILED);
  EXPECT_EQ(report.error().message(), "no executor today");
}

TEST_F(AgentTest, NothingIsSentAfterADisconnectAndAllIsToldAfterTheNextConnect) {
  Connect(1);
  launcher_.works = false;
  pb::CoordinatorMessage message;
  *message.add_grants() = MakeGrant(0, hash_);
  agent_->OnCoordinatorMessage(message);
  while (launcher_.frames.Pop()->tasks_size() == 0) {
  }
  agent_->OnDisconnected();
  agent_->OnConnected([this](const pb::WorkerMessage& again) { sent_.Push(again); });
  pb::WorkerMessage registered = *sent_.Pop();
  while (!registered.has_register_()) registered = *sent_.Pop();
  ASSERT_EQ(registered.register_().running_size(), 1);
  EXPECT_EQ(registered.register_().running(0).task(), 0u);
}

// The loop is held in the middle of a message whose answer it would send next.
TEST_F(AgentTest, SendIsNotCalledOnceOnDisconnectedHasReturned) {
  Connect(1);
  launcher_.works = false;
  pb::CoordinatorMessage message;
  for (uint32_t task = 0; task < 7; ++task) *message.add_grants() = MakeGrant(task, hash_);
  agent_->OnCoordinatorMessage(message);  // two slots, four credits: one waits
  while (launcher_.frames.Pop()->tasks_size() == 0) {
  }
  launcher_.gated = true;
  message.Clear();
  message.add_start_drivers()->set_job(6);
  message.mutable_start_drivers(0)->set_driver_epoch(1);
  message.mutable_start_drivers(0)->set_bundle(hash_);
  *message.add_cancels() = MakeGrant(6, hash_).id();
  std::thread connection([&] { agent_->OnCoordinatorMessage(message); });  // whose thread may do the work
  launcher_.entered.Pop();
  agent_->OnDisconnected();
  launcher_.gated = false;
  launcher_.gate.Push(0);
  connection.join();
  agent_.reset();
  sent_.Close();
  while (const auto late = sent_.Pop()) EXPECT_EQ(late->reports_size(), 0);
}

TEST_F(AgentTest, PublishesFilesAndDropsJobs) {
  Connect(1);
  pb::CoordinatorMessage message;
  *message.add_grants() = MakeGrant(0, hash_);
  agent_->OnCoordinatorMessage(message);
  Report();
  const std::string output = folder_.File("out");
  ASSERT_TRUE(MakeDirs(output + "/_temporary/j5").ok());
  ASSERT_TRUE(WriteFile(output + "/_temporary/j5/a.tmp", "data").ok());
  message.Clear();
  pb::FileList* list = message.add_files();
  list->set_job(5);
  list->set_request(3);
  list->set_output(output);
  pb::FileList::Rename* rename = list->add_renames();
  rename->set_from(output + "/_temporary/j5/a.tmp");
  rename->set_to(output + "/part-00000.csv");
  rename->set_bytes(4);
  agent_->OnCoordinatorMessage(message);
  pb::WorkerMessage answer = *sent_.Pop();
  while (answer.files_size() == 0) answer = *sent_.Pop();
  EXPECT_EQ(answer.files(0).request(), 3u);
  EXPECT_EQ(answer.files(0).error().message(), "");
  EXPECT_EQ(*ReadFile(output + "/part-00000.csv"), "data");

  message.Clear();
  message.add_drop_jobs(5);
  agent_->OnCoordinatorMessage(message);
  while (!launcher_.frames.Pop()->shutdown()) {
  }
  ExitInfo info;
  info.clean = true;
  launcher_.executors[0]->on_exit(info);
  // The removal and the next list go through one thread, in order.
  message.Clear();
  message.add_files()->set_request(4);
  for (answer.Clear(); answer.files_size() == 0; answer = *sent_.Pop()) {
    if (message.files_size() > 0) agent_->OnCoordinatorMessage(message);
    message.Clear();
  }
  agent_.reset();
  EXPECT_FALSE(FileExists(folder_.File("w/j5")));
}

TEST_F(AgentTest, StaleFetchesAreRefused) {
  pb::CoordinatorMessage message;
  pb::Manifest* manifest = message.add_manifests();
  manifest->set_job(5);
  manifest->set_stage(2);
  manifest->set_version(3);
  manifest->add_maps()->set_path("j5/segments/a");
  agent_->OnCoordinatorMessage(message);
  EXPECT_EQ(agent_->CheckFetch(5, 2, 3, "j5/segments/b"), "");
  EXPECT_EQ(agent_->CheckFetch(5, 2, 2, "j5/segments/a"), "") << "the newest manifest names it, too";
  EXPECT_NE(agent_->CheckFetch(5, 2, 2, "j5/segments/b"), "");
  EXPECT_EQ(agent_->CheckFetch(5, 1, 1, "j5/segments/b"), "") << "nothing is known of that stage";
  message.Clear();
  message.add_drop_jobs(5);
  agent_->OnCoordinatorMessage(message);
  EXPECT_EQ(agent_->CheckFetch(5, 2, 2, "j5/segments/b"), "");
}

TEST_F(AgentTest, TellsThatItIsRefused) {
  BlockingQueue<std::string> refused;
  agent_->SetRejectedCallback([&](std::string sentence) { refused.Push(std::move(sentence)); });
  agent_->OnConnected([](const pb::WorkerMessage&) {});
  pb::CoordinatorMessage message;
  message.set_rejected("too old");
  agent_->OnCoordinatorMessage(message);
  EXPECT_EQ(*refused.Pop(), "too old");
}

TEST_F(AgentTest, TwoAgentsDoNotShareAWorkDir) {
  AgentOptions options;
  options.work_dir = folder_.File("w");
  const auto second = Agent::Create(options, &launcher_, &bundles_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace millrace
