// The coordinator as mrsubmit sees it: gRPC stays behind client.cc.
//
// Every call first waits for the connection. A coordinator that never answered within connect_timeout_ms
// gives kUnavailable; one that had answered once and went away is waited for up to reconnect_timeout_ms, so
// that a restart of the coordinator is a pause and no error. All messages of statuses are sentences for
// users.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/client.pb.h"

namespace millrace::cli {

struct ClientOptions {
  std::string address;
  uint32_t connect_timeout_ms = 3000;
  uint32_t reconnect_timeout_ms = 300000;
};

class Client {
 public:
  // Begins what the first Client needs, beside what the caller does until then. After HoldSignals().
  static void Prepare();

  explicit Client(ClientOptions options);
  ~Client();
  const std::string& address() const;

  // Uploads the file; `hash` is its SHA-256 in hex.
  absl::Status PutBundle(const std::string& path, const std::string& hash);
  absl::StatusOr<pb::SubmitReply> Submit(const pb::SubmitRequest& request);
  absl::StatusOr<pb::ListJobsReply> ListJobs();
  absl::StatusOr<pb::JobStatus> GetJob(const std::string& id);
  absl::StatusOr<pb::JobStatus> KillJob(const std::string& id);
  absl::StatusOr<pb::CountersReply> GetCounters(const std::string& id);
  absl::StatusOr<pb::ListWorkersReply> ListWorkers();

  // Calls `line` for every line until the stream ends. A follow that loses its coordinator begins anew
  // and skips what it had shown.
  absl::Status Events(const pb::EventsRequest& request,
                      const std::function<void(const pb::StoryLine&)>& line);
  absl::Status Logs(const pb::LogsRequest& request, const std::function<void(const pb::LogLine&)>& line);

  // What WatchJob reports from its own thread; both must return quickly.
  struct WatchEvents {
    std::function<void(const pb::JobStatus&)> status;
    std::function<void(bool)> connected;  // false: lost, waiting for it to come back; true: it is back
  };
  // Returns when the job has ended (its final status was given), when Cancel() was called (kCancelled), or
  // when the coordinator stayed away for too long (kUnavailable).
  absl::Status WatchJob(const std::string& id, const WatchEvents& events);
  void Cancel();  // thread-safe; ends WatchJob and all waiting

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::cli
