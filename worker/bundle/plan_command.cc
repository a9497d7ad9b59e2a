#include "worker/bundle/plan_command.h"

#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "common/base/status.h"
#include "common/pipeline/driver_link.h"
#include "common/plan/lower.h"
#include "worker/executor/driver.h"

namespace millrace {
namespace {

class PrintingLink final : public DriverLink {
 public:
  absl::Status StartAction(pb::ActionRequest request) override {
    pb::ActionResult& result = results_[request.action()];
    result.set_action(request.action());
    result.set_fingerprint(request.fingerprint());
    if (request.record()) {
      // The first one is the check of the output, which a plan does not touch.
      if (request.action() != 1) result.set_recorded(request.recorded());
      return absl::OkStatus();
    }
    std::fputs(plan::PlanText(request.plan()).c_str(), stdout);
    for (const pb::Stage& stage : request.plan().stages()) {
      if (stage.id() == request.plan().final_stage() && stage.has_result()) unknown_.insert(request.action());
    }
    return absl::OkStatus();
  }
  absl::StatusOr<pb::ActionResult> AwaitAction(uint32_t action) override {
    decides_ = unknown_.count(action) != 0;
    if (!decides_) return results_[action];
    std::puts("... what follows depends on the result of this action");
    return Cancelled("planned so far");
  }
  std::optional<pb::ActionResult> FindLoop(uint32_t) override { return std::nullopt; }
  bool decides() const { return decides_; }

 private:
  std::map<uint32_t, pb::ActionResult> results_;
  std::set<uint32_t> unknown_;  // actions that would have to run
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
