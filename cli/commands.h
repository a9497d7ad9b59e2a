// The commands of mrsubmit, one file per family. Each takes what stands on the command line apart from
// its own name and returns the exit code.
#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

using Args = std::vector<std::string>;

// Exit codes of every command.
inline constexpr int kOk = 0;
inline constexpr int kJobFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kKilled = 3;
inline constexpr int kUnreachable = 4;
inline constexpr int kTimedOut = 124;

int RunCommand(const Args& args);         // command_run.cc
int SubmitCommand(const Args& args);      // command_run.cc
int WaitCommand(const Args& args);        // command_run.cc
int ListCommand(const Args& args);        // command_status.cc
int StatusCommand(const Args& args);      // command_status.cc
int WorkersCommand(const Args& args);     // command_status.cc
int CountersCommand(const Args& args);    // command_status.cc
int KillCommand(const Args& args);        // command_status.cc
int LogsCommand(const Args& args);        // command_story.cc
int EventsCommand(const Args& args);      // command_story.cc
int JobsCommand(const Args& args);        // command_bundle.cc
int PlanCommand(const Args& args);        // command_bundle.cc
int VerifyCommand(const Args& args);      // command_verify.cc
int ReportCommand(const Args& args);      // command_report.cc
int CompletionCommand(const Args& args);  // command_completion.cc

struct Command {
  const char* name;
  const char* usage;    // what follows the name
  const char* summary;  // one line of `mrsubmit --help`
  int (*run)(const Args& args);
};
const std::vector<Command>& Commands();  // in the order of --help

}  // namespace millrace::cli
