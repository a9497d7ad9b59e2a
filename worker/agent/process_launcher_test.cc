#include "worker/agent/process_launcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "common/base/files.h"
#include "common/base/thread.h"

namespace millrace {
namespace {

const char kExecutor[] = MILLRACE_BINARY_DIR "/tests/mr_test_executor";

class ProcessLauncherTest : public testing::Test {
 protected:
  void Launch(uint64_t heap_limit_bytes = 0) {
    LaunchSpec spec;
    spec.job = 7;
    spec.bundle_path = kExecutor;
    spec.heap_limit_bytes = heap_limit_bytes;
    auto handle = launcher_->Launch(
        spec, [this](pb::FromExecutor frame) { frames_.Push(std::move(frame)); },
        [this](ExitInfo info) { exits_.Push(info); });
    ASSERT_TRUE(handle.ok()) << handle.status();
    handle_ = std::move(*handle);
  }
  void Order(const std::string& order) {
    pb::ToExecutor frame;
    frame.mutable_setup()->set_job_name(order);
    handle_->Send(frame);
  }
  std::string Answer() { return frames_.Pop()->hello().bundle_name(); }

  std::unique_ptr<ExecutorLauncher> launcher_ = MakeProcessLauncher();
  BlockingQueue<pb::FromExecutor> frames_;
  BlockingQueue<ExitInfo> exits_;
  std::unique_ptr<ExecutorHandle> handle_;
};

TEST_F(ProcessLauncherTest, MovesFramesBothWaysAndEndsCleanly) {
  Launch();
  Order("hello");
  EXPECT_EQ(Answer(), "hello");
  const std::string large(5 << 20, 'y');
  for (int i = 0; i < 3; ++i) Order(large);  // more than a socket holds
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Answer(), large);
  Order("talk");
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(Answer().size(), 1000u);
  EXPECT_EQ(Answer(), "done");
  pb::ToExecutor frame;
  frame.set_shutdown(true);
  handle_->Send(frame);
  const ExitInfo info = *exits_.Pop();
  EXPECT_TRUE(info.clean);
  handle_->Send(frame);  // nobody is there: harmless
  handle_->Kill();
}

TEST_F(ProcessLauncherTest, SaysHowItEnded) {
  Launch();
  Order("exit");
  ExitInfo info = *exits_.Pop();
  EXPECT_EQ(info.exit_code, 5);
  EXPECT_EQ(info.signal, 0);
  EXPECT_FALSE(info.clean);
  Launch();
  Order("crash");
  EXPECT_EQ(exits_.Pop()->signal, SIGSEGV);
  Launch();
  handle_->Kill();
  EXPECT_EQ(exits_.Pop()->signal, SIGKILL);
  Launch();
  handle_.reset();
  EXPECT_EQ(exits_.Pop()->signal, SIGKILL) << "destroying the handle ends the process";
}

TEST_F(ProcessLauncherTest, ScrubsEnvironmentAndDescriptors) {
  ::setenv("SECRET_TOKEN", "x", 1);
  ::setenv("MILLRACE_TEST", "y", 1);
  const int low = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int leaked = ::fcntl(low, F_DUPFD, 50);  // without close-on-exec
  Launch();
  Order("environment");
  const std::string environment = Answer();
  EXPECT_EQ(environment.find("SECRET_TOKEN"), std::string::npos);
  EXPECT_NE(environment.find("MILLRACE_TEST=y"), std::string::npos);
  EXPECT_NE(environment.find("TZ=UTC"), std::string::npos);
  EXPECT_NE(environment.find("LC_ALL=C\n"), std::string::npos);
  Order("descriptors");
  EXPECT_EQ(Answer(), "0 1 2 3 ");
  ::close(leaked);
  ::close(low);
}

TEST_F(ProcessLauncherTest, BringsBackWhatItPrints) {
  Launch();
  Order("print");
  EXPECT_EQ(frames_.Pop()->logs(0).text(), "one");
  Order("exit");
  const pb::FromExecutor last = *frames_.Pop();
  EXPECT_EQ(last.logs(0).text(), "two");
  EXPECT_EQ(last.logs(0).job(), 7u);
  exits_.Pop();
}

TEST_F(ProcessLauncherTest, TakesItsChildrenAlong) {
  Launch();
  Order("child");
  const pid_t child = static_cast<pid_t>(std::stol(Answer()));
  exits_.Pop();
  // It is no child of ours: a pid descriptor tells its end all the same; none means that it is gone already.
  const UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!end) return;
  pollfd fd = {end.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&fd, 1, 30000), 1) << "the grandchild still runs";
}

#if !defined(MILLRACE_SANITIZED)  // which needs more heap than any limit gives
TEST_F(ProcessLauncherTest, TheHeapHasALimit) {
  Launch(48 << 20);
  Order("heap");
  EXPECT_EQ(Answer(), "out of memory");
}
#endif

TEST_F(ProcessLauncherTest, AMissingBundleIsAnError) {
  LaunchSpec spec;
  spec.bundle_path = "/no/such/bundle";
  const auto handle = launcher_->Launch(
      spec, [](pb::FromExecutor) {}, [](ExitInfo) {});
  EXPECT_FALSE(handle.ok());
}

}  // namespace
}  // namespace millrace
