// What the scheduler wants done.
#include "common/base/ids.h"
#include "common/base/status.h"
#include "coordinator/server/loop.h"
#include "coordinator/server/translate.h"

namespace millrace {

using coordinator::JobBook;
using coordinator::ToPb;

CoordinatorCore::Loop::Session* CoordinatorCore::Loop::SessionOf(scheduler::WorkerId worker) {
  auto book = worker_by_id_.find(worker);
  if (book == worker_by_id_.end() || book->second->session == 0) return nullptr;
  auto session = sessions_.find(book->second->session);
  return session == sessions_.end() || session->second.doomed ? nullptr : &session->second;
}

pb::CoordinatorMessage* CoordinatorCore::Loop::Out(Session& session) {
  session.has_out = true;
  busy_sessions_.insert(session.id);
  return &session.out;
}

// ---- journal ----

void CoordinatorCore::Loop::Do(const scheduler::JournalJob& command) {
  const JobBook& book = jobs_.at(command.job);
  pb::JobSubmitted* entry = NewEntry()->mutable_job_submitted();
  entry->set_job(book.id);
  *entry->mutable_request() = book.request;
  entry->set_time_ms(book.submitted_ms);
  sync_before_answers_ = true;
}

void CoordinatorCore::Loop::Do(const scheduler::JournalDriverLease& command) {
  JobBook& book = jobs_.at(command.job);
  book.driver_epoch = command.driver_epoch;
  book.profile = command.profile;
  if (book.started_ms == 0) book.started_ms = clock_->WallMs();
  pb::DriverLeased* entry = NewEntry()->mutable_driver_leased();
  entry->set_job(command.job);
  entry->set_driver_epoch(command.driver_epoch);
  entry->set_profile(command.profile);
}

void CoordinatorCore::Loop::Do(const scheduler::JournalAction& command) {
  for (pb::SharedValue& value : *at_hand_.action->mutable_shared()) {
    if (!jobs_.at(command.job).AddShared(value)) continue;
    pb::JobValue* entry = NewEntry()->mutable_shared();
    entry->set_job(command.job);
    *entry->mutable_value() = std::move(value);
  }
  at_hand_.action->clear_shared();
  pb::ActionPlanned* entry = NewEntry()->mutable_action_planned();
  entry->set_job(command.job);
  *entry->mutable_request() = *at_hand_.action;
  jobs_.at(command.job).AddPlan(std::move(*at_hand_.action));
}

void CoordinatorCore::Loop::Do(const scheduler::JournalWinner& command) {
  pb::Winner* entry = NewEntry()->mutable_winner();
  *entry->mutable_id() = ToPb(command.attempt);
  *entry->mutable_report() = *at_hand_.report;
  for (const scheduler::StageDigests& consumed : command.consumed) {
    pb::StageDigests* digests = entry->add_consumed();
    digests->set_stage(consumed.stage);
    for (const scheduler::Digest& digest : consumed.digests)
      digests->mutable_digests()->append(digest.ToBytes());
  }
  jobs_.at(command.attempt.job).SetWinner(*at_hand_.report);
}

void CoordinatorCore::Loop::Do(const scheduler::JournalActionDone& command) {
  JobBook& book = jobs_.at(command.job);
  pb::ActionResult result = book.MakeResult(command.action, command.final_stage);
  *NewEntry()->mutable_action_done() = result;
  book.AddResult(std::move(result));
}

void CoordinatorCore::Loop::Do(const scheduler::JournalJobState& command) {
  JobBook& book = jobs_.at(command.job);
  const pb::ErrorInfo* full = nullptr;
  if (auto at = book.errors.find(command.error.cause);
      command.error.cause.job != 0 && at != book.errors.end()) {
    full = &at->second;
  } else if (at_hand_.error != nullptr && at_hand_.error->message() == command.error.message) {
    full = at_hand_.error;  // of the driver
  }
  if (command.error.kind != scheduler::ErrorKind::kNone) {
    pb::ErrorInfo error = full ? *full : pb::ErrorInfo();
    error.MergeFrom(coordinator::ErrorOf(command.error));
    if (!at_hand_.note.empty()) error.set_message(StrCat(error.message(), at_hand_.note));
    book.error = std::move(error);
  }
  pb::JobState* entry = NewEntry()->mutable_job_state();
  entry->set_job(command.job);
  entry->set_state(coordinator::StateOf(command.state));
  entry->set_settled(command.settled);
  entry->set_time_ms(clock_->WallMs());
  *entry->mutable_error() = book.error;
  const bool over =
      command.state == scheduler::JobState::kSucceeded || (IsFinal(command.state) && command.settled);
  // Files are published or removed because of it. Once that is done, doing it again does no harm.
  (over ? sync_before_answers_ : sync_before_sends_) = true;
  if (over && !book.over) JobOver(book, command.state);
}

void CoordinatorCore::Loop::JobOver(JobBook& book, scheduler::JobState state) {
  book.finished_ms = clock_->WallMs();
  book.final_status = LiveStatus(book);
  book.final_status.set_state(coordinator::StateOf(state));
  book.final_status.clear_pending_reason();
  book.final_status.set_running_tasks(0);
  for (pb::StageStatus& stage : *book.final_status.mutable_stages()) stage.set_running(0);
  book.over = true;
  *NewEntry()->mutable_final_status() = book.final_status;
  if (state == scheduler::JobState::kSucceeded) ++counts_.jobs_succeeded;
  if (state == scheduler::JobState::kFailed) ++counts_.jobs_failed;
  if (state == scheduler::JobState::kKilled) ++counts_.jobs_killed;
  book.Shrink();
  Changed(book.id);
  finished_.push_back(book.id);
  if (finished_.size() <= std::max(1u, options_.finished_jobs)) return;
  submissions_.erase(jobs_.at(finished_.front()).request.submission());
  jobs_.erase(finished_.front());
  finished_.pop_front();
}

// ---- workers ----

void CoordinatorCore::Loop::Do(const scheduler::Welcome& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  pb::Welcome* welcome = Out(*session)->mutable_welcome();
  welcome->set_incarnation(incarnation);
  welcome->set_epoch(command.epoch);
  welcome->set_worker(command.worker);
  welcome->set_heartbeat_interval_ms(options_.heartbeat_interval_ms);
  welcome->set_lease_ms(options_.lease_ms);
  if (!session->forget) {
    for (uint64_t job : command.live_jobs) welcome->add_live_jobs(job);
  }
  for (const scheduler::AttemptId& id : command.accepted) *welcome->add_accepted() = ToPb(id);
}

void CoordinatorCore::Loop::Do(const scheduler::CloseWorker& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr || session->epoch != command.epoch) return;
  session->doomed = true;
  session->worker = 0;
  session->has_out = session->answer = false;
  worker_by_id_[command.worker]->session = 0;
  busy_sessions_.insert(session->id);
}

