// The jobs a bundle offers: MR_JOB enters them before main().
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/task.pb.h"

namespace millrace {

class Job;

// One option of a job, for `mrsubmit jobs`, checking and suggestions.
struct OptionInfo {
  std::string name;           // "close-precision" for --close-precision
  std::string type;           // "text", "integer", "number", "flag", "range"
  std::string default_value;  // as text; "(required)" when there is none
  std::string meaning;
};

struct JobInfo {
  std::string name;
  std::string meaning;
  std::vector<OptionInfo> options;  // the common ones (--input, --output, ...) first
  // Parses `options` (names without dashes) and runs the job function in `job`. kind NONE = it went well;
  // USAGE = found wrong before the first task; never throws (user exceptions become USER_CODE).
  pb::ErrorInfo (*run)(Job& job, const std::map<std::string, std::string>& options) = nullptr;
};

class JobRegistry {
 public:
  static JobRegistry& Get();
  void Add(JobInfo info);
  const JobInfo* Find(std::string_view name) const;
  std::vector<const JobInfo*> List() const;  // by name
 private:
  std::vector<JobInfo> jobs_;
};

}  // namespace millrace
