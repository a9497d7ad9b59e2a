#include "worker/executor/shared_values.h"

#include "common/base/files.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

constexpr uint64_t kKeptBytes = 64 << 20;

}  // namespace

// Under the lock while it reads: the other slots want the same value.
absl::StatusOr<std::shared_ptr<const std::string>> SharedValues::Get(const std::string& digest) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<const std::string>& known = known_[digest];
  if (std::shared_ptr<const std::string> value = known.lock()) return value;
  const std::string path = SharedValuePath(job_dir_, digest);
  MR_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  if (Sha256Hex(bytes) != Hex(digest))
    return DataLoss("the shared value ", path, " is damaged: its SHA-256 is ", Sha256Hex(bytes));
  const auto value = std::make_shared<const std::string>(std::move(bytes));
  known = value;
  if (value->size() > kKeptBytes) return value;
  kept_.push_back(value);
  for (kept_bytes_ += value->size(); kept_bytes_ > kKeptBytes; kept_.pop_front())
    kept_bytes_ -= kept_.front()->size();
  return value;
}

}  // namespace millrace
