#include "worker/bundle/plan_command.h"

#include <cstdio>

#include "common/base/status.h"
#include "common/pipeline/driver_link.h"
#include "common/plan/lower.h"
#include "worker/executor/driver.h"

namespace millrace {
namespace {

class PrintingLink final : public DriverLink {
 public:
  absl::StatusOr<std::vector<pb::ActionResult>> RunActions(std::vector<pb::ActionRequest> requests) override {
    std::vector<pb::ActionResult> results;
    for (const pb::ActionRequest& request : requests) {
      pb::ActionResult result;
      result.set_action(request.action());
      result.set_fingerprint(request.fingerprint());
      if (request.record()) {
        // The first one is the check of the output, which a plan does not touch.
        if (request.action() != 1) result.set_recorded(request.recorded());
      } else {
        std::fputs(plan::PlanText(request.plan()).c_str(), stdout);
        for (const pb::Stage& stage : request.plan().stages()) {
          if (stage.id() == request.plan().final_stage() && stage.has_result()) decides_ = true;
        }
      }
      results.push_back(std::move(result));
    }
    if (!decides_) return results;
    std::puts("... what follows depends on the result of this action");
    return Cancelled("planned so far");
  }
  bool decides() const { return decides_; }

 private:
  bool decides_ = false;
};

}  // namespace

int PrintPlan(const LocalOptions& options) {
  pb::StartDriver start;
  start.set_job_name(options.job);
  for (const auto& [name, value] : options.options) (*start.mutable_options())[name] = value;
  PrintingLink link;
  const pb::ErrorInfo error = RunRegisteredJob(link, start);
  std::fflush(stdout);
  if (link.decides() || error.kind() == pb::ErrorInfo::NONE) return 0;
  std::fprintf(stderr, "%s: %s\n", options.program.c_str(), error.message().c_str());
  return error.kind() == pb::ErrorInfo::USAGE ? 2 : 1;
}

}  // namespace millrace
