// Grants, slots, reports, progress and hangs.
#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "worker/agent/agent_state.h"

namespace millrace::agent {
namespace {

// A cancelled attempt that still runs after this long, without progress, holds its slot for nothing.
constexpr int64_t kCancelPatienceMs = 10'000;
constexpr size_t kMaxRecentReports = 1000;
constexpr size_t kMaxRecentBytes = 32u << 20;

}  // namespace

void AgentState::OnStage(pb::StageSpec spec) {
  Job& job = JobOf(spec.job());
  if (!spec.bundle().empty()) job.bundle = spec.bundle();
  if (!spec.job_name().empty()) job.name = spec.job_name();
  if (job.phase == ExecutorPhase::kReady) *FrameOf(&job).add_stages() = spec;
  const uint32_t id = spec.stage().id();
  job.stages[id] = std::move(spec);
}

void AgentState::OnManifest(pb::Manifest manifest) {
  Job& job = JobOf(manifest.job());
  pb::Manifest& known = job.manifests[manifest.stage()];
  if (known.version() > manifest.version()) return;
  if (job.phase == ExecutorPhase::kReady) *FrameOf(&job).add_manifests() = manifest;
  known = std::move(manifest);
}

void AgentState::OnGrant(pb::Grant grant) {
  Job& job = JobOf(grant.id().job());
  const Key key = KeyOf(grant.id());
  if (job.by_key.count(key) != 0 || job.recent.count(key) != 0) return;  // told twice
  if (const auto held = job.held.find(key); held != job.held.end()) {
    *outbox_.add_reports() = held->second;
    has_outbox_ = true;
    return;
  }
  for (const Attempt& attempt : waiting_) {
    if (KeyOf(attempt.id) == key) return;
  }
  if (!grant.bundle().empty()) job.bundle = grant.bundle();
  Attempt attempt;
  attempt.id = grant.id();
  attempt.inputs.assign(grant.inputs().begin(), grant.inputs().end());
  waiting_.push_back(std::move(attempt));
}

void AgentState::OnCancel(const pb::AttemptId& id) {
  const Key key = KeyOf(id);
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (KeyOf(it->id) != key) continue;
    const Attempt attempt = std::move(*it);
    waiting_.erase(it);
    return ReportEnd(&JobOf(id.job()), attempt, pb::OUTCOME_CANCELLED, pb::ErrorInfo());
  }
  Job* job = FindJob(id.job());
  if (job == nullptr) return;
  const auto given = job->by_key.find(key);
  if (given == job->by_key.end() || given->second->cancelled_ms >= 0) return;
  given->second->cancelled_ms = now_ms_;
  *FrameOf(job).add_cancels() = id;
}

// An executor runs at most `slots` tasks at once, whatever it was given; the rest waits in it.
uint32_t AgentState::UsedSlots() const {
  uint32_t used = 0;
  for (const auto& [id, job] : jobs_)
    used += std::min<uint32_t>(options_.slots, static_cast<uint32_t>(job.given.size()));
  return used;
}

// First come, first served. Beyond its slots an executor is given tasks ahead only while it has all slots, so
// that the next task begins without a round trip and slots are never lent.
void AgentState::StartTasks() {
  uint32_t used = UsedSlots();
  bool blocked = false;  // executors of later jobs may start all the same, their tasks not
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Job& job = JobOf(it->id.job());
    EnsureExecutor(&job);
    const bool takes_slot = job.given.size() < options_.slots;
    if (job.phase == ExecutorPhase::kReady) {
      blocked = blocked ||
                (takes_slot ? used >= options_.slots : job.given.size() >= options_.slots + options_.credits);
    }
    if (blocked || job.phase != ExecutorPhase::kReady) {
      ++it;
      continue;
    }
    used += takes_slot ? 1 : 0;
    pb::StartTask* task = FrameOf(&job).add_tasks();
    *task->mutable_id() = it->id;
    for (const pb::ManifestRef& input : it->inputs) *task->add_inputs() = input;
    job.given.push_back(std::move(*it));
    job.by_key[KeyOf(job.given.back().id)] = std::prev(job.given.end());
    it = waiting_.erase(it);
    MarkActive(&job);
  }
}

// The oldest ones are those that its slots run.
void AgentState::MarkActive(Job* job) {
  uint32_t place = 0;
  for (Attempt& attempt : job->given) {
    if (place++ == options_.slots) return;
    if (attempt.active_ms < 0) attempt.active_ms = attempt.moved_ms = now_ms_;
  }
}

