// The command line of a bundle that is run by hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/pipeline/jobs_registry.h"

namespace millrace {

struct LocalOptions {
  std::string program;  // for messages: "mrjobs"
  std::string job;
  std::map<std::string, std::string> options;  // of the job, names without dashes, paths absolute
  uint32_t slots = 0;                          // 0 = one per CPU
  uint64_t slot_memory_bytes = 256ull << 20;
  std::string work_dir;           // "" = a fresh folder under $TMPDIR
  std::string progress = "auto";  // auto, plain, none
  bool supervise = true;          // --supervise=false: no parent process (debuggers)
};

// From JOB --name=value ...: takes the options of local mode out, the rest are the job's. kInvalidArgument is
// a sentence.
absl::StatusOr<LocalOptions> ParseLocalOptions(const std::string& program,
                                               const std::vector<std::string>& args);

// The sentence for a job that this bundle does not have.
std::string UnknownJob(const std::string& name);

// Text for --help, and what `describe [--json]` prints: every job with its options.
std::string HelpText(const std::string& program);
std::string DescribeText(const std::string& job);  // of one job, or of all when ""
std::string DescribeJson();

}  // namespace millrace
