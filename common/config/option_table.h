// The options of one binary: each with default, unit and consequence; --help and --version come with it.
//
//   uint32_t slots = 0;
//   OptionTable table("mrworker", "Runs tasks of Millrace jobs on this machine.");
//   table.Add("slots", &slots, 2u, "tasks", "How many tasks run at once.").Range(1, 1024);
//   table.AddBytes("slot-memory", &memory, 256ull << 20, "Memory of one slot; above it a task spills to
//   disk."); if (std::optional<int> exit_code = table.Parse(argc, argv)) return *exit_code;
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace millrace {

class OptionTable {
 public:
  // `usage` is what follows the program's name in --help: "[options] JOB [--name=value ...]".
  OptionTable(std::string program, std::string summary, std::string usage = "[options]");
  ~OptionTable();

  // Refines the option just added.
  class Option {
   public:
    Option& Range(double least, double most);           // numbers, bytes and times (in ms)
    Option& Choices(std::vector<std::string> choices);  // texts
    Option& Required();
    Option& Env(std::string variable);  // used when the option is not given
    Option& Check(std::function<absl::Status(const std::string& value)> check);  // its message is shown
    Option& Hidden();                                                            // not in --help

   private:
    friend class OptionTable;
    struct Spec;
    explicit Option(Spec* spec) : spec_(spec) {}
    Spec* spec_;
  };

  // `name` without dashes. The variable gets the default at once. `unit` is shown as --name=UNIT.
  // `meaning` says what it does and what happens when it is too small or too large.
  Option Add(std::string name, std::string* value, std::string default_value, std::string unit,
             std::string meaning);
  Option Add(std::string name, uint32_t* value, uint32_t default_value, std::string unit,
             std::string meaning);
  Option Add(std::string name, uint64_t* value, uint64_t default_value, std::string unit,
             std::string meaning);
  Option Add(std::string name, int64_t* value, int64_t default_value, std::string unit, std::string meaning);
  Option Add(std::string name, double* value, double default_value, std::string unit, std::string meaning);
  Option Add(std::string name, bool* value, bool default_value, std::string meaning);  // --name, --name=false
  Option AddList(std::string name, std::vector<std::string>* value, std::string unit,
                 std::string meaning);  // repeatable
  // "4096", "64KiB", "256MiB", "1.5GiB" (KB, MB, GB are powers of 1000).
  Option AddBytes(std::string name, uint64_t* value, uint64_t default_value, std::string meaning);
  // "500ms", "10s", "2m", or a number of milliseconds.
  Option AddMs(std::string name, uint32_t* value, uint32_t default_value, std::string meaning);
  // Arguments that are no options; without it they are refused.
  void Positional(std::vector<std::string>* values, std::string unit);
  // Parsing stops at the first argument that is no option; it and all that follow land in `rest`.
  void Rest(std::vector<std::string>* rest, std::string unit);
  // Unknown --name=value pairs land here instead of being refused.
  void Unknown(std::map<std::string, std::string>* values);

  // kInvalidArgument with one sentence; an unknown option names the nearest known one.
  absl::Status ParseArgs(const std::vector<std::string>& args);
  // The same for main(): --help and --version print and give 0, an error prints "program: sentence" on
  // stderr and gives 2; nullopt means: go on.
  std::optional<int> Parse(int argc, char** argv);

  std::string Help() const;
  bool Given(const std::string& name) const;  // on the command line or by its variable
  // name=value of every option, in the order of the table: for logs.
  std::string Describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string VersionText();  // "0.1.0"

absl::Status ParseBytesText(const std::string& text, uint64_t* bytes);
absl::Status ParseMsText(const std::string& text, uint32_t* ms);

// HOST:PORT with HOST a loopback address (127.x.y.z, ::1 as [::1], localhost); anything else is refused
// with the sentence that says so: until keys exist, only loopback.
absl::Status CheckLoopback(const std::string& address);

}  // namespace millrace
