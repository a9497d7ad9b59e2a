#include "worker/agent/agent_state.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"

namespace millrace::agent {
namespace {

constexpr int64_t kReportMemoryMs =
    30'000;  // a report sent this long ago on a stream that still stands has arrived
constexpr size_t kMaxKeptLogs = 1000;

}  // namespace

AgentState::AgentState(AgentOptions options) : options_(std::move(options)) {}

AgentState::Key AgentState::KeyOf(const pb::AttemptId& id) {
  return {id.incarnation(), id.job(), id.stage(), id.task(), id.attempt()};
}

AgentState::Job& AgentState::JobOf(uint64_t id) {
  Job& job = jobs_[id];
  job.id = id;
  return job;
}

AgentState::Job* AgentState::FindJob(uint64_t id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

void AgentState::Step(int64_t now_ms, Event event, std::vector<Command>* commands) {
  now_ms_ = now_ms;
  commands_ = commands;
  std::visit([this](auto&& what) { On(std::move(what)); }, std::move(event));
  commands_ = nullptr;
}

void AgentState::Flush(std::vector<Command>* commands) {
  for (auto& [id, job] : jobs_) {
    if (!job.has_frame || job.phase != ExecutorPhase::kReady) continue;
    commands->push_back(ToExecutorFrame{id, job.generation, std::move(job.frame)});
    job.frame = pb::ToExecutor();
    job.has_frame = false;
  }
  if (!welcomed()) return;
  for (pb::FilesReport& report : files_) *outbox_.add_files() = std::move(report);
  for (pb::LogLine& line : logs_) *outbox_.add_logs() = std::move(line);
  has_outbox_ = has_outbox_ || !files_.empty() || !logs_.empty();
  files_.clear();
  logs_.clear();
  if (!has_outbox_) return;
  outbox_.set_epoch(epoch_);
  outbox_.set_draining(draining_);
  commands->push_back(agent::Send{std::move(outbox_)});
  outbox_ = pb::WorkerMessage();
  has_outbox_ = false;
}

void AgentState::On(Connected) {
  connected_ = true;
  epoch_ = 0;
  heard_ms_ = now_ms_;
  outbox_ = pb::WorkerMessage();
  has_outbox_ = false;
  pb::WorkerMessage message;
  *message.mutable_register_() = MakeRegister();
  message.set_draining(draining_);
  Emit(agent::Send{std::move(message)});
}

void AgentState::On(Disconnected) {
  connected_ = false;
  epoch_ = 0;
  outbox_ = pb::WorkerMessage();
  has_outbox_ = false;
}

pb::Register AgentState::MakeRegister() {
  pb::Register out;
  out.set_name(options_.name);
  out.set_version(options_.version);
  out.set_profile(options_.profile);
  out.set_profile_text(options_.profile_text);
  out.set_slots(options_.slots);
  out.set_slot_memory_bytes(options_.slot_memory_bytes);
  out.set_credits(options_.credits);
  out.set_bulk_address(options_.bulk_address);
  out.set_incarnation(incarnation_);
  for (const std::string& root : options_.shared_roots) out.add_shared_roots(root);
  for (const auto& [hash, bundle] : bundles_) {
    if (!bundle.path.empty()) out.add_bundles(hash);
  }
  told_running_.clear();
  const auto tell_running = [&](const pb::AttemptId& id) {
    *out.add_running() = id;
    told_running_.insert(KeyOf(id));
  };
  for (const Attempt& attempt : waiting_) tell_running(attempt.id);
  for (const auto& [id, job] : jobs_) {
    for (const Attempt& attempt : job.given) {
      if (!attempt.silent) tell_running(attempt.id);
    }
    for (const auto& [key, recent] : job.recent) tell_running(recent.report.id());
    for (const auto& [key, report] : job.held) {
      pb::HeldOutput* held = out.add_held();
      *held->mutable_id() = report.id();
      *held->mutable_output() = report.map_output();
      *held->mutable_ledger() = report.ledger();
      *held->mutable_counters() = report.counters();
    }
    if (!job.driver.has_value()) continue;
    pb::HeldDriver* driver = out.add_drivers();
    driver->set_job(id);
    driver->set_driver_epoch(job.driver->epoch);
  }
  return out;
}

void AgentState::On(FromCoordinator event) {
  if (!connected_) return;
  heard_ms_ = now_ms_;
  pb::CoordinatorMessage& message = event.message;
  if (!message.rejected().empty()) return Emit(agent::Rejected{message.rejected()});
  if (message.has_welcome()) OnWelcome(message.welcome());
  if (!welcomed()) return;  // of another life of this connection
  for (pb::JobValue& shared : *message.mutable_shared())
    Emit(StoreShared{shared.job(), std::move(*shared.mutable_value())});
  for (pb::StageSpec& stage : *message.mutable_stages()) OnStage(std::move(stage));
  for (pb::Manifest& manifest : *message.mutable_manifests()) OnManifest(std::move(manifest));
  for (pb::StartDriver& start : *message.mutable_start_drivers()) OnStartDriver(std::move(start));
  for (pb::ActionResult& result : *message.mutable_action_results()) OnActionResult(std::move(result));
  for (const pb::HeldDriver& stop : message.stop_drivers()) {
    Job* job = FindJob(stop.job());
    if (job != nullptr && job->driver.has_value() && job->driver->epoch == stop.driver_epoch())
      StopDriver(job);
  }
  for (pb::Grant& grant : *message.mutable_grants()) OnGrant(std::move(grant));
  for (const pb::AttemptId& id : message.cancels()) OnCancel(id);
  for (pb::FileList& list : *message.mutable_files()) Emit(agent::RunFiles{std::move(list)});
  for (const uint64_t job : message.drop_jobs()) DropJob(job);
  StartTasks();
  CheckDrained();
}

void AgentState::OnWelcome(const pb::Welcome& welcome) {
  epoch_ = welcome.epoch();
  incarnation_ = welcome.incarnation();
  heartbeat_ms_ = welcome.heartbeat_interval_ms() != 0 ? welcome.heartbeat_interval_ms() : heartbeat_ms_;
  lease_ms_ = welcome.lease_ms();
  next_heartbeat_ms_ = now_ms_ + heartbeat_ms_;
  if (worker_ != welcome.worker()) {
    worker_ = welcome.worker();
    for (auto& [id, job] : jobs_) {
      if (job.phase == ExecutorPhase::kReady) FrameOf(&job).set_worker(worker_);
    }
  }
  Emit(Welcomed{worker_});
  const std::set<uint64_t> live(welcome.live_jobs().begin(), welcome.live_jobs().end());
  std::vector<uint64_t> dead;
  for (const auto& [id, job] : jobs_) {
    if (live.count(id) == 0) dead.push_back(id);
  }
  for (const uint64_t id : dead) DropJob(id);
  std::set<Key> accepted;
  for (const pb::AttemptId& id : welcome.accepted()) accepted.insert(KeyOf(id));
  for (auto& [id, job] : jobs_) {
    DropRefused(&job, accepted);
    TellAgain(&job, accepted);
    if (job.phase == ExecutorPhase::kNone && job.driver.has_value() && !job.driver->handed_over)
      EnsureExecutor(&job);
  }
}

// What the coordinator does not know any more goes without a word.
void AgentState::DropRefused(Job* job, const std::set<Key>& accepted) {
  std::erase_if(waiting_, [&](const Attempt& attempt) {
    return attempt.id.job() == job->id && accepted.count(KeyOf(attempt.id)) == 0;
  });
  for (Attempt& attempt : job->given) {
    if (attempt.silent || accepted.count(KeyOf(attempt.id)) != 0) continue;
    attempt.silent = true;
    if (attempt.cancelled_ms < 0) attempt.cancelled_ms = now_ms_;
    *FrameOf(job).add_cancels() = attempt.id;
  }
  std::erase_if(job->recent, [&](const auto& entry) {
    const bool refused = accepted.count(entry.first) == 0;
    if (refused) job->recent_bytes -= entry.second.bytes;
    return refused;
  });
  std::erase_if(job->held, [&](const auto& entry) {
    if (accepted.count(entry.first) != 0) return false;
    Emit(RemoveSegment{job->id, entry.second.map_output().path()});
    return true;
  });
}

// Reports that may not have arrived, outputs finished since Register was made, and the driver's open words.
void AgentState::TellAgain(Job* job, const std::set<Key>& accepted) {
  for (auto& [key, recent] : job->recent) {
    recent.sent_ms = now_ms_;
    *outbox_.add_reports() = recent.report;
  }
  for (const auto& [key, report] : job->held) {
    if (accepted.count(key) != 0 && told_running_.count(key) != 0) *outbox_.add_reports() = report;
  }
  if (job->driver.has_value()) {
    for (const auto& [action, request] : job->driver->unanswered) *outbox_.add_actions() = request;
    if (job->driver->finished.has_value()) *outbox_.add_drivers_finished() = *job->driver->finished;
  }
  has_outbox_ = true;
}

void AgentState::DropJob(uint64_t id) {
  Job* job = FindJob(id);
  std::erase_if(waiting_, [&](const Attempt& attempt) { return attempt.id.job() == id; });
  if (job == nullptr || job->phase == ExecutorPhase::kNone || job->phase == ExecutorPhase::kWaitsForBundle) {
    jobs_.erase(id);
    return Emit(RemoveJob{id});
  }
  // An idle executor gets a moment to end by itself; a busy one does not.
  const bool idle = job->given.empty() && job->phase == ExecutorPhase::kReady &&
                    (!job->driver.has_value() || job->driver->finished.has_value());
  Leaving& leaving = leaving_[id];
  leaving.generation = job->generation;
  if (idle) {
    pb::ToExecutor frame;
    frame.set_shutdown(true);
    Emit(ToExecutorFrame{id, job->generation, std::move(frame)});
    leaving.kill_ms = now_ms_ + options_.executor_stop_ms;
  } else {
    Emit(KillExecutor{id, job->generation});
  }
  jobs_.erase(id);
}

void AgentState::StopDriver(Job* job) {
  if (job->driver->handed_over && job->phase == ExecutorPhase::kReady) {
    pb::ToExecutor& frame = FrameOf(job);
    frame.clear_start_driver();  // an executor stops before it starts
    frame.set_stop_driver(true);
  }
  job->driver.reset();
}

// Without a word from the coordinator another executor may have the role by now.
void AgentState::CheckLease() {
  if (lease_ms_ == 0 || now_ms_ - heard_ms_ < lease_ms_) return;
  for (auto& [id, job] : jobs_) {
    if (!job.driver.has_value()) continue;
    if (welcomed()) {  // it hears of it should it wake up on this stream
      pb::HeldDriver* lost = outbox_.add_drivers_lost();
      lost->set_job(id);
      lost->set_driver_epoch(job.driver->epoch);
      has_outbox_ = true;
    }
    StopDriver(&job);
  }
}

void AgentState::On(FilesDone event) { files_.push_back(std::move(event.report)); }

void AgentState::On(Tick event) {
  CheckLease();
  for (auto& [id, job] : jobs_) {
    CheckHangs(&job);
    if (!welcomed()) continue;
    std::erase_if(job.recent, [&, &job = job](const auto& entry) {
      const bool arrived = entry.second.sent_ms >= 0 && now_ms_ - entry.second.sent_ms > kReportMemoryMs;
      if (arrived) job.recent_bytes -= entry.second.bytes;
      return arrived;
    });
  }
  for (auto& [id, leaving] : leaving_) {
    if (leaving.kill_ms < 0 || now_ms_ < leaving.kill_ms) continue;
    leaving.kill_ms = -1;
    Emit(KillExecutor{id, leaving.generation});
  }
  while (logs_.size() > kMaxKeptLogs) logs_.pop_front();
  if (welcomed() && now_ms_ >= next_heartbeat_ms_) {
    next_heartbeat_ms_ = now_ms_ + heartbeat_ms_;
    AddHeartbeat(event.rss_bytes);
  }
  CheckDrained();
}

void AgentState::On(DrainRequested) {
  draining_ = true;
  has_outbox_ = true;
  CheckDrained();
}

void AgentState::CheckDrained() {
  if (!draining_ || drained_ || !waiting_.empty()) return;
  for (const auto& [id, job] : jobs_) {
    if (!job.given.empty() || (job.driver.has_value() && !job.driver->finished.has_value())) return;
  }
  drained_ = true;
  Emit(Drained{});
}

}  // namespace millrace::agent
