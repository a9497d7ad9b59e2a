#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/uri.h"
#include "common/progress/progress.h"

namespace millrace::cli {
namespace {

JobDescription WordCount() {
  return {"wordcount",
          "counts words",
          {{"input", "path", "(required)", "what to read"},
           {"output", "path", "(required)", "where to"},
           {"k", "integer", "6", "how many"},
           {"tolerance", "number", "1e-4", "when to stop"},
           {"overwrite", "flag", "false", "replaces"},
           {"pattern", "text", "", "what to find"},
           {"tokens", "white|ascii", "white", "what a word is"}}};
}

absl::Status Check(std::map<std::string, std::string> options) {
  options.insert({{"input", "in"}, {"output", "out"}});
  return CheckOptions(WordCount(), &options);
}

TEST(Bundle, ParsesWhatItSaysOfItself) {
  auto jobs = ParseDescription(
      R"({"bundle": "x", "jobs": [{"name": "a", "meaning": "m", "options": [{"name": "k", "type": "integer", "default": "6", "meaning": "n"}]}]})");
  ASSERT_TRUE(jobs.ok());
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ((*jobs)[0].options[0].default_value, "6");
  EXPECT_FALSE(ParseDescription("").ok());
  EXPECT_FALSE(ParseDescription("[1, 2]").ok());
  EXPECT_FALSE(ParseDescription("{\"jobs\": 3}").ok());
}

TEST(Bundle, PathsBecomeAbsolute) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(AbsoluteUri("a/b"), here + "/a/b");
  EXPECT_EQ(AbsoluteUri("file:a"), here + "/a");
  EXPECT_EQ(AbsoluteUri("file:///x/../y"), "/y");
  EXPECT_EQ(AbsoluteUri("/x//y/"), "/x/y");
  EXPECT_EQ(AbsoluteUri("s3://bucket/key"), "s3://bucket/key");
  std::map<std::string, std::string> options = {{"input", "a,/b,c{d,e}"}, {"output", "o"}};
  ASSERT_TRUE(CheckOptions(WordCount(), &options).ok());
  EXPECT_EQ(options["input"], here + "/a,/b," + here + "/c{d,e}");
  EXPECT_EQ(options["output"], here + "/o");
}

TEST(Bundle, RefusesWhatTheJobDoesNotHave) {
  EXPECT_TRUE(
      Check({{"k", "3"}, {"tolerance", "0.5"}, {"overwrite", "true"}, {"pattern", ""}, {"tokens", "ascii"}})
          .ok());
  EXPECT_EQ(
      MessageOf(Check({{"patern", "x"}})),
      "job wordcount has no option --patern. Did you mean --pattern? `mrsubmit jobs wordcount` lists them.");
  EXPECT_EQ(MessageOf(Check({{"k", "six"}})),
            "option --k=six of wordcount takes an integer, for instance --k=6");
  EXPECT_FALSE(Check({{"k", "3.5"}}).ok());
  EXPECT_FALSE(Check({{"tolerance", ""}}).ok());
  EXPECT_EQ(MessageOf(Check({{"tokens", "whit"}})),
            "option --tokens=whit of wordcount takes one of white|ascii. Did you mean 'white'?");
  std::map<std::string, std::string> without = {{"input", "a"}};
  EXPECT_EQ(MessageOf(CheckOptions(WordCount(), &without)), "job wordcount needs --output: where to");
}

TEST(Bundle, IsRememberedUntilItChanges) {
  ScopedTempDir dir;
  ::setenv("MILLRACE_CACHE_DIR", dir.File("cache").c_str(), 1);
  const std::string path = dir.File("bundle");
  auto write = [&](const std::string& name) {
    ASSERT_TRUE(WriteFile(path, "#!/bin/sh\necho run >> " + dir.File("runs") +
                                    "\necho '{\"jobs\": [{\"name\": \"" + name + "\"}]}'\n")
                    .ok());
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  };
  write("first");
  auto first = OpenBundle(path);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(OpenBundle(path)->hash, first->hash);
  EXPECT_EQ(*ReadFile(dir.File("runs")), "run\n");
  write("other");
  auto other = OpenBundle(path);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(other->hash, first->hash);
  EXPECT_EQ(other->jobs[0].name, "other");
  EXPECT_EQ(*ReadFile(dir.File("runs")), "run\nrun\n");
  EXPECT_FALSE(OpenBundle(dir.File("nothing")).ok());
}

TEST(Progress, StageLine) {
  pb::StageStatus stage;
  stage.set_stage(3);
  stage.set_name("reduce");
  stage.set_tasks(8);
  stage.set_done(4);
  stage.set_running(2);
  stage.set_records(1200000);
  stage.set_bytes(10 << 20);
  stage.set_total_bytes(20 << 20);
  EXPECT_EQ(StageLine(stage, 2), "stage 3 reduce: 4/8 tasks, 1.2M records, 10 MiB, 5 MiB/s, 2 s left");
  stage.set_total_bytes(0);
  stage.set_failed_attempts(1);
  EXPECT_EQ(StageLine(stage, 2),
            "stage 3 reduce: 4/8 tasks, 1.2M records, 10 MiB, 5 MiB/s, 2 s left, 1 failed attempts");
  stage.set_done(8);
  stage.set_failed_attempts(0);
  EXPECT_EQ(StageLine(stage, 0), "stage 3 reduce: 8/8 tasks, 1.2M records, 10 MiB");
}

TEST(Progress, PendingAlwaysSaysWhy) {
  pb::JobStatus job;
  job.set_id("j-3");
  job.set_name("sort");
  job.set_state(pb::JobStatus::PENDING);
  job.set_pending_reason("no worker is connected");
  EXPECT_EQ(JobLine(job), "j-3 sort: pending: no worker is connected");
  ScopedTempDir dir;
  FILE* out = std::fopen(dir.File("out").c_str(), "w");
  Progress progress(Progress::Mode::kPlain, out);
  progress.Update(job, 0);
  progress.Update(job, 5000);
  std::fclose(out);
  EXPECT_EQ(*ReadFile(dir.File("out")), "j-3 pending: no worker is connected\n");
}

TEST(Progress, PlainLinesAreOnePerFinishedStageAndNowAndThen) {
  ScopedTempDir dir;
  FILE* out = std::fopen(dir.File("out").c_str(), "w");
  Progress progress(Progress::Mode::kPlain, out);
  pb::JobStatus job;
  job.set_id("j-3");
  job.set_state(pb::JobStatus::RUNNING);
  pb::StageStatus* stage = job.add_stages();
  stage->set_tasks(2);
  stage->set_running(2);
  for (int64_t ms : {0, 1000, 2100, 3000}) progress.Update(job, ms);
  stage->set_running(0);
  stage->set_done(2);
  progress.Update(job, 3500);
  progress.Update(job, 9500);
  std::fclose(out);
  EXPECT_EQ(*ReadFile(dir.File("out")), "j-3 stage 0: 0/2 tasks\nj-3 stage 0: 2/2 tasks\n");
}

TEST(Print, TableAndJson) {
  EXPECT_EQ(Table({{"a", "bb"}, {"ccc", "d"}}), "a    bb\nccc  d\n");
  pb::JobStatus job;
  job.set_id("j-1");
  job.set_state(pb::JobStatus::FAILED);
  job.mutable_error()->set_kind(pb::ErrorInfo::BAD_INPUT);
  job.mutable_error()->set_message("in.csv:3: column Close: 'x' is no number");
  const std::string json = JobJson(job);
  EXPECT_NE(json.find("\"state\": \"failed\""), std::string::npos);
  EXPECT_NE(json.find("\"kind\": \"BAD_INPUT\""), std::string::npos);
  EXPECT_EQ(FailureSentence(job), "j-1 failed: in.csv:3: column Close: 'x' is no number");
}

TEST(ExitCodes, AreThoseOfTheManual) {
  pb::JobStatus job;
  job.set_state(pb::JobStatus::SUCCEEDED);
  EXPECT_EQ(ExitCodeOf(job), 0);
  job.set_state(pb::JobStatus::FAILED);
  EXPECT_EQ(ExitCodeOf(job), 1);
  job.mutable_error()->set_kind(pb::ErrorInfo::USAGE);
  EXPECT_EQ(ExitCodeOf(job), 2);
  job.set_state(pb::JobStatus::KILLED);
  EXPECT_EQ(ExitCodeOf(job), 3);
  EXPECT_EQ(Dispatch({"wait", "--coordinator=127.0.0.1:1", "--connect-timeout=100ms"}), 4);
  EXPECT_EQ(Dispatch({"no-such-command"}), 2);
  EXPECT_EQ(Dispatch({"list", "--nonsense"}), 2);
  EXPECT_EQ(Dispatch({"kill"}), 2);
}

TEST(Options, ShortForms) {
  EXPECT_EQ(Expand({"-o", "json", "-ojson", "-f", "-h", "x"}),
            (std::vector<std::string>{"--print=json", "--print=json", "--follow", "--help", "x"}));
}

}  // namespace
}  // namespace millrace::cli
