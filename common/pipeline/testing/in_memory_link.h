// Runs plans in memory, one task after the other, by the letter of common/pipeline/runtime.h: for tests of
// operators and jobs without processes. Shares no code with worker/executor, so it is a second opinion.
#pragma once

#include <map>
#include <optional>
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
  absl::Status StartAction(pb::ActionRequest request) override;  // runs it
  absl::StatusOr<pb::ActionResult> AwaitAction(uint32_t action) override;
  std::optional<pb::ActionResult> FindLoop(uint32_t first_action) override;

  // As a coordinator would over the life of several drivers: results are kept for the next one, a plan that
  // differs from a logged one is refused, the state of a loop settles the steps before it.
  bool keep_log = false;
  // The driver dies (kCancelled) instead of starting its n-th action from now; -1 = never.
  int starts_to_live = -1;
  const std::map<uint32_t, pb::ActionResult>& log() const { return log_; }
  // Written files by final name ("part-00000.csv", "centres/part-00000.csv").
  const std::map<std::string, std::string>& files() const { return files_; }
  // All parts of a folder one after the other.
  std::string Folder(const std::string& folder) const;
  const std::vector<pb::Plan>& plans() const { return plans_; }
  // User counters summed over tasks.
  const std::map<std::string, int64_t>& counters() const { return counters_; }

  // ---- for the task context ----
  std::map<std::string, std::string> shared;                           // by digest
  std::map<uint32_t, std::vector<std::vector<StoredRecord>>> outputs;  // stage -> map task -> records

 private:
  pb::ErrorInfo RunTask(const pb::Plan& plan, const pb::Stage& stage, const pb::Branch& branch, uint32_t task,
                        uint32_t task_in_branch, pb::ActionResult* result);
  std::map<std::string, std::string> files_;
  std::vector<pb::Plan> plans_;
  std::map<std::string, int64_t> counters_;
  std::map<uint32_t, pb::ActionResult> log_;
};

// Runs a registered job with the options given; kind NONE when it went well.
pb::ErrorInfo RunJob(InMemoryLink& link, const std::string& name,
                     const std::map<std::string, std::string>& options);

}  // namespace millrace::testing
