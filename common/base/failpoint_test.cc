// The variables are read at the start of a process: each case is a child that passes some places.
#include "common/base/failpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "proto/journal.pb.h"

namespace millrace {
namespace {

// What the child does; run by the test below that only a child selects.
TEST(FailpointChild, PassesPlaces) {
  if (std::getenv("MILLRACE_FAILPOINT") == nullptr) return;
  pb::JournalEntry entry;
  entry.mutable_job_state()->set_job(1);
  Failpoint("here");
  Failpoint("there", entry);
  Failpoint("here");
}

class FailpointTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/failpoint-" + std::to_string(getpid());
    ASSERT_TRUE(MakeDirs(folder_).ok());
  }
  void TearDown() override { (void)RemoveTree(folder_); }

  // This very program with the variables set; how often it stopped on the way, and was continued.
  void RunChild(const std::string& spec, int* stops) {
    const pid_t child = fork();
    if (child == 0) {
      setenv("MILLRACE_FAILPOINT", spec.c_str(), 1);
      setenv("MILLRACE_FAILPOINT_TELL", Tell().c_str(), 1);
      execl("/proc/self/exe", "child", "--gtest_filter=FailpointChild.*", "--gtest_brief=1", nullptr);
      _exit(127);
    }
    int status = 0;
    *stops = 0;
    while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
      ++*stops;
      told_at_stop_ = Told();
      ASSERT_EQ(kill(child, SIGCONT), 0);
    }
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    pid_ = child;
  }

  std::string Tell() const { return folder_ + "/told"; }
  std::string Told() const { return ReadFile(Tell()).value_or(""); }

  std::string folder_, told_at_stop_;
  pid_t pid_ = 0;
};

TEST_F(FailpointTest, StarTellsEveryPassageAndStopsAtNone) {
  int stops = -1;
  RunChild("*", &stops);
  EXPECT_EQ(stops, 0);
  const std::string pid = std::to_string(pid_);
  EXPECT_EQ(Told(), StrCat(pid, " here 1\n", pid, " there.job_state 1\n", pid, " here 2\n"));
}

TEST_F(FailpointTest, StopsAtThePassageAfterTellingIt) {
  int stops = -1;
  RunChild("here:2", &stops);
  EXPECT_EQ(stops, 1);
  EXPECT_EQ(told_at_stop_, StrCat(pid_, " here 2\n"));
}

TEST_F(FailpointTest, OnlyOneProcessStops) {
  int stops = -1;
  RunChild("there.job_state:1", &stops);
  EXPECT_EQ(stops, 1);
  RunChild("there.job_state:1", &stops);
  EXPECT_EQ(stops, 0);
  EXPECT_EQ(StrSplit(Told(), '\n').size(), 2u);  // the line and what follows it
}

TEST_F(FailpointTest, WithoutACountEveryPassageStops) {
  int stops = -1;
  RunChild("here", &stops);
  EXPECT_EQ(stops, 2);
  RunChild("here", &stops);
  EXPECT_EQ(stops, 2);
}

TEST_F(FailpointTest, APlaceNobodyPassesChangesNothing) {
  int stops = -1;
  RunChild("elsewhere:1", &stops);
  EXPECT_EQ(stops, 0);
  EXPECT_EQ(Told(), "");
}

}  // namespace
}  // namespace millrace
