// Where a worker gets the bundles (executables) that it lacks.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace {

class BundleSource {
 public:
  virtual ~BundleSource() = default;
  // Writes the file whose SHA-256 is `hash` to `path`. Blocks; called from a thread of the agent's.
  // The agent verifies the hash.
  virtual absl::Status Fetch(const std::string& hash, const std::string& path) = 0;
  // Ends a Fetch that waits, and every later one, without the bundle. Thread-safe.
  virtual void Stop() {}
  // Where the bundle lies already and needs no copy; "" when it must be fetched (local mode: this program).
  virtual std::string InPlace(const std::string& /*hash*/) { return ""; }
};

}  // namespace millrace
