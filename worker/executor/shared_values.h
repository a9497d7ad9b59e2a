// The shared values of a job, as the worker keeps them in the job's folder (SharedValuePath).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"

namespace millrace {

// Read once and checked against the digest, then handed to all tasks that name it. Thread-safe.
class SharedValues {
 public:
  explicit SharedValues(std::string job_dir) : job_dir_(std::move(job_dir)) {}
  absl::StatusOr<std::shared_ptr<const std::string>> Get(const std::string& digest);

 private:
  const std::string job_dir_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const std::string>> known_;
  // The newest ones stay between tasks, up to 64 MiB; larger ones live as long as tasks use them.
  std::deque<std::shared_ptr<const std::string>> kept_;
  uint64_t kept_bytes_ = 0;
};

}  // namespace millrace
