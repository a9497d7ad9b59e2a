// HTTP for people and monitors: / (a page), /healthz, /metrics. cpp-httplib stays behind http_server.cc.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/server/core.h"

namespace millrace {

class HttpServer {
 public:
  // Serves on `listen` (HOST:PORT, port 0 = any free one). The core must outlive it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& listen, CoordinatorCore* core);
  virtual ~HttpServer() = default;
  virtual std::string address() const = 0;
  virtual void Stop() = 0;
};

// The page as HTML and the metrics as text, without a server around them.
std::string StatusPage(CoordinatorCore& core);
std::string MetricsText(CoordinatorCore& core);

}  // namespace millrace
