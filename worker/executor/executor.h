// Runs the tasks of one job on one worker, and the job's driver when it is asked to: messages in,
// messages out. Threads: one per slot (started when needed, kept), one for the driver, one for progress.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proto/executor.pb.h"
#include "worker/executor/driver.h"
#include "worker/shuffle/fetcher.h"

namespace millrace {

struct ExecutorOptions {
  std::string bundle_name;                            // for the hello
  std::function<std::unique_ptr<Fetcher>()> fetcher;  // made at the first remote segment; empty = gRPC's
  Driver::Run run_job;                                // empty = the bundle's registry
  int progress_interval_ms = 200;
};

class Executor {
 public:
  // `send` is called from several threads, one at a time, and must not block for long. The hello is sent from
  // here.
  explicit Executor(std::function<void(pb::FromExecutor)> send, ExecutorOptions options = {});
  // Shutdown().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Thread-safe; does not wait for tasks. Frames are taken in order of the calls.
  void OnFrame(pb::ToExecutor frame);
  // Stops the driver and the tasks at their next record, joins the threads. Nothing is sent after it.
  // User code that never returns makes it wait for ever: kill the process instead.
  void Shutdown();
  // True after a frame with `shutdown`.
  bool shutdown_requested() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