void CoordinatorCore::Loop::Do(const scheduler::StartDriver& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  const JobBook& book = jobs_.at(command.job);
  pb::StartDriver* start = Out(*session)->add_start_drivers();
  start->set_job(command.job);
  start->set_driver_epoch(command.driver_epoch);
  start->set_bundle(book.request.bundle());
  start->set_job_name(book.request.job_name());
  *start->mutable_options() = book.request.options();
  for (const auto& [action, result] : book.results) {
    pb::ActionResult* logged = start->add_log();
    *logged = result;
    logged->set_driver_epoch(command.driver_epoch);
  }
}

void CoordinatorCore::Loop::Do(const scheduler::StopDriver& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  pb::HeldDriver* stop = Out(*session)->add_stop_drivers();
  stop->set_job(command.job);
  stop->set_driver_epoch(command.driver_epoch);
}

void CoordinatorCore::Loop::Do(const scheduler::SendActionResult& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  const JobBook& book = jobs_.at(command.job);
  auto result = book.results.find(command.action);
  if (result == book.results.end() && !book.settled.contains(command.action)) return;
  pb::ActionResult* out = Out(*session)->add_action_results();
  if (result != book.results.end()) {
    *out = result->second;
  } else {
    out->set_job(command.job);
    out->set_action(command.action);
    out->mutable_error()->set_kind(pb::ErrorInfo::USER_CODE);
    out->mutable_error()->set_deterministic(true);
    out->mutable_error()->set_message(
        StrCat("action ", command.action, " belongs to a step of a loop that is done, yet the job function ",
               "asks for it: it must do the same each time"));
  }
  out->set_driver_epoch(command.driver_epoch);
}

