// Executors as threads of this process: local mode's answer to the agent's wish for a child.
#pragma once

#include <memory>
#include <string>

#include "worker/agent/bundle_source.h"
#include "worker/agent/launcher.h"

namespace millrace {

// Kill() cancels what runs and waits half a second for it; user code that goes on after that is left to
// run, its executor is never freed, and the process must end by _exit (see Stuck()).
class InProcessLauncher final : public ExecutorLauncher {
 public:
  explicit InProcessLauncher(std::string bundle_name);
  ~InProcessLauncher() override;
  absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(const LaunchSpec& spec,
                                                         std::function<void(pb::FromExecutor)> on_frame,
                                                         std::function<void(ExitInfo)> on_exit) override;
  // An executor had to be left behind.
  bool Stuck() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// The bundle is this program.
class OwnBundle final : public BundleSource {
 public:
  absl::Status Fetch(const std::string& hash, const std::string& path) override;
  std::string InPlace(const std::string&) override { return "/proc/self/exe"; }
};

}  // namespace millrace
