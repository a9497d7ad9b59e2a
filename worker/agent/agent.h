// The worker's side of the control protocol: slots, credits, leases, executor children, held outputs.
// gRPC-free; grpc_link.h joins it to a real coordinator, worker/bundle joins it to one in the same process.
//
// One loop owns everything: AgentState (agent_state.h) is a state machine, Step(now, event) -> commands; the
// loop feeds it and carries the commands out, on the thread that brings an event (common/base/work_loop.h).
// All entry points are thread-safe and never wait for long.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/control.pb.h"
#include "worker/agent/bundle_source.h"
#include "worker/agent/launcher.h"

namespace millrace {

class SegmentStore;

struct AgentOptions {
  std::string work_dir;  // absolute; locked by this agent
  std::string name;      // "" = host:pid:nonce
  uint32_t slots = 1;
  uint64_t slot_memory_bytes = 256ull << 20;
  uint32_t credits = 0;  // grants queued beyond the slots; 0 = 128 for each slot
  std::string profile;   // numeric profile digest; "" = taken from common/base/profile.h
  std::string profile_text;
  std::string version;
  std::string bulk_address;  // HOST:PORT, "" when nobody can fetch (one worker in process)
  std::vector<std::string> shared_roots;
  uint64_t heap_headroom_bytes = 0;  // cap of an executor = slots * slot memory + this; 0 = no cap
  bool in_process = false;           // executors live in this process (setup.in_process)
  int64_t executor_stop_ms = 2000;   // from shutdown to kill
};

class Agent {
 public:
  // Prepares the work-dir (removes left-overs, locks it). kFailedPrecondition: another worker uses it.
  static absl::StatusOr<std::unique_ptr<Agent>> Create(AgentOptions options, ExecutorLauncher* launcher,
                                                       BundleSource* bundles);
  virtual ~Agent() = default;  // kills the executors, ends the threads

  // Before the first OnConnected, where the address is known only now.
  virtual void SetBulkAddress(const std::string& address) = 0;

  // A stream to the coordinator stands: registers with what it holds. `send` is called in the loop
  // and must not block; it is not called after OnDisconnected has returned.
  virtual void OnConnected(std::function<void(const pb::WorkerMessage&)> send) = 0;
  virtual void OnCoordinatorMessage(pb::CoordinatorMessage message) = 0;
  virtual void OnDisconnected() = 0;

  // Finishes what runs, takes nothing new (Register.draining); then `done` is called once.
  virtual void Drain(std::function<void()> done) = 0;
  // Kills the executors, removes the files of this worker. Blocks; no callback after it.
  virtual void Stop() = 0;

  // For the daemon: called once after each Welcome, with the worker's number. Before OnConnected.
  virtual void SetWelcomeCallback(std::function<void(uint32_t worker)> callback) = 0;
  // Called when the coordinator refuses the registration, with the sentence.
  virtual void SetRejectedCallback(std::function<void(std::string)> callback) = 0;

  // For the bulk server: "" when this request names what the worker's newest manifest names, or knows nothing
  // against it; otherwise why it is stale. Thread-safe.
  virtual std::string CheckFetch(uint64_t job, uint32_t stage, uint64_t version, const std::string& path) = 0;
  virtual SegmentStore& store() = 0;
};

}  // namespace millrace
