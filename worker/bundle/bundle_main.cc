#include "worker/bundle/bundle_main.h"

#include <stdlib.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/profile.h"
#include "common/base/strings.h"
#include "worker/bundle/local.h"
#include "worker/bundle/plan_command.h"
#include "worker/executor/process.h"

#ifndef MILLRACE_VERSION
#define MILLRACE_VERSION "0.1.0"
#endif

namespace millrace {
namespace {

int Fail(const std::string& program, const std::string& sentence) {
  std::fprintf(stderr, "%s: %s\n", program.c_str(), sentence.c_str());
  return 2;
}

int Executor(const std::string& program, const std::vector<std::string>& args) {
  int fd = 3;
  for (const std::string& arg : args) {
    if (arg.rfind("--fd=", 0) == 0) fd = std::atoi(arg.c_str() + 5);
  }
  return RunExecutorProcess(fd, program);
}

int Describe(const std::string& program, const std::vector<std::string>& args) {
  if (args.size() > 1 && args[1] == "--json") {
    std::fputs(DescribeJson().c_str(), stdout);
    return 0;
  }
  const std::string job = args.size() > 1 ? args[1] : "";
  if (!job.empty() && JobRegistry::Get().Find(job) == nullptr) return Fail(program, UnknownJob(job));
  std::fputs(DescribeText(job).c_str(), stdout);
  return 0;
}

}  // namespace

int BundleMain(int argc, char** argv) {
  setenv("LC_ALL", "C", 1);
  const std::string program = argc > 0 ? std::string(BaseName(argv[0])) : "bundle";
  std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "help") {
    std::fputs(HelpText(program).c_str(), args.empty() ? stderr : stdout);
    return args.empty() ? 2 : 0;
  }
  if (args[0] == "--version") {
    std::printf("%s (Millrace %s)\n", program.c_str(), MILLRACE_VERSION);
    return 0;
  }
  if (args[0] == "describe") return Describe(program, args);
  if (const std::string problem = CheckCpu(); !problem.empty()) return Fail(program, problem);
  InitNumerics();
  if (args[0] == "__executor") return Executor(program, args);
  const bool plan = args[0] == "plan";
  if (plan || args[0] == "__local") args.erase(args.begin());
  if (args.empty()) return Fail(program, "name the job: `describe` lists them");
  if (args.size() == 2 && args[1] == "--help") return Describe(program, {"describe", args[0]});
  const auto options = ParseLocalOptions(program, args);
  if (!options.ok()) return Fail(program, std::string(ToStd(options.status().message())));
  return plan ? PrintPlan(*options) : RunLocalSupervised(*options);
}

}  // namespace millrace
