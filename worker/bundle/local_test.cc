// Local mode as its users meet it: the test bundle is run as a program.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "worker/bundle/options.h"

namespace millrace {
namespace {

struct Ran {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

Ran RunIn(const std::string& temporary, const std::string& arguments) {
  Ran ran;
  const std::string command = StrCat("export TMPDIR=", temporary, "; exec 2>&1; ", MILLRACE_BINARY_DIR,
                                     "/tests/mr_test_jobs ", arguments);
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.text.append(buffer.data(), got);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class LocalTest : public testing::Test {
 protected:
  LocalTest() {
    for (int i = 0; i < 2000; ++i) lines_ += StrCat(i * 7919 % 2000 / 2, "\n");
    EXPECT_TRUE(WriteFile(dir_.File("in.txt"), lines_).ok());
    EXPECT_TRUE(MakeDirs(dir_.File("tmp")).ok());
  }
  ~LocalTest() override { EXPECT_TRUE(ListDir(dir_.File("tmp"))->empty()) << "temporary files were left"; }
  Ran RunBundle(const std::string& arguments) const { return RunIn(dir_.File("tmp"), arguments); }
  std::string Files(const std::string& output) const {
    return StrCat(" --progress=none --input=", dir_.File("in.txt"), " --output=", dir_.File(output), " ");
  }
  std::string Parts(const std::string& output) const {
    std::string all;
    const std::vector<std::string> names = ListDir(dir_.File(output)).value();
    for (const std::string& name : names) {
      if (name.rfind("part-", 0) == 0) all += *ReadFile(dir_.File(output + "/" + name));
    }
    return all;
  }
  void ExpectFailure(const std::string& arguments, int exit_code, const std::string& sentence) {
    const Ran ran = RunBundle(arguments);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.text;
    EXPECT_NE(ran.text.find(sentence), std::string::npos) << ran.text;
    EXPECT_EQ(std::count(ran.text.begin(), ran.text.end(), '\n'), 1) << ran.text;
    EXPECT_FALSE(FileExists(dir_.File("out")));
  }
  ScopedTempDir dir_;
  std::string lines_;
};

TEST_F(LocalTest, TheWorkDirIsLeftAsItWas) {
  const std::string mine = dir_.File("work/mine.txt");
  ASSERT_TRUE(MakeDirs(dir_.File("work")).ok());
  ASSERT_TRUE(WriteFile(mine, "mine").ok());
  const std::string work = StrCat(" --work-dir=", dir_.File("work"));
  EXPECT_EQ(RunBundle("sort-lines" + Files("out") + work).exit_code, 0);
  EXPECT_EQ(ListDir(dir_.File("work")).value(), std::vector<std::string>{"mine.txt"});
  EXPECT_EQ(RunBundle("sort-lines" + Files("out2") + work + " --supervise=false").exit_code, 0);
  EXPECT_EQ(ListDir(dir_.File("work")).value(), std::vector<std::string>{"mine.txt"});
}

TEST_F(LocalTest, TheSameBytesWhateverTheSlotsAndMemory) {
  std::vector<std::string_view> model = StrSplitSkipEmpty(lines_, '\n');
  std::stable_sort(model.begin(), model.end());
  const std::string expected = StrJoin(model, "\n") + "\n";
  int run = 0;
  for (const char* how : {"--slots=1", "--slots=4", "--slots=2 --slot-memory=64MiB"}) {
    const std::string output = StrCat("sorted", run++);
    const Ran ran = RunBundle(StrCat("sort-lines", Files(output), how, " --split-bytes=1000 --partitions=3"));
    ASSERT_EQ(ran.exit_code, 0) << ran.text;
    EXPECT_EQ(Parts(output), expected) << how;
    EXPECT_NE(ran.text.find("2000 written"), std::string::npos) << ran.text;
    EXPECT_NE(ran.text.find("mrsubmit verify"), std::string::npos) << ran.text;
    EXPECT_TRUE(FileExists(dir_.File(output + "/_SUCCESS")));
    EXPECT_FALSE(FileExists(dir_.File(output + "/_temporary")));
  }
}

TEST_F(LocalTest, Counts) {
  const Ran ran = RunBundle(StrCat("count-lines", Files("out")));
  ASSERT_EQ(ran.exit_code, 0) << ran.text;
  EXPECT_EQ(Parts("out").substr(0, 8), "0\t2\n1\t2\n");
  const std::string success = *ReadFile(dir_.File("out/_SUCCESS"));
  EXPECT_NE(success.find("\"different_lines\": 1000"), std::string::npos) << success;
}

TEST_F(LocalTest, BadUserCodeEndsInOneSentence) {
  ExpectFailure(StrCat("boom --how=throw", Files("out")), 1, "operator Map(Boom) threw: boom; record '5'");
  ExpectFailure(StrCat("boom --how=segv", Files("out")), 1, "operator Map(Boom) crashed with SIGSEGV");
  ExpectFailure(StrCat("boom --how=hang --task-timeout-ms=300", Files("out")), 1, "made no progress for");
  ExpectFailure(StrCat("driver-boom --how=throw", Files("out")), 1, "the job function threw: boom");
  ExpectFailure(StrCat("driver-boom --how=abort", Files("out")), 1, "the job function crashed with SIGABRT");
}

TEST_F(LocalTest, UsageErrorsComeBeforeAnyWork) {
  ExpectFailure("sort-line", 2, "Did you mean 'sort-lines'?");
  ExpectFailure(StrCat("sort-lines --partition=3", Files("out")), 2, "--partitions");
  ExpectFailure(StrCat("sort-lines --slots=none", Files("out")), 2, "--slots=none");
  ExpectFailure(StrCat("sort-lines --slot-memory=1MiB", Files("out")), 2, "at least 64MiB");
  ExpectFailure(StrCat("sort-lines stray", Files("out")), 2, "'stray' is no option");
  ExpectFailure(StrCat("sort-lines --progress=none --output=", dir_.File("out"), " --input=/no/such/file"), 2,
                "does not exist");
}

TEST_F(LocalTest, AnOutputThatStandsIsKept) {
  ASSERT_EQ(RunBundle(StrCat("count-lines", Files("kept"))).exit_code, 0);
  const std::string before = Parts("kept");
  EXPECT_EQ(RunBundle(StrCat("sort-lines", Files("kept"))).exit_code, 2);
  EXPECT_EQ(RunBundle(StrCat("boom --how=segv --overwrite", Files("kept"))).exit_code, 1);
  EXPECT_EQ(Parts("kept"), before);
  EXPECT_EQ(RunBundle(StrCat("sort-lines --overwrite", Files("kept"))).exit_code, 0);
  EXPECT_NE(Parts("kept"), before);
}

TEST_F(LocalTest, PlanPrintsAndTouchesNothing) {
  const Ran plan = RunBundle(StrCat("plan sort-lines", Files("out"), "--partitions=2"));
  EXPECT_EQ(plan.exit_code, 0);
  EXPECT_NE(plan.text.find("depends on the result of this action"), std::string::npos) << plan.text;
  const Ran one = RunBundle(StrCat("plan count-lines", Files("out")));
  EXPECT_NE(one.text.find("shuffle by"), std::string::npos) << one.text;
  EXPECT_FALSE(FileExists(dir_.File("out")));
}

TEST_F(LocalTest, Describe) {
  const Ran json = RunBundle("describe --json");
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_NE(json.text.find("\"name\":\"count-lines\""), std::string::npos);
  EXPECT_NE(RunBundle("describe boom").text.find("--how=text"), std::string::npos);
  EXPECT_EQ(RunBundle("--version").exit_code, 0);
  EXPECT_EQ(RunBundle("--help").exit_code, 0);
  EXPECT_EQ(RunBundle("").exit_code, 2);
}

TEST_F(LocalTest, AnInterruptKillsTheJob) {
  const Ran ran = RunBundle(StrCat("boom --how=hang", Files("out"),
                                   " & pid=$!; until ls $TMPDIR/*/j*/segments >/dev/null 2>&1; do :; done; "
                                   "kill -INT $pid; wait $pid"));
  EXPECT_EQ(ran.exit_code, 3) << ran.text;
  EXPECT_NE(ran.text.find("the job was killed"), std::string::npos) << ran.text;
  EXPECT_FALSE(FileExists(dir_.File("out")));
}

}  // namespace
}  // namespace millrace
