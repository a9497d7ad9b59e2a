// What clients ask.
#include "common/base/status.h"
#include "common/base/ids.h"
#include "coordinator/server/loop.h"
#include "coordinator/server/translate.h"

namespace millrace {

using coordinator::JobBook;
using coordinator::StageBook;

JobBook* CoordinatorCore::Loop::Book(uint64_t job) {
  auto at = jobs_.find(job);
  return at == jobs_.end() ? nullptr : &at->second;
}

void CoordinatorCore::Loop::Changed(uint64_t job) {
  if (!watches_.empty()) changed_jobs_.insert(job);
}

absl::StatusOr<JobBook*> CoordinatorCore::Loop::Find(const std::string& id) {
  if (id == "last" && !jobs_.empty()) return &jobs_.rbegin()->second;
  std::optional<uint64_t> number = ParseJobId(id);
  if (number.has_value()) {
    if (JobBook* book = Book(*number)) return book;
  }
  return NotFound("there is no job ", id.empty() ? "\"\"" : id,
                  "; `mrsubmit list` shows those that are known");
}

pb::SubmitReply CoordinatorCore::Loop::Submit(const pb::SubmitRequest& request) {
  pb::SubmitReply reply;
  const auto refuse = [&reply](const std::string& sentence) {
    reply.mutable_error()->set_kind(pb::ErrorInfo::USAGE);
    reply.mutable_error()->set_message(sentence);
    return reply;
  };
  if (request.job_name().empty()) return refuse("the submission names no job");
  auto known = submissions_.find(request.submission());
  if (!request.submission().empty() && known != submissions_.end()) {
    reply.set_job(known->second);
    reply.set_id(JobIdText(known->second));
    return reply;
  }
  auto output = request.options().find("output");
  for (const auto& [other, book] : jobs_) {
    if (book.over || output == request.options().end() || output->second.empty()) continue;
    auto same = book.request.options().find("output");
    if (same == book.request.options().end() || same->second != output->second) continue;
    return refuse(StrCat("the output ", output->second, " is being written by ", JobIdText(other),
                         "; wait for it, kill it, or choose another --output"));
  }
  const uint64_t id = next_job_++;
  JobBook& book = jobs_[id];
  book.id = id;
  book.request = request;
  book.submitted_ms = clock_->WallMs();
  if (!request.submission().empty()) submissions_[request.submission()] = id;
  scheduler::JobSubmitted event;
  event.job = id;
  event.options.max_attempts = options_.max_attempts;
  Step(event);
  reply.set_job(id);
  reply.set_id(JobIdText(id));
  return reply;
}

absl::StatusOr<pb::JobStatus> CoordinatorCore::Loop::Kill(const std::string& id) {
  MR_ASSIGN_OR_RETURN(JobBook * book, Find(id));
  const uint64_t job = book->id;
  if (!book->over) Step(scheduler::KillJob{job, "killed by the user"});
  book = Book(job);
  if (book == nullptr) return NotFound("the job ", id, " is over and forgotten");
  return StatusOf(*book);
}

absl::StatusOr<uint64_t> CoordinatorCore::Loop::AddWatch(const std::string& id, Watcher watcher) {
  MR_ASSIGN_OR_RETURN(JobBook * book, Find(id));
  Watch watch;
  watch.job = book->id;
  watch.watcher = std::move(watcher);
  watch.last_ms = INT64_MIN / 2;
  watches_[next_watch_] = std::move(watch);
  return next_watch_++;
}

pb::JobStatus CoordinatorCore::Loop::StatusOf(JobBook& book) {
  return book.over ? book.final_status : LiveStatus(book);
}

namespace {

void AddStage(const scheduler::Scheduler& scheduler, const JobBook& book, uint32_t id, const StageBook& stage,
              pb::JobStatus* status) {
  pb::StageStatus* out = status->add_stages();
  out->set_stage(id);
  out->set_name(stage.spec->name());
  out->set_action(stage.action);
  out->set_tasks(static_cast<uint32_t>(stage.tasks.size()));
  if (const scheduler::Stage* known = scheduler.FindStage(book.id, id)) {
    out->set_done(known->done);
    out->set_running(known->running);
    out->set_failed_attempts(known->failed_attempts);
  }
  out->set_records(stage.sums.source_records() + stage.sums.records_received());
  out->set_bytes(stage.sums.source_bytes() + stage.sums.bytes_received());
  uint64_t total = stage.total_bytes;
  for (const pb::Branch& branch : stage.spec->branches()) {
    for (uint32_t input : branch.upstream().stages()) {
      auto from = book.stages.find(input);
      if (from != book.stages.end()) total += from->second.sums.bytes_sent();
    }
  }
  out->set_total_bytes(total);
}

}  // namespace

pb::JobStatus CoordinatorCore::Loop::LiveStatus(JobBook& book) {
  pb::JobStatus status;
  status.set_job(book.id);
  status.set_id(JobIdText(book.id));
  status.set_name(book.request.job_name());
  status.set_output(book.output());
  status.set_bundle(book.request.bundle());
  *status.mutable_options() = book.request.options();
  status.set_submitted_ms(book.submitted_ms);
  status.set_started_ms(book.started_ms);
  status.set_finished_ms(book.finished_ms);
  status.set_driver_epoch(static_cast<uint32_t>(book.driver_epoch));
  status.set_state(pb::JobStatus::PENDING);
  if (const scheduler::Job* job = scheduler_.FindJob(book.id)) {
    status.set_state(coordinator::StateOf(job->state));
    status.set_actions_done(job->actions_done);
    status.set_running_tasks(static_cast<uint32_t>(job->running));
    status.set_pending_reason(scheduler_.PendingReason(book.id));
  }
  if (book.error.kind() != pb::ErrorInfo::NONE) *status.mutable_error() = book.error;
  std::map<uint32_t, int> index;
  for (const auto& [id, stage] : book.stages) {
    index[id] = status.stages_size();
    AddStage(scheduler_, book, id, stage, &status);
    status.set_records_written(status.records_written() + stage.sums.records_written());
    status.set_bytes_written(status.bytes_written() + stage.sums.bytes_written());
  }
  for (const auto& [id, progress] : book.progress) {
    auto at = index.find(id.stage);
    if (at == index.end()) continue;
    pb::StageStatus* stage = status.mutable_stages(at->second);
    stage->set_records(stage->records() + progress.records());
    stage->set_bytes(stage->bytes() + progress.bytes());
  }
  for (const auto& [name, value] : book.Counters()) {
    pb::Counter* counter = status.add_counters();
    counter->set_name(name);
    counter->set_value(value);
  }
  return status;
}

pb::ListJobsReply CoordinatorCore::Loop::Jobs() {
  pb::ListJobsReply reply;
  for (auto& [id, book] : jobs_) *reply.add_jobs() = StatusOf(book);
  return reply;
}

pb::ListWorkersReply CoordinatorCore::Loop::Workers() {
  pb::ListWorkersReply reply;
  for (const auto& [id, book] : worker_by_id_) {
    pb::WorkerStatus* status = reply.add_workers();
    status->set_worker(id);
    status->set_name(book->registration.name());
    status->set_profile(book->registration.profile());
    status->set_profile_text(book->registration.profile_text());
    status->set_slots(book->registration.slots());
    status->set_slot_memory_bytes(book->registration.slot_memory_bytes());
    status->set_bulk_address(book->registration.bulk_address());
    *status->mutable_shared_roots() = book->registration.shared_roots();
    status->set_last_heard_ms(book->last_heard_wall_ms);
    status->set_rss_bytes(book->rss_bytes);
    status->set_state("down");
    const scheduler::Worker* worker = scheduler_.FindWorker(id);
    if (worker == nullptr || !worker->up) continue;
    status->set_state(worker->draining ? "draining" : "up");
    status->set_running(static_cast<uint32_t>(std::min<size_t>(worker->outstanding.size(), worker->slots)));
    status->set_drivers(worker->drivers);
  }
  return reply;
}

}  // namespace millrace
