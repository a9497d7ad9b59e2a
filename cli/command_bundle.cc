// jobs and plan: what a bundle says of itself.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "cli/bundle.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "common/base/strings.h"

namespace millrace::cli {

namespace {

std::string JobJson(const JobDescription& job) {
  std::string options;
  for (const JobOption& option : job.options) {
    StrAppend(&options, options.empty() ? "" : ", ", "{\"name\": ", JsonQuote(option.name),
              ", \"type\": ", JsonQuote(option.type), ", \"default\": ", JsonQuote(option.default_value),
              ", \"meaning\": ", JsonQuote(option.meaning), "}");
  }
  return StrCat("{\"name\": ", JsonQuote(job.name), ", \"meaning\": ", JsonQuote(job.meaning),
                ", \"options\": [", options, "]}");
}

void PrintJob(const JobDescription& job) {
  std::printf("%s: %s\n\n", job.name.c_str(), job.meaning.c_str());
  std::vector<std::vector<std::string>> rows = {{"option", "type", "default", "meaning"}};
  for (const JobOption& option : job.options) {
    rows.push_back({"--" + option.name, option.type, option.default_value, option.meaning});
  }
  std::fputs(Table(rows).c_str(), stdout);
}

}  // namespace

int JobsCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  std::string only;
  OptionTable table("mrsubmit jobs",
                    "Lists the jobs of a bundle; with a job its options, types, defaults and meanings.",
                    "[options] [JOB]");
  AddBundle(table, options);
  AddPrint(table, options);
  table
      .Add("only", &only, std::string(), "names|options",
           "Bare words, one a line: for the shell's completion.")
      .Choices({"names", "options"})
      .Hidden();
  table.Positional(&positional, "JOB");
  if (auto code = Parse(table, args)) return *code;
  auto bundle = OpenBundle(options.bundle);
  if (!bundle.ok()) return Say(bundle.status());
  if (positional.empty()) {
    std::string json;
    std::vector<std::vector<std::string>> rows = {{"job", "what it does"}};
    for (const JobDescription& job : bundle->jobs) {
      rows.push_back({job.name, job.meaning});
      StrAppend(&json, json.empty() ? "" : ",\n ", JobJson(job));
      if (only == "names") std::printf("%s\n", job.name.c_str());
    }
    if (only == "names") return kOk;
    if (options.json()) {
      std::printf("[%s]\n", json.c_str());
    } else {
      std::printf("%s\n`mrsubmit jobs JOB` lists the options of one.\n", Table(rows).c_str());
    }
    return kOk;
  }
  bool first = true;
  for (const std::string& name : positional) {
    auto job = FindJob(*bundle, name);
    if (!job.ok()) return Say(job.status());
    if (only == "options") {
      for (const JobOption& option : (*job)->options) std::printf("--%s=\n", option.name.c_str());
    } else if (options.json()) {
      std::printf("%s\n", JobJson(**job).c_str());
    } else {
      if (!first) std::printf("\n");
      PrintJob(**job);
    }
    first = false;
  }
  return kOk;
}

int PlanCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  std::map<std::string, std::string> job_options;
  OptionTable table(
      "mrsubmit plan",
      "Prints the stages of a job up to the first action whose result decides what comes next. Reads where "
      "the inputs' splits begin, runs and writes nothing.",
      "[options] JOB [--name=value ...]");
  AddBundle(table, options);
  table.Positional(&positional, "JOB");
  table.Unknown(&job_options);
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() != 1) return Say("plan takes one job and its options as --name=value", kUsage);
  auto bundle = OpenBundle(options.bundle);
  if (!bundle.ok()) return Say(bundle.status());
  auto job = FindJob(*bundle, positional[0]);
  if (!job.ok()) return Say(job.status());
  if (absl::Status status = CheckOptions(**job, &job_options); !status.ok()) return Say(status);
  std::vector<std::string> words = {bundle->path, "plan", positional[0]};
  for (const auto& [name, value] : job_options) words.push_back(StrCat("--", name, "=", value));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  ::execv(bundle->path.c_str(), argv.data());
  return Say(StrCat("cannot execute the bundle ", bundle->path, ": ", std::strerror(errno)), kUsage);
}

}  // namespace millrace::cli
