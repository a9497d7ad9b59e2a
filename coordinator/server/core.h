// The coordinator without its sockets: one loop that owns the scheduler and the journal. It runs on the
// thread that brings a message, or on its own for what falls due by time; never on two at once. The daemon
// puts gRPC and HTTP around it, local mode calls it directly, tests play the workers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/journal/journal.h"
#include "coordinator/server/clock.h"
#include "proto/client.pb.h"
#include "proto/control.pb.h"

namespace millrace {

// Every limit of the coordinator; common/config's table of mrcoordinator sets them.
struct CoreOptions {
  uint32_t heartbeat_interval_ms = 500;  // what workers are told
  uint32_t worker_timeout_ms = 5000;     // a worker not heard of for this long is taken for dead
  uint32_t lease_ms = 4000;              // a worker that hears nothing for this long stops its drivers
  uint32_t grace_ms = 2000;          // after a restart: wait for workers to return before running maps again
  uint32_t tick_interval_ms = 50;    // 0: only Tick() ticks (tests)
  uint32_t watch_interval_ms = 100;  // at most one status per watch and interval
  uint32_t max_attempts = 4;         // charged failures of one task
  uint32_t speculation = 1;          // 0: never run a second copy of a slow task
  uint32_t speculation_min_ms = 5000;         // younger attempts never get one
  bool task_stories = true;                   // a line of the story per grant and report
  uint64_t max_collect_bytes = 256ull << 20;  // of one action's results
  uint32_t story_lines = 5000;                // kept per job
  uint32_t log_lines = 5000;                  // kept per job
  uint32_t queue_ahead_ms = 20;               // of work that waits at a worker behind its slots
  uint32_t finished_jobs = 200;               // remembered in memory after their end
  std::string boot;                           // which run of the machine this is; "" = the kernel's boot id
};

class CoordinatorCore {
 public:
  // Called in the loop; must only queue. A message with `rejected` is the last of its session.
  using Send = std::function<void(const pb::CoordinatorMessage&)>;
  // Called in the loop; must only queue.
  using Watcher = std::function<void(const pb::JobStatus&)>;

  // `clock` must outlive the core; null is the real one.
  CoordinatorCore(CoreOptions options, std::unique_ptr<Journal> journal, Clock* clock = nullptr);
  ~CoordinatorCore();

  // Replays the journal, journals the next incarnation, starts the loop. Call once, before all else.
  absl::Status Start();
  // Ends the loop after what was posted before; later calls answer "stopping". Idempotent.
  void Stop();
  uint64_t incarnation() const;
  // Set when the journal refused an append (disk full): the loop has stopped and the daemon must exit.
  absl::Status failure() const;
  // Called once, in the loop, when that happens.
  void OnFailure(std::function<void(absl::Status)> callback);

  // ---- workers ----
  // Returns a session. `close` is called in the loop when the coordinator ends the session (the worker
  // was silent for too long, or registered over another stream): the worker may connect anew.
  uint64_t ConnectWorker(Send send, std::function<void()> close = nullptr);
  void OnWorkerMessage(uint64_t session, pb::WorkerMessage message);
  void OnWorkerClosed(uint64_t session);  // waits: `send` and `close` are not called once it returned

  // ---- clients; `id` is "j-12", "12" or "last". kNotFound is a sentence ----
  pb::SubmitReply Submit(const pb::SubmitRequest& request);
  pb::ListJobsReply ListJobs();
  absl::StatusOr<pb::JobStatus> GetJob(const std::string& id);
  absl::StatusOr<pb::JobStatus> KillJob(const std::string& id);
  // Calls `watcher` with the state now, then at changes, and always with the final state; after that
  // the watch is gone. Returns its number.
  absl::StatusOr<uint64_t> WatchJob(const std::string& id, Watcher watcher);
  void Unwatch(uint64_t watch);  // the watcher is not called after it returned
  // Lines after `*cursor` (start with 0; advanced). `*ended` says that the job is over: no more will come.
  absl::StatusOr<std::vector<pb::StoryLine>> GetEvents(const pb::EventsRequest& request, uint64_t* cursor,
                                                       bool* ended);
  absl::StatusOr<std::vector<pb::LogLine>> GetLogs(const std::string& id, uint64_t* cursor, bool* ended);
  absl::StatusOr<pb::CountersReply> GetCounters(const std::string& id);
  pb::ListWorkersReply ListWorkers();

  // What /metrics shows.
  struct Numbers {
    uint64_t events = 0, grants = 0, reports = 0, messages_in = 0, messages_out = 0;
    uint64_t journal_entries = 0, journal_transactions = 0;
    uint32_t workers = 0, jobs_running = 0;
    uint64_t jobs_succeeded = 0, jobs_failed = 0, jobs_killed = 0;
  };
  Numbers numbers();

  // Steps the scheduler with the clock's time and waits until everything posted before it was handled.
  void Tick();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace millrace
