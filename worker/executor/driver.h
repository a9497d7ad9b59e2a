// The driver role of an executor: runs the job function in a thread of its own, sends its actions, waits
// for their results, replays those that an earlier driver had.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "common/pipeline/driver_link.h"
#include "proto/executor.pb.h"

namespace millrace {

class Driver final : public DriverLink {
 public:
  // `send` takes FromExecutor frames, from any thread. `run` runs the job function against a link and says
  // how it ended (kind NONE when well); the default looks the job up in the bundle's registry.
  using Run = std::function<pb::ErrorInfo(DriverLink& link, const pb::StartDriver& start)>;
  Driver(std::function<void(pb::FromExecutor)> send, Run run);
  ~Driver() override;  // stops and joins

  // Takes the role: replays start.log by action number. A role held before is given up first.
  void Start(pb::StartDriver start);
  void OnResult(pb::ActionResult result);
  // Waiting calls return kCancelled, so that the job function unwinds. Nothing is reported.
  void Stop();
  // Stop(), then waits until the job function has returned. Not from the driver's own thread.
  void Join();

  // For the job, in the driver thread.
  absl::Status StartAction(pb::ActionRequest request) override;
  absl::StatusOr<pb::ActionResult> AwaitAction(uint32_t action) override;
  std::optional<pb::ActionResult> FindLoop(uint32_t first_action) override;

 private:
  void Main(pb::StartDriver start);
  absl::StatusOr<bool> Replay(const pb::ActionRequest& request);
  void NoteRecorded(const pb::ActionRequest& request);

  const std::function<void(pb::FromExecutor)> send_;
  const Run run_;
  std::mutex start_mutex_;  // orders Start and Join
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  uint64_t job_ = 0, epoch_ = 0;
  std::map<uint32_t, pb::ActionResult> results_;  // by action: of the log, and as they come
  std::set<uint32_t> told_;                       // recorded values whose echo is still to come
};

// The default Run: JobRegistry, with the errors of the job as they are.
pb::ErrorInfo RunRegisteredJob(DriverLink& link, const pb::StartDriver& start);

}  // namespace millrace
