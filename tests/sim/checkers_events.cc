#include "tests/sim/checkers.h"

namespace millrace::sim {

using scheduler::ErrorKind;
using scheduler::JobState;
using scheduler::Outcome;

// What the events tell the books.

void Checkers::See(const scheduler::CoordinatorStarted& event) {
  if (event.incarnation <= incarnation_) Complain("the incarnation does not rise");
  incarnation_ = event.incarnation;
  started_ms_ = now_ms_;
}

void Checkers::See(const scheduler::WorkerUp& event) {
  WorkerBook& worker = workers_[event.worker];
  if (event.epoch <= worker.epoch) return;
  if (worker.up) Down(event.worker);
  worker.epoch = event.epoch;
  worker.up = true;
  worker.draining = false;
  worker.slots = event.slots;
  worker.credits = event.credits;
  worker.profile = event.profile;
  for (const auto& driver :
       event.drivers) {  // the driver of the present lease is believed if there is no other
    auto book = jobs_.find(driver.job);
    if (book == jobs_.end() || book->second.driver_worker != 0 || book->second.driver_finished) continue;
    if (book->second.leased == driver.driver_epoch) book->second.driver_worker = event.worker;
  }
  for (const auto& held : event.held) registered_[held.attempt] = event.worker;
  for (const auto& id : event.running) {
    registered_[id] = event.worker;
    running_brought_.insert(id);
  }
}

void Checkers::See(const scheduler::WorkerDown& event) {
  auto it = workers_.find(event.worker);
  if (it != workers_.end() && it->second.up && it->second.epoch == event.epoch) Down(event.worker);
}

void Checkers::See(const scheduler::WorkerDraining& event) {
  auto it = workers_.find(event.worker);
  if (it != workers_.end() && it->second.up && it->second.epoch == event.epoch) it->second.draining = true;
}

void Checkers::See(const scheduler::TaskReported& event) {
  auto it = workers_.find(event.worker);
  if (it == workers_.end() || !it->second.up || it->second.epoch != event.epoch) return;
  auto attempt = it->second.outstanding.find(event.attempt);
  if (attempt == it->second.outstanding.end()) return;
  const bool cancelled = attempt->second;
  it->second.outstanding.erase(attempt);
  if (cancelled) return;
  JobBook& book = jobs_[event.attempt.job];
  if (event.outcome == Outcome::kOk) {
    reported_ok_ = event.attempt;
    reporter_ = event.worker;
  }
  if (event.outcome == Outcome::kFailed || event.outcome == Outcome::kCrashed) {
    SeeCharged(book, event);
  }
  if (event.outcome != Outcome::kFetchFailed) return;
  // What stood in the manifest that the fetch named is what is missing. If it has stood there since, it is
  // lost now.
  for (const auto& missing : event.missing) {
    auto manifest = book.manifests.find({missing.stage, missing.version});
    auto place = book.places.find({missing.stage, missing.task});
    if (manifest == book.manifests.end() || place == book.places.end()) continue;
    // The same output may have been away and come back since: then the failure says nothing about it.
    if (manifest->second < place->second.since) continue;
    book.places.erase(place);
    ++book.changes[missing.stage];
  }
}

void Checkers::SeeCharged(JobBook& book, const scheduler::TaskReported& event) {
  const TaskRef task{event.attempt.stage, event.attempt.task};
  ++book.charged[task];
  if (book.decided || book.publishing) return;
  if (event.error.kind == ErrorKind::kBadInput) must_end_.insert(event.attempt.job);
  if (event.error.kind == ErrorKind::kSystem) return;
  std::string& last = book.signatures[task];
  if (last == event.error.signature) must_end_.insert(event.attempt.job);
  last = event.error.signature;
}

void Checkers::SeeAction(JobId job, DriverEpoch epoch, ActionId action, const scheduler::Bytes& print) {
  auto it = jobs_.find(job);
  if (it == jobs_.end()) return;
  JobBook& book = it->second;
  if (book.driver_worker == 0 || epoch != book.leased || book.decided || book.publishing) return;
  request_valid_ = true;
  auto [known, fresh] = book.prints.try_emplace(action, print);
  if (fresh || known->second == print) return;
  // Planned by an earlier driver, if that was durable.
  if (book.planned.count(action) == 0) {
    known->second = print;
  } else {
    book.differed = true;
    must_end_.insert(job);
  }
}

void Checkers::See(const scheduler::ActionRequested& event) {
  SeeAction(event.job, event.driver_epoch, event.action, event.fingerprint);
}

void Checkers::See(const scheduler::ActionRecorded& event) {
  SeeAction(event.job, event.driver_epoch, event.action, event.fingerprint);
}

void Checkers::See(const scheduler::DriverFinished& event) {
  auto it = jobs_.find(event.job);
  if (it == jobs_.end() || it->second.driver_worker == 0 || it->second.leased != event.driver_epoch) return;
  it->second.driver_finished = event.ok;
  it->second.driver_worker = 0;
}

void Checkers::See(const scheduler::DriverLost& event) {
  auto worker = workers_.find(event.worker);
  if (worker == workers_.end() || !worker->second.up || worker->second.epoch != event.epoch) return;
  auto it = jobs_.find(event.job);
  if (it == jobs_.end() || it->second.driver_worker != event.worker) return;
  if (it->second.leased == event.driver_epoch) it->second.driver_worker = 0;
}

void Checkers::See(const scheduler::PublishReported& event) {
  auto worker = workers_.find(event.worker);
  if (worker == workers_.end() || !worker->second.up || worker->second.epoch != event.epoch) return;
  auto it = jobs_.find(event.job);
  if (it == jobs_.end() || it->second.publisher != event.worker || it->second.last_request != event.request)
    return;
  published_ = event.ok ? 1 : -1;
}

}  // namespace millrace::sim
