// Joins an Agent to a coordinator over gRPC: one control stream, opened again whenever it breaks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "worker/agent/agent.h"
#include "worker/agent/bundle_source.h"

namespace millrace {

struct GrpcLinkOptions {
  std::string coordinator;        // HOST:PORT
  int64_t first_backoff_ms = 50;  // doubles up to
  int64_t max_backoff_ms = 1000;
  std::function<void(const std::string&)> on_trouble;  // called when the connection breaks, once per trouble
};

class GrpcLink {
 public:
  // Connects in a thread of its own, from now until destruction. `agent` must outlive it.
  static std::unique_ptr<GrpcLink> Start(const GrpcLinkOptions& options, Agent* agent);
  virtual ~GrpcLink() = default;  // breaks the stream, joins
  // Why it is not connected, "" when it is. For people.
  virtual std::string trouble() const = 0;
};

// FetchBundle of the coordinator; one that is away is waited for as long as `patience_ms`, and a bundle may
// take as long.
std::unique_ptr<BundleSource> MakeGrpcBundleSource(const std::string& coordinator,
                                                   int64_t patience_ms = 300'000);

}  // namespace millrace
