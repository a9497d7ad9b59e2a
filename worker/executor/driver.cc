#include "worker/executor/driver.h"

#include "common/base/status.h"
#include "common/base/thread.h"
#include "worker/executor/crash.h"

namespace millrace {

Driver::Driver(std::function<void(pb::FromExecutor)> send, Run run)
    : send_(std::move(send)), run_(std::move(run)) {}

Driver::~Driver() { Join(); }

void Driver::Join() {
  Stop();
  std::lock_guard<std::mutex> lock(start_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Driver::Start(pb::StartDriver start) {
  std::lock_guard<std::mutex> start_lock(start_mutex_);
  Stop();
  if (thread_.joinable()) thread_.join();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = false;
    job_ = start.job();
    epoch_ = start.driver_epoch();
    results_.clear();
    told_.clear();
    for (const pb::ActionResult& result : start.log()) results_[result.action()] = result;
  }
  start.clear_log();
  thread_ = std::thread([this, start = std::move(start)]() mutable { Main(std::move(start)); });
}

void Driver::Main(pb::StartDriver start) {
  SetThreadName("driver");
  UseAlternateSignalStack();
  pb::FromExecutor frame;
  pb::DriverFinished* finished = frame.mutable_driver_finished();
  finished->set_job(start.job());
  finished->set_driver_epoch(start.driver_epoch());
  {
    const CrashScope scope(start.job(), start.driver_epoch());
    pb::ErrorInfo error;
    try {
      error = run_(*this, start);
    } catch (const std::bad_alloc&) {
      error.set_kind(pb::ErrorInfo::USER_CODE);
      error.set_message("the job function ran out of memory (the heap of its process is limited)");
    } catch (const std::exception& e) {
      error.set_kind(pb::ErrorInfo::USER_CODE);
      error.set_message(StrCat("the job function threw: ", e.what()));
    } catch (...) {
      error.set_kind(pb::ErrorInfo::USER_CODE);
      error.set_message("the job function threw something that is no std::exception");
    }
    RaiseHeapLimit();  // should the job have taken all there is
    *finished->mutable_error() = std::move(error);
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return;  // the lease is gone: another driver speaks for the job
  }
  send_(std::move(frame));
}

void Driver::OnResult(pb::ActionResult result) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (result.job() != job_ || result.driver_epoch() != epoch_) return;
    const uint32_t action = result.action();
    if (told_.erase(action) != 0) return;         // its value is ours, nobody waits
    results_.emplace(action, std::move(result));  // a duplicate changes nothing
  }
  changed_.notify_all();
}

void Driver::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

// True when the result is there already. Under mutex_.
absl::StatusOr<bool> Driver::Replay(const pb::ActionRequest& request) {
  const auto logged = results_.find(request.action());
  if (logged == results_.end()) return false;
  if (logged->second.fingerprint() == request.fingerprint()) return true;
  return FailedPrecondition(
      "action ", request.action(), request.plan().label().empty() ? "" : " (", request.plan().label(),
      request.plan().label().empty() ? "" : ")",
      " differs from the one that was run before the driver was restarted: the job function must do the same "
      "each "
      "time, so take times, random numbers and the outside world through job.Record(...) or an option");
}

// A recorded value is known here: the job goes on with it at once. Whatever it does next is told to the
// coordinator after the value, on the same ordered way, and journaled after it. Under mutex_.
void Driver::NoteRecorded(const pb::ActionRequest& request) {
  pb::ActionResult result;
  result.set_job(job_);
  result.set_driver_epoch(epoch_);
  result.set_action(request.action());
  result.set_fingerprint(request.fingerprint());
  result.set_recorded(request.recorded());
  results_.emplace(request.action(), std::move(result));
  told_.insert(request.action());
}

absl::Status Driver::StartAction(pb::ActionRequest request) {
  pb::FromExecutor frame;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return Cancelled("the driver's lease is lost");
    request.set_job(job_);
    request.set_driver_epoch(epoch_);
    MR_ASSIGN_OR_RETURN(const bool there, Replay(request));
    if (there) return absl::OkStatus();
    if (request.record()) NoteRecorded(request);
    *frame.mutable_action() = std::move(request);
  }
  send_(std::move(frame));
  return absl::OkStatus();
}

absl::StatusOr<pb::ActionResult> Driver::AwaitAction(uint32_t action) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || results_.count(action) != 0; });
  if (stopped_) return Cancelled("the driver's lease is lost");
  const auto found = results_.find(action);
  pb::ActionResult result = std::move(found->second);
  results_.erase(found);
  return result;
}

std::optional<pb::ActionResult> Driver::FindLoop(uint32_t first_action) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto at = results_.rbegin(); at != results_.rend(); ++at) {
    if (at->second.loop_first() == first_action) return at->second;
  }
  return std::nullopt;
}

}  // namespace millrace