void CoordinatorCore::Loop::Do(const scheduler::Grant& command) {
  ++counts_.grants;
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  JobBook& book = jobs_.at(command.attempt.job);
  pb::CoordinatorMessage* out = Out(*session);
  if (session->specs.insert({book.id, command.attempt.stage}).second) {
    const coordinator::StageBook& stage = book.stages.at(command.attempt.stage);
    SendShared(*session, book, *stage.spec);
    pb::StageSpec* spec = out->add_stages();
    spec->set_job(book.id);
    *spec->mutable_stage() = *stage.spec;
    *spec->mutable_options() = book.plans.at(stage.action).plan().options();
    spec->set_bundle(book.request.bundle());
    spec->set_job_name(book.request.job_name());
  }
  pb::Grant* grant = out->add_grants();
  *grant->mutable_id() = ToPb(command.attempt);
  grant->set_bundle(book.request.bundle());
  grant->set_speculative(command.speculative);
  for (const scheduler::GrantInput& input : command.inputs) {
    SendManifest(*session, book, input);
    pb::ManifestRef* ref = grant->add_inputs();
    ref->set_stage(input.stage);
    ref->set_version(input.version);
  }
}

// What the stage names and this worker was not given yet.
void CoordinatorCore::Loop::SendShared(Session& session, const JobBook& book, const pb::Stage& stage) {
  const auto send = [&](const pb::SharedRef& ref) {
    if (ref.digest().empty() || !session.shared.insert({book.id, ref.digest()}).second) return;
    const auto value = book.shared.find(ref.digest());
    if (value == book.shared.end()) return;  // the task says what it lacks
    pb::JobValue* out = Out(session)->add_shared();
    out->set_job(book.id);
    out->mutable_value()->set_digest(value->first);
    out->mutable_value()->set_value(value->second);
  };
  for (const pb::Branch& branch : stage.branches()) {
    for (const pb::SharedRef& ref : branch.values().shared()) send(ref);
    for (const pb::Operator& op : branch.operators()) send(op.shared());
  }
}

// The manifest of a stage is made once per version, from the books at the moment of the grant.
void CoordinatorCore::Loop::SendManifest(Session& session, JobBook& book,
                                         const scheduler::GrantInput& input) {
  uint64_t& told = session.manifests[{book.id, input.stage}];
  if (told == input.version) return;
  told = input.version;
  coordinator::StageBook& stage = book.stages.at(input.stage);
  if (stage.manifest == nullptr || stage.manifest->version() != input.version) {
    auto manifest = std::make_shared<pb::Manifest>();
    manifest->set_job(book.id);
    manifest->set_stage(input.stage);
    manifest->set_version(input.version);
    std::set<scheduler::WorkerId> holders;
    for (uint32_t number = 0; number < stage.tasks.size(); ++number) {
      const scheduler::Task* done = scheduler_.FindDone(book.id, input.stage, number);
      const coordinator::TaskBook& task = stage.tasks[number];
      pb::MapLocation* map = manifest->add_maps();
      map->set_task(number);
      if (done == nullptr) continue;
      map->set_attempt(done->attempt);
      map->set_worker(done->worker);
      map->set_path(task.path);
      map->set_digest(task.digest);
      map->set_records(task.records);
      map->set_bytes(task.bytes);
      holders.insert(done->worker);
    }
    for (scheduler::WorkerId id : holders) {
      auto worker = worker_by_id_.find(id);
      if (worker == worker_by_id_.end()) continue;
      pb::WorkerAddress* address = manifest->add_workers();
      address->set_worker(id);
      address->set_bulk_address(worker->second->registration.bulk_address());
      address->set_name(worker->second->registration.name());
    }
    stage.manifest = std::move(manifest);
  }
  *Out(session)->add_manifests() = *stage.manifest;
}

