// Executors: bundles, launch, frames, death and who is charged with it; the driver role.
#include <csignal>
#include <utility>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "worker/agent/agent_state.h"

namespace millrace::agent {
namespace {

pb::ErrorInfo SystemError(std::string message) {
  pb::ErrorInfo error;
  error.set_kind(pb::ErrorInfo::SYSTEM);
  error.set_message(std::move(message));
  return error;
}

// A signal that somebody outside sends: nothing that the task did.
bool FromOutside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

}  // namespace

std::string ExitText(const ExitInfo& info) {
  if (info.out_of_memory) return "ran out of memory";
  if (info.signal != 0)
    return StrCat("was ended by signal ", info.signal, " (", ::strsignal(info.signal), ")");
  return StrCat("ended with exit code ", info.exit_code);
}

void AgentState::EnsureExecutor(Job* job) {
  if (job->phase != ExecutorPhase::kNone) return;
  Bundle& bundle = bundles_[job->bundle];
  if (!bundle.path.empty()) return LaunchNow(job, bundle.path);
  job->phase = ExecutorPhase::kWaitsForBundle;
  if (bundle.fetching) return;
  bundle.fetching = true;
  Emit(agent::FetchBundle{job->bundle});
}

void AgentState::LaunchNow(Job* job, const std::string& path) {
  job->generation = ++generations_;
  job->said_hello = false;
  job->culprit.reset();
  job->frame = pb::ToExecutor();
  job->has_frame = false;
  pb::ExecutorSetup setup;
  setup.set_job(job->id);
  setup.set_job_name(job->name);
  setup.set_slots(options_.slots);
  setup.set_slot_memory_bytes(options_.slot_memory_bytes);
  setup.set_work_dir(StrCat(options_.work_dir, "/j", job->id));
  setup.set_worker(worker_);
  setup.set_worker_name(options_.name);
  for (const std::string& root : options_.shared_roots) setup.add_shared_roots(root);
  setup.set_in_process(options_.in_process);
  pb::ToExecutor first;
  *first.mutable_setup() = setup;
  for (const auto& [id, stage] : job->stages) *first.add_stages() = stage;
  for (const auto& [id, manifest] : job->manifests) *first.add_manifests() = manifest;
  Emit(agent::Launch{job->id, job->generation, path, std::move(setup)});
  Emit(ToExecutorFrame{job->id, job->generation, std::move(first)});
  // Frames queue behind this one: there is no need to wait for the hello.
  job->phase = ExecutorPhase::kReady;
  HandOverDriver(job);
}

void AgentState::On(BundleReady event) {
  Bundle& bundle = bundles_[event.hash];
  bundle.fetching = false;
  bundle.path = event.path;
  for (auto& [id, job] : jobs_) {
    if (job.phase == ExecutorPhase::kWaitsForBundle && job.bundle == event.hash) LaunchNow(&job, event.path);
  }
  StartTasks();
}

void AgentState::On(BundleFailed event) {
  bundles_[event.hash].fetching = false;
  for (auto& [id, job] : jobs_) {
    if (job.phase != ExecutorPhase::kWaitsForBundle || job.bundle != event.hash) continue;
    job.phase = ExecutorPhase::kNone;
    // Without a connection it will be tried again after the next Welcome.
    if (welcomed()) FailExecutor(&job, SystemError(event.message));
  }
}

// The executor of a dropped job is gone: now its files can go.
bool AgentState::ForgetLeaving(uint64_t job, uint64_t generation) {
  const auto leaving = leaving_.find(job);
  if (leaving == leaving_.end() || leaving->second.generation != generation) return false;
  leaving_.erase(leaving);
  if (jobs_.count(job) == 0) Emit(RemoveJob{job});
  return true;
}

void AgentState::On(LaunchFailed event) {
  if (ForgetLeaving(event.job, event.generation)) return;
  Job* job = FindJob(event.job);
  if (job == nullptr || job->generation != event.generation) return;
  job->phase = ExecutorPhase::kNone;
  FailExecutor(job, SystemError(event.message));
  StartTasks();
}

// The job cannot run here: what waits for its executor or was given to it fails.
void AgentState::FailExecutor(Job* job, const pb::ErrorInfo& error) {
  std::deque<Attempt> others;
  for (Attempt& attempt : waiting_) {
    if (attempt.id.job() == job->id) {
      ReportEnd(job, attempt, pb::OUTCOME_FAILED, error);
    } else {
      others.push_back(std::move(attempt));
    }
  }
  waiting_ = std::move(others);
  for (const Attempt& attempt : job->given) ReportEnd(job, attempt, pb::OUTCOME_FAILED, error);
  job->given.clear();
  job->by_key.clear();
  if (!job->driver.has_value() || job->driver->finished.has_value()) return;
  pb::DriverFinished finished;
  finished.set_job(job->id);
  finished.set_driver_epoch(job->driver->epoch);
  *finished.mutable_error() = error;
  FinishDriver(job, std::move(finished));
}

void AgentState::FinishDriver(Job* job, pb::DriverFinished finished) {
  if (welcomed()) {
    *outbox_.add_drivers_finished() = finished;
    has_outbox_ = true;
  }
  job->driver->finished = std::move(finished);
}

void AgentState::On(ExecutorFrame event) {
  Job* job = FindJob(event.job);
  if (job == nullptr || job->generation != event.generation) return;
  pb::FromExecutor& frame = event.frame;
  if (frame.has_hello() && !frame.hello().profile().empty() && frame.hello().profile() != options_.profile) {
    pb::ErrorInfo error = SystemError(
        StrCat("the bundle computes with numeric profile ", frame.hello().profile(), ", this worker with ",
               options_.profile, ": results would differ in last bits; build the bundle with this Millrace"));
    error.set_deterministic(true);
    job->phase = ExecutorPhase::kDying;
    FailExecutor(job, error);
    return Emit(KillExecutor{job->id, job->generation});
  }
  job->said_hello = job->said_hello || frame.has_hello();
  for (const pb::TaskProgress& progress : frame.progress()) OnProgress(job, progress);
  for (pb::TaskReport& report : *frame.mutable_reports()) OnReport(job, std::move(report));
  for (pb::LogLine& line : *frame.mutable_logs()) {
    line.set_job(job->id);
    logs_.push_back(std::move(line));
  }
  if (frame.has_crashing()) {
    job->culprit = KeyOf(frame.crashing());
    job->culprit_error = frame.crash_error();
  }
  if (frame.has_action() && job->driver.has_value() && frame.action().driver_epoch() == job->driver->epoch) {
    if (welcomed()) {
      *outbox_.add_actions() = frame.action();
      has_outbox_ = true;
    }
    job->driver->unanswered[frame.action().action()] = std::move(*frame.mutable_action());
  }
  if (frame.has_driver_finished() && job->driver.has_value() &&
      frame.driver_finished().driver_epoch() == job->driver->epoch) {
    FinishDriver(job, std::move(*frame.mutable_driver_finished()));
  }
  if (frame.reports_size() > 0) StartTasks();
  CheckDrained();
}

void AgentState::On(ExecutorExit event) {
  if (ForgetLeaving(event.job, event.generation)) return;
  Job* job = FindJob(event.job);
  if (job == nullptr || job->generation != event.generation) return;
  job->phase = ExecutorPhase::kNone;
  job->has_frame = false;
  if (!job->said_hello && !FromOutside(event.info.signal)) {
    FailExecutor(
        job, SystemError(StrCat("the bundle does not start: its process ", ExitText(event.info),
                                " before it said a word; was it built for this machine, with Millrace?")));
  } else {
    ChargeCulprit(job, event.info);
  }
  StartTasks();
  CheckDrained();
}

// Charges the attempt that brought the executor down, if one did; the others are lost, for free.
void AgentState::ChargeCulprit(Job* job, const ExitInfo& info) {
  const bool outside = (info.signal != 0 && FromOutside(info.signal) && !info.out_of_memory) || info.clean;
  if (!job->culprit.has_value() && !outside && !job->given.empty()) {
    // Nobody said who it was: the one that runs for the longest time.
    const Attempt& oldest = job->given.front();
    job->culprit = KeyOf(oldest.id);
    job->culprit_error.Clear();
    job->culprit_error.set_kind(pb::ErrorInfo::USER_CODE);
    job->culprit_error.set_signal(info.signal);
    job->culprit_error.set_message(StrCat("the process of task ", oldest.id.task(), " of stage ",
                                          oldest.id.stage(), " ", ExitText(info),
                                          "; code of a job must neither end its process nor exceed its"
                                          " memory"));
  }
  const std::list<Attempt> lost = std::move(job->given);
  job->given.clear();
  job->by_key.clear();
  bool charged = false;
  for (const Attempt& attempt : lost) {
    if (job->culprit.has_value() && *job->culprit == KeyOf(attempt.id)) {
      charged = true;
      pb::ErrorInfo error = job->culprit_error;
      if (error.kind() == pb::ErrorInfo::NONE) error.set_kind(pb::ErrorInfo::USER_CODE);
      if (error.message().empty()) error.set_message(StrCat("the process of the task ", ExitText(info)));
      if (error.signal() == 0) error.set_signal(info.signal);
      // A cancelled attempt is wanted by nobody, whatever it did.
      ReportEnd(job, attempt, attempt.cancelled_ms >= 0 ? pb::OUTCOME_CANCELLED : pb::OUTCOME_CRASHED, error);
    } else {
      ReportEnd(
          job, attempt, attempt.cancelled_ms >= 0 ? pb::OUTCOME_CANCELLED : pb::OUTCOME_LOST,
          SystemError(StrCat("the process that ran it ", ExitText(info), ", through no fault of this task")));
    }
  }
  LoseDriver(job, info, charged || outside);
  job->culprit.reset();
}

void AgentState::LoseDriver(Job* job, const ExitInfo& info, bool innocent) {
  if (!job->driver.has_value() || job->driver->finished.has_value()) return;
  DriverRole& driver = *job->driver;
  if (!driver.handed_over) return EnsureExecutor(job);  // it never began: the next executor takes it
  if (!innocent) {
    pb::ErrorInfo error;
    error.set_kind(pb::ErrorInfo::USER_CODE);
    error.set_signal(info.signal);
    error.set_message(StrCat("the process of the job function ", ExitText(info)));
    pb::DriverFinished finished;
    finished.set_job(job->id);
    finished.set_driver_epoch(driver.epoch);
    *finished.mutable_error() = std::move(error);
    return FinishDriver(job, std::move(finished));
  }
  if (welcomed()) {
    pb::HeldDriver* lost = outbox_.add_drivers_lost();
    lost->set_job(job->id);
    lost->set_driver_epoch(driver.epoch);
    has_outbox_ = true;
  }
  job->driver.reset();  // without a connection: not named in the next Register
}

void AgentState::OnStartDriver(pb::StartDriver start) {
  Job& job = JobOf(start.job());
  if (job.driver.has_value()) {
    if (job.driver->epoch >= start.driver_epoch()) return;  // told twice, or late
    StopDriver(&job);
  }
  if (!start.bundle().empty()) job.bundle = start.bundle();
  if (!start.job_name().empty()) job.name = start.job_name();
  job.driver.emplace();
  job.driver->epoch = start.driver_epoch();
  job.driver->start = std::move(start);
  if (job.phase == ExecutorPhase::kReady) {
    HandOverDriver(&job);
  } else {
    EnsureExecutor(&job);
  }
}

void AgentState::HandOverDriver(Job* job) {
  if (!job->driver.has_value() || job->driver->handed_over || job->driver->finished.has_value()) return;
  job->driver->handed_over = true;
  *FrameOf(job).mutable_start_driver() = std::move(job->driver->start);
  job->driver->start.Clear();
}

void AgentState::OnActionResult(pb::ActionResult result) {
  Job* job = FindJob(result.job());
  if (job == nullptr || !job->driver.has_value() || job->driver->epoch != result.driver_epoch()) return;
  job->driver->unanswered.erase(result.action());
  if (job->phase == ExecutorPhase::kReady) *FrameOf(job).add_action_results() = std::move(result);
}

}  // namespace millrace::agent
