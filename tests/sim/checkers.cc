#include "tests/sim/checkers.h"

namespace millrace::sim {

using scheduler::ErrorKind;
using scheduler::JobState;
using scheduler::Outcome;

void Checkers::BeforeStep(int64_t now_ms, const Event& event) {
  now_ms_ = now_ms;
  must_end_.clear();
  request_valid_ = false;
  published_ = 0;
  reported_ok_ = AttemptId{};
  reporter_ = 0;
  registered_.clear();
  running_brought_.clear();
  std::visit([this](const auto& e) { See(e); }, event);
}

void Checkers::AfterStep() {
  for (JobId job : must_end_) {
    if (!jobs_[job].decided)
      Complain("job " + std::to_string(job) + " goes on after a failure that no retry can help");
  }
}

void Checkers::OnCommand(const Command& command) {
  std::visit([this](const auto& c) { Check(c); }, command);
}

void Checkers::OnCrash() {
  workers_.clear();
  for (auto& [id, book] : jobs_) {
    book.places.clear();
    book.manifests.clear();
    book.last_version.clear();
    book.charged.clear();
    book.signatures.clear();
    book.driver_worker = 0;
    book.publisher = 0;
    book.last_request = 0;
    book.driver_finished = false;
    book.recovered = book.leased > 0;
  }
}

void Checkers::Down(WorkerId id) {
  WorkerBook& worker = workers_[id];
  worker.up = false;
  worker.outstanding.clear();
  for (auto& [job_id, book] : jobs_) {
    if (book.driver_worker == id) book.driver_worker = 0;
    for (auto it = book.places.begin(); it != book.places.end();) {
      if (it->second.worker == id) {
        ++book.changes[it->first.first];
        it = book.places.erase(it);
      } else {
        ++it;
      }
    }
  }
}

// ---- commands ----

void Checkers::Check(const scheduler::JournalJob& command) {
  if (jobs_.count(command.job) != 0) Complain("job " + std::to_string(command.job) + " is journaled twice");
  jobs_[command.job];
}

void Checkers::Check(const scheduler::JournalDriverLease& command) {
  JobBook& book = jobs_[command.job];
  if (command.driver_epoch <= book.leased) Complain("a driver epoch does not rise");
  if (book.driver_worker != 0) Complain("a second driver is placed while the first is there");
  if (book.driver_finished) Complain("a driver is placed after the job function has ended");
  book.leased = command.driver_epoch;
  if (!book.profile.empty() && book.profile != command.profile) Complain("a job changes its numeric profile");
  book.profile = command.profile;
  if (book.decided || book.settled) Complain("a driver is placed for a job that is over");
}

void Checkers::Check(const scheduler::StartDriver& command) {
  JobBook& book = jobs_[command.job];
  if (command.driver_epoch != book.leased) Complain("a driver is started whose lease is not in the journal");
  if (command.driver_epoch <= book.started) Complain("a driver epoch is started twice");
  book.started = command.driver_epoch;
  book.driver_worker = command.worker;
  const WorkerBook& worker = workers_[command.worker];
  if (!worker.up || worker.draining) Complain("a driver is started at a worker that is down or draining");
  if (worker.profile != book.profile) Complain("a driver is started at a worker of another profile");
}

void Checkers::Check(const scheduler::JournalAction& command) {
  JobBook& book = jobs_[command.job];
  if (!book.planned.insert(command.action).second) Complain("an action is planned twice");
  if (!request_valid_) Complain("an action is planned that the driver with the lease did not ask for");
  if (book.publishing || book.decided) Complain("an action is planned for a job that is over");
}

void Checkers::Check(const scheduler::SendActionResult& command) {
  const JobBook& book = jobs_[command.job];
  if (book.done.count(command.action) == 0) Complain("a driver hears of a result that is not in the journal");
  if (command.driver_epoch != book.leased) Complain("a result is sent to a driver of an old epoch");
}

bool Checkers::StageComplete(const JobBook& book, JobId job, StageId stage) const {
  const JobModel& model = Model(job);
  for (TaskId task = 0; task < model.stages.at(stage).tasks; ++task) {
    const bool there =
        model.IsHeld(stage) ? book.places.count({stage, task}) != 0 : book.winners.count({stage, task}) != 0;
    if (!there) return false;
  }
  return true;
}

void Checkers::Check(const scheduler::JournalActionDone& command) {
  JobBook& book = jobs_[command.job];
  if (book.planned.count(command.action) == 0) Complain("an action is done that was not planned");
  if (!book.done.insert(command.action).second) Complain("an action is done twice");
  const ActionModel& action = Model(command.job).actions[command.action - 1];
  if (action.recorded) return;
  if (!StageComplete(book, command.job, action.final_stage))
    Complain("an action is done before its last stage is");
}

// The attempt reported success in this step, over its worker's connection, and was neither cancelled nor
// reported before; or its output was registered in this step.
bool Checkers::Justified(const AttemptId& id, WorkerId worker) const {
  if (reported_ok_ == id && (worker == 0 || reporter_ == worker)) return true;
  auto it = registered_.find(id);
  return it != registered_.end() && it->second == worker;
}

void Checkers::Check(const scheduler::JournalWinner& command) {
  const AttemptId& id = command.attempt;
  JobBook& book = jobs_[id.job];
  if (reported_ok_ != id) Complain("a winner that did not just report: " + Text(id));
  if (!book.winners.emplace(TaskRef{id.stage, id.task}, id).second)
    Complain("a task has two winners: " + Text(id));
  if (granted_.count(id) == 0) Complain("a winner that was never granted: " + Text(id));
  if (book.decided || book.settled) Complain("a winner of a job that is over: " + Text(id));
}

void Checkers::Check(const scheduler::TaskDone& command) {
  const AttemptId& id = command.attempt;
  JobBook& book = jobs_[id.job];
  if (!Justified(id, command.worker)) Complain("an output that was not just reported: " + Text(id));
  if (granted_.count(id) == 0) Complain("an output that was never granted: " + Text(id));
  const Place place{id, command.worker, ++book.changes[id.stage]};
  if (!book.places.emplace(TaskRef{id.stage, id.task}, place).second) {
    Complain("a task has two outputs: " + Text(id));
  }
}

void Checkers::Check(const scheduler::Welcome& command) {
  WorkerBook& worker = workers_[command.worker];
  if (!worker.up || worker.epoch != command.epoch) Complain("a welcome to a connection that is not up");
  for (const AttemptId& id : command.accepted) {
    if (registered_.count(id) == 0) Complain("a welcome accepts what was not brought: " + Text(id));
    if (granted_.count(id) == 0) Complain("a welcome accepts what was never granted: " + Text(id));
    if (running_brought_.count(id) != 0) worker.outstanding[id] = false;  // outputs follow as TaskDone
  }
  for (JobId job : command.live_jobs) worker.touched.insert(job);
}

void Checkers::Check(const scheduler::CloseWorker& command) {
  auto it = workers_.find(command.worker);
  if (it != workers_.end() && it->second.up && it->second.epoch == command.epoch) Down(command.worker);
}

void Checkers::CheckInputs(JobBook& book, const scheduler::Grant& grant) {
  const AttemptId& id = grant.attempt;
  std::map<StageId, Version> named;
  for (const auto& input : grant.inputs) {
    if (!named.emplace(input.stage, input.version).second) Complain("a grant names an input twice");
  }
  for (const auto& input : Model(id.job).stages.at(id.stage).inputs) {
    if (id.task < input.first_task || id.task - input.first_task >= input.tasks) continue;
    if (!StageComplete(book, id.job, input.stage))
      Complain("granted before its inputs are there: " + Text(id));
    auto it = named.find(input.stage);
    if (it == named.end()) {
      Complain("a grant does not name an input: " + Text(id));
      continue;
    }
    Version& last = book.last_version[input.stage];
    if (it->second < last) Complain("a manifest version falls");
    last = it->second;
    auto [manifest, fresh] = book.manifests.try_emplace({input.stage, it->second});
    if (fresh) manifest->second = book.changes[input.stage];
    if (manifest->second != book.changes[input.stage]) {
      Complain("a manifest changed under its version: stage " + std::to_string(input.stage));
    }
  }
}

void Checkers::Check(const scheduler::Grant& command) {
  const AttemptId& id = command.attempt;
  JobBook& book = jobs_[id.job];
  WorkerBook& worker = workers_[command.worker];
  if (id.incarnation != incarnation_) Complain("a grant of another incarnation: " + Text(id));
  if (!granted_.insert(id).second) Complain("an id is recycled: " + Text(id));
  if (!worker.up || worker.draining) Complain("granted to a worker that is down or draining: " + Text(id));
  if (worker.profile != book.profile) Complain("granted to a worker of another profile: " + Text(id));
  if (book.decided || book.settled || book.publishing) Complain("granted after its job is over: " + Text(id));
  if (book.recovered && now_ms_ < started_ms_ + kGraceMs)
    Complain("granted before workers had time to return");
  if (book.planned.count(id.action) == 0) Complain("granted before its action is journaled: " + Text(id));
  const JobModel& model = Model(id.job);
  auto stage = model.stages.find(id.stage);
  if (stage == model.stages.end() || id.task >= stage->second.tasks) {
    Complain("granted a task that is not there: " + Text(id));
    return;
  }
  if (book.winners.count({id.stage, id.task}) != 0) Complain("granted though it has a winner: " + Text(id));
  if (book.places.count({id.stage, id.task}) != 0)
    Complain("granted though its output is there: " + Text(id));
  if (book.charged[{id.stage, id.task}] >= model.max_attempts)
    Complain("granted beyond max_attempts: " + Text(id));
  worker.outstanding[id] = false;
  worker.touched.insert(id.job);
  if (worker.outstanding.size() > worker.slots + worker.credits) Complain("credits exceeded: " + Text(id));
  book.wrote |= stage->second.output == OutputKind::kWrite;
  uint32_t running = 0;
  for (const auto& [other, book_of_worker] : workers_) {
    for (const auto& [running_id, cancelled] : book_of_worker.outstanding) {
      running += !cancelled && running_id.job == id.job && running_id.stage == id.stage &&
                 running_id.task == id.task;
    }
  }
  if (running > 2) Complain("more than one double of a task: " + Text(id));
  CheckInputs(book, command);
}

void Checkers::Check(const scheduler::Cancel& command) {
  auto& outstanding = workers_[command.worker].outstanding;
  auto it = outstanding.find(command.attempt);
  if (it == outstanding.end()) {
    Complain("cancelled though it does not run: " + Text(command.attempt));
    return;
  }
  it->second = true;
}

void Checkers::Check(const scheduler::JournalJobState& command) {
  JobBook& book = jobs_[command.job];
  book.state = command.state;
  switch (command.state) {
    case JobState::kPublishing:
      if (book.decided) Complain("a failed job is published");
      if (book.done != book.planned) Complain("published before every action is done");
      if (!book.driver_finished) Complain("published before the driver with the lease has ended");
      book.publishing = true;
      break;
    case JobState::kSucceeded:
      if (book.decided) Complain("a failed job succeeds");
      if (!book.publishing) Complain("a job succeeds that was not published");
      if (book.last_request != 0 && published_ != 1)
        Complain("a job succeeds before its list was carried out");
      book.succeeded = book.settled = true;
      break;
    default:
      if (book.succeeded) Complain("a job fails that has succeeded");
      if (!book.decided) {
        book.error = command.error;
        book.decided_ms = now_ms_;
        if (book.publishing && published_ != -1) Complain("a job ends in the middle of its publishing");
      }
      book.decided = true;
      book.settled |= command.settled;
      break;
  }
}

void Checkers::Check(const scheduler::Publish& command) {
  JobBook& book = jobs_[command.job];
  if (!requests_.insert(command.request).second) Complain("a publish request is recycled");
  book.last_request = command.request;
  book.publisher = command.worker;
  if (!workers_[command.worker].up) Complain("published by a worker that is down");
  workers_[command.worker].touched.insert(command.job);
  if (!command.commit) {
    if (!book.decided) Complain("aborted though it was not decided");
    for (const auto& [id, worker] : workers_) {
      for (const auto& [attempt, cancelled] : worker.outstanding) {
        if (attempt.job != command.job || now_ms_ >= book.decided_ms + kAbortWaitMs) continue;
        Complain("temporaries are removed while an attempt may still write: " + Text(attempt));
      }
    }
    return;
  }
  if (!book.publishing || book.decided) Complain("published though it was not decided");
  if (book.done != book.planned) Complain("published before every action is done");
  for (const ActionModel& action : Model(command.job).actions) {
    if (book.planned.count(action.id) == 0) continue;
    for (const StageShape& shape : action.stages) {
      if (shape.output == OutputKind::kWrite && !StageComplete(book, command.job, shape.id)) {
        Complain("published before every part has a winner");
      }
    }
  }
}

void Checkers::Check(const scheduler::DropJob& command) {
  JobBook& book = jobs_[command.job];
  if (!book.settled) Complain("dropped before it is over");
  WorkerBook& worker = workers_[command.worker];
  for (auto it = worker.outstanding.begin(); it != worker.outstanding.end();) {
    it = it->first.job == command.job ? worker.outstanding.erase(it) : std::next(it);
  }
}

}  // namespace millrace::sim
