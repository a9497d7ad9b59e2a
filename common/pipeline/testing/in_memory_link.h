// Runs plans in memory, one task after the other, by the letter of common/pipeline/runtime.h: for tests of
// operators and jobs without processes. Shares no code with worker/executor, so it is a second opinion.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/pipeline/driver_link.h"
#include "common/pipeline/job.h"
#include "proto/plan.pb.h"

namespace millrace::testing {

// One output record of a map task.
struct StoredRecord {
  uint32_t partition = 0;
  uint32_t run = 0;
  std::string key, value;
};

class InMemoryLink : public DriverLink {
 public:
  absl::StatusOr<std::vector<pb::ActionResult>> RunActions(std::vector<pb::ActionRequest> requests) override;

  // Written files by final name ("part-00000.csv", "centres/part-00000.csv").
  const std::map<std::string, std::string>& files() const { return files_; }
  // All parts of a folder one after the other.
  std::string Folder(const std::string& folder) const;
  const std::vector<pb::Plan>& plans() const { return plans_; }
  // User counters summed over tasks.
  const std::map<std::string, int64_t>& counters() const { return counters_; }

  // ---- for the task context ----
  std::map<uint32_t, std::vector<std::vector<StoredRecord>>> outputs;  // stage -> map task -> records

 private:
  pb::ErrorInfo RunTask(const pb::Plan& plan, const pb::Stage& stage, const pb::Branch& branch, uint32_t task,
                        uint32_t task_in_branch, pb::ActionResult* result);
  std::map<std::string, std::string> files_;
  std::vector<pb::Plan> plans_;
  std::map<std::string, int64_t> counters_;
};

// Runs a registered job with the options given; kind NONE when it went well.
pb::ErrorInfo RunJob(InMemoryLink& link, const std::string& name,
                     const std::map<std::string, std::string>& options);

}  // namespace millrace::testing
