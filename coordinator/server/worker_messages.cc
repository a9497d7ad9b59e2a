// What workers say, as events.
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "coordinator/server/loop.h"
#include "coordinator/server/translate.h"

namespace millrace {

using coordinator::FactsOf;
using coordinator::FromPb;
using coordinator::JobBook;
using coordinator::ReportOf;

void CoordinatorCore::Loop::OnMessage(Session& session, pb::WorkerMessage& message) {
  if (message.has_register_()) {
    OnRegister(session, message.register_());
    if (session.doomed) return;
  } else if (session.epoch == 0 || message.epoch() != session.epoch) {
    return;  // of an earlier life of this worker: it changes nothing
  }
  const scheduler::WorkerId worker = session.worker;
  const scheduler::Epoch epoch = session.epoch;
  worker_by_id_[worker]->last_heard_wall_ms = clock_->WallMs();
  for (const pb::LogLine& line : message.logs()) OnLog(line);
  for (const pb::TaskReport& report : message.reports()) OnReport(session, report);
  if (message.reports_size() == 0) Step(scheduler::Heartbeat{worker, epoch});
  if (message.has_heartbeat()) OnHeartbeat(session, message.heartbeat());
  for (pb::ActionRequest& request : *message.mutable_actions()) OnAction(request);
  for (const pb::DriverFinished& finished : message.drivers_finished()) {
    const bool ok = finished.error().kind() == pb::ErrorInfo::NONE;
    AtHand at_hand;
    at_hand.error = &finished.error();
    Step(scheduler::DriverFinished{finished.job(), finished.driver_epoch(), ok, FactsOf(finished.error())},
         at_hand);
  }
  for (const pb::HeldDriver& lost : message.drivers_lost()) {
    Step(scheduler::DriverLost{worker, epoch, lost.job(), lost.driver_epoch()});
  }
  for (const pb::FilesReport& report : message.files()) {
    const bool ok = report.error().kind() == pb::ErrorInfo::NONE;
    const bool retriable = report.error().kind() == pb::ErrorInfo::SYSTEM && !report.error().deterministic();
    Step(scheduler::PublishReported{worker, epoch, report.job(), report.request(), ok, retriable,
                                    FactsOf(report.error())});
  }
  if (message.draining()) Step(scheduler::WorkerDraining{worker, epoch});
}

void CoordinatorCore::Loop::OnRegister(Session& session, const pb::Register& registration) {
  if (registration.name().empty() || registration.slots() == 0) {
    Out(session)->set_rejected("a worker has to register with a name and at least one slot");
    session.doomed = true;
    return;
  }
  WorkerBook& book = workers_[registration.name()];
  session.forget = book.id == 0 && may_have_forgotten_;  // what it has may be of what was forgotten
  if (book.id == 0) {
    book.id = static_cast<scheduler::WorkerId>(workers_.size());
    worker_by_id_[book.id] = &book;
  }
  if (auto old = sessions_.find(book.session); old != sessions_.end() && old->first != session.id) {
    old->second.doomed = true;  // the worker speaks over another stream now
    old->second.worker = 0;
    busy_sessions_.insert(old->first);
  }
  book.session = session.id;
  book.registration = registration;
  book.registration.clear_held();
  book.registration.clear_running();
  session.worker = book.id;
  session.epoch = (incarnation << 32) + ++connections_;
  session.specs.clear();
  session.manifests.clear();
  session.shared.clear();
  session.out.Clear();

  scheduler::WorkerUp up;
  up.worker = book.id;
  up.epoch = session.epoch;
  up.name = registration.name();
  up.slots = registration.slots();
  up.credits = registration.credits();
  up.slot_memory_bytes = registration.slot_memory_bytes();
  up.profile = registration.profile();
  std::map<scheduler::AttemptId, const pb::HeldOutput*> held_by_id;
  const pb::Register nothing;
  const pb::Register& brought = session.forget ? nothing : registration;
  for (const pb::HeldOutput& held : brought.held()) {
    held_by_id[FromPb(held.id())] = &held;
    up.held.push_back({FromPb(held.id()), scheduler::Digest::FromBytes(held.output().digest()),
                       coordinator::SumsOf(held.ledger())});
  }
  for (const pb::AttemptId& id : brought.running()) up.running.push_back(FromPb(id));
  for (const pb::HeldDriver& driver : brought.drivers())
    up.drivers.push_back({driver.job(), driver.driver_epoch()});
  AtHand at_hand;
  at_hand.held = &held_by_id;
  Step(up, at_hand);
}

// Why a report of success is none: a law of the ledger broken, or results over the limit. Sets `error`.
std::string CoordinatorCore::Loop::ReportProblem(const JobBook& book, const pb::TaskReport& report,
                                                 pb::ErrorInfo* error) {
  auto at = book.stages.find(report.id().stage());
  if (at == book.stages.end()) return "";
  const coordinator::StageBook& stage = at->second;
  std::string problem = coordinator::CheckTaskLedger(*stage.spec, report);
  error->set_kind(pb::ErrorInfo::INTERNAL);
  error->set_deterministic(true);
  if (!problem.empty() || !stage.spec->has_result()) return problem;
  if (report.id().task() >= stage.tasks.size() || stage.tasks[report.id().task()].counted) return "";
  uint64_t limit = options_.max_collect_bytes;
  if (stage.spec->result().max_bytes() > 0) limit = std::min(limit, stage.spec->result().max_bytes());
  if (stage.result_bytes + report.result().size() <= limit) return "";
  error->set_kind(pb::ErrorInfo::BAD_INPUT);
  return StrCat("the results of stage ", stage.spec->id(), " (", stage.spec->name(), ") are over ",
                HumanBytes(limit),
                "; write them with Write, or raise max_collect_bytes of the job and of the coordinator");
}

void CoordinatorCore::Loop::OnReport(Session& session, const pb::TaskReport& report) {
  ++counts_.reports;
  scheduler::TaskReported event = ReportOf(report, session.worker, session.epoch);
  JobBook* book = Book(report.id().job());
  AtHand at_hand;
  at_hand.report = &report;
  pb::ErrorInfo error;
  if (book != nullptr && event.outcome == scheduler::Outcome::kOk) {
    std::string problem = ReportProblem(*book, report, &error);
    if (!problem.empty()) {
      error.set_message(problem);
      event.outcome = scheduler::Outcome::kFailed;
      event.error = FactsOf(error, event.attempt);
      book->KeepError(event.attempt, error);
    }
  } else if (book != nullptr) {
    book->progress.erase(event.attempt);
    if (report.error().kind() != pb::ErrorInfo::NONE) book->KeepError(event.attempt, report.error());
  }
  Step(event, at_hand);
}

void CoordinatorCore::Loop::OnAction(pb::ActionRequest& request) {
  AtHand at_hand;
  at_hand.action = &request;
  if (request.record()) {
    Step(scheduler::ActionRecorded{request.job(), request.driver_epoch(), request.action(),
                                   request.fingerprint()},
         at_hand);
    return;
  }
  scheduler::ActionRequested event;
  event.job = request.job();
  event.driver_epoch = request.driver_epoch();
  event.action = request.action();
  event.fingerprint = request.fingerprint();
  event.stages = coordinator::ShapesOf(request.plan());
  event.final_stage = request.plan().final_stage();
  if (JobBook* book = Book(request.job())) {
    auto logged = book->plans.find(request.action());
    if (logged != book->plans.end() && logged->second.fingerprint() != request.fingerprint()) {
      at_hand.note = StrCat(
          " (first difference: ", coordinator::PlanDifference(logged->second.plan(), request.plan()), ")");
    }
  }
  Step(event, at_hand);
}

void CoordinatorCore::Loop::OnHeartbeat(Session& session, const pb::Heartbeat& heartbeat) {
  session.answer = true;
  busy_sessions_.insert(session.id);
  worker_by_id_[session.worker]->rss_bytes = heartbeat.rss_bytes();
  for (const pb::TaskProgress& progress : heartbeat.progress()) {
    JobBook* book = Book(progress.id().job());
    const scheduler::Task* done =
        scheduler_.FindDone(progress.id().job(), progress.id().stage(), progress.id().task());
    if (book == nullptr || book->over || done != nullptr) continue;
    book->progress[FromPb(progress.id())] = progress;
    Changed(book->id);
  }
}

void CoordinatorCore::Loop::OnLog(const pb::LogLine& line) {
  if (JobBook* book = Book(line.job())) book->logs.Add(line, options_.log_lines);
}

void CoordinatorCore::Loop::CloseSession(uint64_t id, const std::string& reason) {
  auto at = sessions_.find(id);
  if (at == sessions_.end()) return;
  const scheduler::WorkerId worker = at->second.worker;
  const scheduler::Epoch epoch = at->second.epoch;
  sessions_.erase(at);
  if (worker == 0) return;  // never registered, or speaks over another stream
  if (worker_by_id_[worker]->session == id) worker_by_id_[worker]->session = 0;
  Step(scheduler::WorkerDown{worker, epoch, reason});
}

}  // namespace millrace
