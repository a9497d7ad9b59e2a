// What the commands share: their option tables, the way a sentence reaches the user, the dispatch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/config/option_table.h"

namespace millrace::cli {

// Options of several commands; each command registers those it has.
struct Options {
  std::string coordinator;
  std::string bundle;
  std::string print;     // -o: "table" or "json"
  std::string progress;  // "auto", "plain", "none"
  uint32_t connect_timeout_ms = 0;
  uint32_t reconnect_timeout_ms = 0;
  uint32_t timeout_ms = 0;  // 0 = none
  bool local = false;
  uint32_t slots = 0;
  uint64_t slot_memory_bytes = 0;
  std::string work_dir;
  bool follow = false;
  bool json() const { return print == "json"; }
};

void AddCoordinator(OptionTable& table, Options& options);
void AddBundle(OptionTable& table, Options& options);
void AddPrint(OptionTable& table, Options& options);
void AddWaiting(OptionTable& table, Options& options);  // --progress, --timeout

// `args` with the short forms written out: -o X, -oX -> --print=X; -f -> --follow; -h -> --help.
std::vector<std::string> Expand(const std::vector<std::string>& args);

// Parses `args` into `table`; prints help or the sentence and returns the exit code, or nullopt to go on.
std::optional<int> Parse(OptionTable& table, const std::vector<std::string>& args);

// "mrsubmit: <message>" on stderr; returns `exit_code`.
int Say(const std::string& message, int exit_code);
// The same for a status: unavailable 4, invalid or not found 2, deadline 124, cancelled 3, all else 1.
int Say(const absl::Status& status);
int ExitCode(const absl::Status& status);

// Finds the command among `args` (options may stand before it) and runs it.
int Dispatch(std::vector<std::string> args);

}  // namespace millrace::cli
