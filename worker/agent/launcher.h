// How the agent starts executors: as child processes (ProcessLauncher) or, in local mode, inside
// its own process (worker/bundle).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/executor.pb.h"

namespace millrace {

struct LaunchSpec {
  uint64_t job = 0;
  std::string bundle_path;        // executable file; "" where the launcher knows it (in process)
  pb::ExecutorSetup setup;        // sent by the agent as part of the first frame; here for the launcher's use
  uint64_t heap_limit_bytes = 0;  // of the process, by the kernel; 0 = none
};

// How an executor ended.
struct ExitInfo {
  bool clean = false;          // it was asked to shut down and did
  int exit_code = 0;           // when it exited
  int signal = 0;              // when a signal ended it
  bool out_of_memory = false;  // it said so before it went (std::bad_alloc), or the kernel killed it
  std::string detail;          // for logs
};

// A running executor. Thread-safe. Destroying the handle kills it and waits for its threads; no
// callback comes after that.
class ExecutorHandle {
 public:
  virtual ~ExecutorHandle() = default;
  // Never blocks on a slow executor: frames queue.
  virtual void Send(const pb::ToExecutor& frame) = 0;
  // At once, with all its children. on_exit still comes.
  virtual void Kill() = 0;
};

class ExecutorLauncher {
 public:
  virtual ~ExecutorLauncher() = default;
  // `on_frame` and `on_exit` are called from a thread of the launcher, in order; on_exit once, last. They may
  // be called before Launch returns. They must not destroy the handle.
  virtual absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(
      const LaunchSpec& spec, std::function<void(pb::FromExecutor)> on_frame,
      std::function<void(ExitInfo)> on_exit) = 0;
};

}  // namespace millrace
