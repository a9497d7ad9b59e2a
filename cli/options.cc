#include "cli/options.h"

#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::cli {

void AddCoordinator(OptionTable& table, Options& options) {
  table
      .Add("coordinator", &options.coordinator, std::string("127.0.0.1:7070"), "HOST:PORT",
           "Where mrcoordinator serves.")
      .Env("MILLRACE_COORDINATOR");
  table.AddMs("connect-timeout", &options.connect_timeout_ms, 3000,
              "How long the first contact may take; then exit code 4.");
  table.AddMs("reconnect-timeout", &options.reconnect_timeout_ms, 300000,
              "How long to wait for a coordinator that went away after it had answered; then exit code 4.");
}

void AddBundle(OptionTable& table, Options& options) {
  table.Add("bundle", &options.bundle, std::string(), "FILE",
            "The program that holds the jobs; without it mrjobs beside mrsubmit.");
}

void AddPrint(OptionTable& table, Options& options) {
  table
      .Add("print", &options.print, std::string("table"), "table|json",
           "-o for short: how to print the answer.")
      .Choices({"table", "json"});
}

void AddWaiting(OptionTable& table, Options& options) {
  table
      .Add("progress", &options.progress, std::string("auto"), "auto|plain|none",
           "auto: in place on a terminal, plain lines elsewhere.")
      .Choices({"auto", "plain", "none"});
  table.AddMs(
      "timeout", &options.timeout_ms, 0,
      "Stop waiting after this long with exit code 124 (0 = never). A job on a fleet goes on, a local one "
      "is stopped.");
}

std::vector<std::string> Expand(const std::vector<std::string>& args) {
  std::vector<std::string> out;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "-o" && i + 1 < args.size()) {
      out.push_back("--print=" + args[++i]);
    } else if (arg.rfind("-o", 0) == 0 && arg.size() > 2) {
      out.push_back("--print=" + arg.substr(arg[2] == '=' ? 3 : 2));
    } else if (arg == "-f") {
      out.push_back("--follow");
    } else if (arg == "-h") {
      out.push_back("--help");
    } else {
      out.push_back(arg);
    }
  }
  return out;
}

std::optional<int> Parse(OptionTable& table, const std::vector<std::string>& args) {
  const std::vector<std::string> expanded = Expand(args);
  for (const std::string& arg : expanded) {
    if (arg == "--help") {
      std::fputs(table.Help().c_str(), stdout);
      return kOk;
    }
    if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-') {
      return Say(StrCat("unknown option ", arg, "; options are written --name=value, see --help"), kUsage);
    }
  }
  absl::Status status = table.ParseArgs(expanded);
  if (!status.ok()) return Say(MessageOf(status), kUsage);
  return std::nullopt;
}

int Say(const std::string& message, int exit_code) {
  std::fflush(stdout);
  std::fprintf(stderr, "mrsubmit: %s\n", message.c_str());
  return exit_code;
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kUnavailable:
      return kUnreachable;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return kUsage;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimedOut;
    case absl::StatusCode::kCancelled:
      return kKilled;
    default:
      return kJobFailed;
  }
}

int Say(const absl::Status& status) { return Say(MessageOf(status), ExitCode(status)); }

const std::vector<Command>& Commands() {
  static const auto* commands = new std::vector<Command>{
      {"run", "[--local] JOB [--name=value ...]", "runs a job and waits for its end", RunCommand},
      {"submit", "JOB [--name=value ...]", "hands a job to the coordinator and prints its id", SubmitCommand},
      {"list", "", "the jobs of the coordinator", ListCommand},
      {"status", "[ID]", "one job: state, stages, why it is pending, its error", StatusCommand},
      {"wait", "[ID]", "waits for the end of a job, shows its progress", WaitCommand},
      {"logs", "[-f] [ID]", "what the job's processes said", LogsCommand},
      {"counters", "[ID]", "the job's own counters", CountersCommand},
      {"kill", "ID", "stops a job and removes what it wrote", KillCommand},
      {"plan", "JOB [--name=value ...]", "prints the stages of a job without running it", PlanCommand},
      {"events", "[-f] [ID] [--stage=N [--task=N]]", "the story of a job, a stage or a task", EventsCommand},
      {"workers", "", "the workers of the coordinator", WorkersCommand},
      {"jobs", "[JOB]", "the jobs that a bundle offers, with the options of each", JobsCommand},
      {"verify", "OUTPUT", "checks an output against the ledger and digests in its _SUCCESS", VerifyCommand},
      {"report", "OUTPUT", "makes the page of a job's report again, from its output", ReportCommand},
      {"completion", "bash|zsh", "prints a script for the shell's completion", CompletionCommand},
  };
  return *commands;
}

namespace {

void PrintHelp() {
  std::printf(
      "mrsubmit: runs Millrace jobs, on this machine or on a fleet.\n\nusage: mrsubmit COMMAND ...\n\n");
  for (const Command& command : Commands()) {
    std::string left = StrCat(std::string(command.name), " ", std::string(command.usage));
    std::printf("  %-40s %s\n", left.c_str(), command.summary);
  }
  std::printf(
      "\nAn ID is j-N as printed by submit; without one the last job is meant. `mrsubmit COMMAND --help` "
      "lists the\n"
      "options of a command, `mrsubmit jobs JOB` those of a job. The coordinator is --coordinator=HOST:PORT "
      "or\n"
      "the variable MILLRACE_COORDINATOR.\n\n"
      "exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 killed, 4 coordinator unreachable, 124 timed "
      "out\n\n"
      "to begin:  mrsubmit run --local wordcount --input=FILE --output=DIR\n");
}

}  // namespace

int Dispatch(std::vector<std::string> args) {
  size_t at = 0;
  while (at < args.size() && !args[at].empty() && args[at][0] == '-') {
    if (args[at] == "--help" || args[at] == "-h") {
      PrintHelp();
      return kOk;
    }
    if (args[at] == "--version") {
      std::printf("mrsubmit %s\n", VersionText().c_str());
      return kOk;
    }
    at += args[at] == "-o" ? 2 : 1;
  }
  if (at >= args.size()) {
    PrintHelp();
    return args.empty() ? kUsage : Say("no command given; they are listed above", kUsage);
  }
  const std::string name = args[at];
  if (name == "help") {
    PrintHelp();
    return kOk;
  }
  args.erase(args.begin() + at);
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    if (name == command.name) return command.run(args);
    names.push_back(command.name);
  }
  return Say(
      StrCat("unknown command '", name, "'.", DidYouMean(name, names), " `mrsubmit --help` lists them."),
      kUsage);
}

}  // namespace millrace::cli
