// gRPC around CoordinatorCore: Control, Client and the standard health service.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/server/bundle_store.h"
#include "coordinator/server/core.h"

namespace millrace {

class GrpcServer {
 public:
  // Serves on `listen` (HOST:PORT, port 0 = any free one). Core and store must outlive it.
  // kUnavailable with a sentence when the address is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const std::string& listen, CoordinatorCore* core,
                                                           BundleStore* bundles);
  virtual ~GrpcServer() = default;          // Stop()
  virtual std::string address() const = 0;  // with the port that was chosen
  // Refuses new calls, ends the streams, waits for them. Before the core stops.
  virtual void Stop() = 0;
};

}  // namespace millrace
