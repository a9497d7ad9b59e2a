// How the driver reaches the coordinator: implemented by worker/executor over the executor's frames,
// and by `plan`, which prints and stops.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/control.pb.h"

namespace millrace {

// Called from the driver's thread only. A non-OK status means that the driver has to unwind: the lease is
// lost (kCancelled), or a plan differs from the logged one (kFailedPrecondition, the sentence names it).
class DriverLink {
 public:
  virtual ~DriverLink() = default;
  // Sends an action (job, driver_epoch are filled in by the link), unless its result is logged. Returns at
  // once; actions under way run side by side.
  virtual absl::Status StartAction(pb::ActionRequest request) = 0;
  // Waits for the result of a started action; once for each. Errors of the job come in ActionResult.error.
  virtual absl::StatusOr<pb::ActionResult> AwaitAction(uint32_t action) = 0;
  // The newest state logged of the loop whose steps begin with action `first_action`.
  virtual std::optional<pb::ActionResult> FindLoop(uint32_t first_action) = 0;
};

}  // namespace millrace