void AgentState::OnReport(Job* job, pb::TaskReport report) {
  const auto found = job->by_key.find(KeyOf(report.id()));
  if (found == job->by_key.end()) return;  // late
  const bool silent = found->second->silent;
  job->given.erase(found->second);
  job->by_key.erase(found);
  MarkActive(job);
  if (!silent) return Report(job, std::move(report));
  if (!report.map_output().path().empty()) Emit(RemoveSegment{job->id, report.map_output().path()});
}

void AgentState::Report(Job* job, pb::TaskReport report) {
  const Key key = KeyOf(report.id());
  const bool tell = welcomed();
  if (tell) {
    *outbox_.add_reports() = report;
    has_outbox_ = true;
  }
  if (report.outcome() == pb::OUTCOME_OK && report.has_map_output()) {
    job->held[key] = std::move(report);
    return;
  }
  Remember(job, std::move(report), tell ? now_ms_ : -1);
}

// Until it has arrived for sure. Bounded: what is forgotten is run again if its report was lost.
void AgentState::Remember(Job* job, pb::TaskReport report, int64_t sent_ms) {
  RecentReport recent;
  recent.sent_ms = sent_ms;
  recent.bytes = report.ByteSizeLong();
  job->recent_bytes += recent.bytes;
  const Key key = KeyOf(report.id());
  recent.report = std::move(report);
  job->recent[key] = std::move(recent);
  while (job->recent.size() > kMaxRecentReports || job->recent_bytes > kMaxRecentBytes) {
    job->recent_bytes -= job->recent.begin()->second.bytes;
    job->recent.erase(job->recent.begin());
  }
}

void AgentState::ReportEnd(Job* job, const Attempt& attempt, pb::Outcome outcome,
                           const pb::ErrorInfo& error) {
  if (attempt.silent) return;
  pb::TaskReport report;
  *report.mutable_id() = attempt.id;
  report.set_outcome(outcome);
  if (error.kind() != pb::ErrorInfo::NONE) *report.mutable_error() = error;
  Report(job, std::move(report));
}

void AgentState::OnProgress(Job* job, const pb::TaskProgress& progress) {
  const auto found = job->by_key.find(KeyOf(progress.id()));
  if (found == job->by_key.end()) return;
  Attempt& attempt = *found->second;
  if (attempt.records == progress.records() && attempt.bytes == progress.bytes()) return;
  attempt.records = progress.records();
  attempt.bytes = progress.bytes();
  attempt.moved_ms = now_ms_;
}

// A task that stands still for its time limit takes its executor with it: threads cannot be killed.
void AgentState::CheckHangs(Job* job) {
  if (job->phase != ExecutorPhase::kReady || job->culprit.has_value()) return;
  for (const Attempt& attempt : job->given) {
    if (attempt.active_ms < 0) return;
    const int64_t still_ms = now_ms_ - attempt.moved_ms;
    const bool deaf = attempt.cancelled_ms >= 0 && now_ms_ - attempt.cancelled_ms > kCancelPatienceMs &&
                      still_ms > kCancelPatienceMs;
    const auto stage = job->stages.find(attempt.id.stage());
    const int64_t limit_ms = stage == job->stages.end() ? 0 : stage->second.options().task_timeout_ms();
    const bool hung = limit_ms > 0 && still_ms >= limit_ms && attempt.cancelled_ms < 0;
    if (!deaf && !hung) continue;
    job->culprit = KeyOf(attempt.id);
    job->culprit_error.Clear();
    job->culprit_error.set_kind(pb::ErrorInfo::USER_CODE);
    job->culprit_error.set_message(
        StrCat("task ", attempt.id.task(), " of stage ", attempt.id.stage(), " made no progress for ",
               HumanDuration(static_cast<double>(still_ms) / 1000), " after ", attempt.records,
               " records and was stopped: look for an endless loop, or raise --task-timeout"));
    job->phase = ExecutorPhase::kDying;
    return Emit(KillExecutor{job->id, job->generation});
  }
}

void AgentState::AddHeartbeat(uint64_t rss_bytes) {
  pb::Heartbeat* heartbeat = outbox_.mutable_heartbeat();
  heartbeat->clear_progress();
  heartbeat->set_rss_bytes(rss_bytes);
  for (const auto& [id, job] : jobs_) {
    for (const Attempt& attempt : job.given) {
      if (attempt.silent || attempt.records + attempt.bytes == 0) continue;
      pb::TaskProgress* progress = heartbeat->add_progress();
      *progress->mutable_id() = attempt.id;
      progress->set_records(attempt.records);
      progress->set_bytes(attempt.bytes);
    }
  }
  has_outbox_ = true;
}

}  // namespace millrace::agent
