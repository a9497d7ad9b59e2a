// Serves segments to other workers, on a port of its own: bulk must not block control. Whole framed blocks as
// they lie on the disk, read with pread into pooled buffers; nothing is decoded. Whoever reads them verifies
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace millrace {

class SegmentStore;

struct BulkServerOptions {
  std::string listen = "127.0.0.1:0";
  // Why a request that names this path under this manifest version is stale; "" when it is not. May be empty.
  std::function<std::string(uint64_t job, uint32_t stage, uint64_t version, const std::string& path)> check;
};

class BulkServer {
 public:
  // `store` must outlive the server. kUnavailable: cannot listen there.
  static absl::StatusOr<std::unique_ptr<BulkServer>> Start(const BulkServerOptions& options,
                                                           SegmentStore* store);
  virtual ~BulkServer() = default;                 // stops at once; running streams break off
  virtual const std::string& address() const = 0;  // HOST:PORT, the port that was chosen
};

}  // namespace millrace
