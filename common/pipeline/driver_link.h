// How the driver reaches the coordinator: implemented by worker/executor over the executor's frames,
// and by `plan`, which prints and stops.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "proto/control.pb.h"

namespace millrace {

class DriverLink {
 public:
  virtual ~DriverLink() = default;
  // Sends actions (job, driver_epoch are filled in by the link) in order and waits for all results;
  // logged ones come back at once. results[i] belongs to requests[i]. Errors of the job come in
  // ActionResult.error; a non-OK status means that the driver has to unwind: the lease is lost
  // (kCancelled), or a plan differs from the logged one (kFailedPrecondition, the sentence names it).
  virtual absl::StatusOr<std::vector<pb::ActionResult>> RunActions(
      std::vector<pb::ActionRequest> requests) = 0;
};

}  // namespace millrace