void CoordinatorCore::Loop::Do(const scheduler::Cancel& command) {
  if (Session* session = SessionOf(command.worker)) *Out(*session)->add_cancels() = ToPb(command.attempt);
}

void CoordinatorCore::Loop::Do(const scheduler::Publish& command) {
  Session* session = SessionOf(command.worker);
  absl::StatusOr<pb::FileList> list =
      coordinator::MakeFileList(jobs_.at(command.job), command.request, command.commit);
  if (list.ok()) {
    if (session != nullptr) *Out(*session)->add_files() = *std::move(list);
    return;
  }
  scheduler::PublishReported refused;
  refused.worker = command.worker;
  const scheduler::Worker* worker = scheduler_.FindWorker(command.worker);
  refused.epoch = worker ? worker->epoch : 0;
  refused.job = command.job;
  refused.request = command.request;
  refused.ok = refused.retriable = false;
  refused.error.kind = scheduler::ErrorKind::kInternal;
  refused.error.message = MessageOf(list.status());
  follow_ups_.push_back(refused);
}

void CoordinatorCore::Loop::Do(const scheduler::DropJob& command) {
  Session* session = SessionOf(command.worker);
  if (session == nullptr) return;
  Out(*session)->add_drop_jobs(command.job);
  const std::pair<uint64_t, uint32_t> first(command.job, 0), after(command.job + 1, 0);
  session->specs.erase(session->specs.lower_bound(first), session->specs.lower_bound(after));
  session->manifests.erase(session->manifests.lower_bound(first), session->manifests.lower_bound(after));
  session->shared.erase(session->shared.lower_bound({command.job, ""}),
                        session->shared.lower_bound({command.job + 1, ""}));
}

// ---- people ----

void CoordinatorCore::Loop::Do(const scheduler::TaskDone& command) {
  JobBook& book = jobs_.at(command.attempt.job);
  pb::TaskLedgered ledgered;
  if (at_hand_.report != nullptr && coordinator::FromPb(at_hand_.report->id()) == command.attempt) {
    const pb::TaskReport& report = *at_hand_.report;
    book.SetLocation(command.attempt, report.map_output());
    if (!book.Count(command.attempt, report.ledger(), report.counters(), report.file().rejects_temporary()))
      return;
    *ledgered.mutable_ledger() = report.ledger();
    *ledgered.mutable_counters() = report.counters();
    ledgered.set_rejects_temporary(report.file().rejects_temporary());
  } else if (at_hand_.held != nullptr && at_hand_.held->contains(command.attempt)) {
    const pb::HeldOutput& held = *at_hand_.held->at(command.attempt);
    book.SetLocation(command.attempt, held.output());
    if (!book.Count(command.attempt, held.ledger(), held.counters(), "")) return;
    *ledgered.mutable_ledger() = held.ledger();
    *ledgered.mutable_counters() = held.counters();
  } else {
    return;
  }
  *ledgered.mutable_id() = ToPb(command.attempt);
  pb::JournalEntry entry;
  *entry.mutable_ledgered() = std::move(ledgered);
  Lazy(std::move(entry));
}

void CoordinatorCore::Loop::Do(const scheduler::JobChanged& command) { Changed(command.job); }

void CoordinatorCore::Loop::Do(const scheduler::Story& command) {
  JobBook* book = Book(command.job);
  if (book == nullptr) return;
  pb::StoryLine line;
  line.set_time_ms(clock_->WallMs());
  line.set_step(book->story.last() + 1);
  line.set_text(command.text);
  line.set_stage(static_cast<int32_t>(command.stage));
  line.set_task(static_cast<int32_t>(command.task));
  book->story.Add(std::move(line), options_.story_lines);
}

}  // namespace millrace
