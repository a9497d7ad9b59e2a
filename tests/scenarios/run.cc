// The small coordinator of a script: steps the scheduler, prints commands, keeps a journal for `restart`.
#include <memory>
#include <stdexcept>

#include "tests/scenarios/script.h"

namespace millrace::scenarios {

using scheduler::JobState;

void Script::SetOptions(const Line& line) {
  auto number = [&](const char* name, auto& option) {
    option = static_cast<std::decay_t<decltype(option)>>(line.Number(name, static_cast<uint64_t>(option)));
  };
  number("lease_ms", options_.lease_ms);
  number("grace_ms", options_.grace_ms);
  number("speculation_min_ms", options_.speculation_min_ms);
  number("max_uncharged", options_.max_uncharged);
  number("max_driver_losses", options_.max_driver_losses);
  number("max_publish_attempts", options_.max_publish_attempts);
  number("drivers_per_slot", options_.drivers_per_slot);
  number("finished_jobs", options_.finished_jobs);
  number("abort_wait_ms", options_.abort_wait_ms);
  number("abort_give_up_ms", options_.abort_give_up_ms);
}

std::string Script::Start() {
  scheduler_ = std::make_unique<scheduler::Scheduler>(options_);
  scheduler::CoordinatorStarted event;
  event.incarnation = ++incarnation_;
  for (const auto& [id, job] : journal_) event.jobs.push_back(job);
  return Step(event);
}

std::string Script::Step(const scheduler::Event& event) {
  std::string out;
  for (const scheduler::Command& command : scheduler_->Step(now_ms_, event)) {
    Persist(command, event);
    if (std::holds_alternative<scheduler::JobChanged>(command)) continue;
    if (std::holds_alternative<scheduler::Story>(command) && !stories_) continue;
    out += "  " + Text(command) + "\n";
  }
  const std::string wrong = scheduler_->ValidateState();
  if (!wrong.empty()) throw std::runtime_error("the state is wrong: " + wrong);
  return out.empty() ? "  (nothing)\n" : out;
}

void Script::Persist(const scheduler::Command& command, const scheduler::Event& event) {
  if (const auto* c = std::get_if<scheduler::JournalJob>(&command)) {
    journal_[c->job].job = c->job;
    journal_[c->job].options = std::get<scheduler::JobSubmitted>(event).options;
  } else if (const auto* c = std::get_if<scheduler::JournalDriverLease>(&command)) {
    journal_[c->job].driver_epoch = c->driver_epoch;
    journal_[c->job].profile = c->profile;
  } else if (const auto* c = std::get_if<scheduler::JournalAction>(&command)) {
    scheduler::RecoveredAction action;
    action.action = c->action;
    if (const auto* request = std::get_if<scheduler::ActionRequested>(&event)) {
      action.fingerprint = request->fingerprint;
      action.stages = request->stages;
      action.final_stage = request->final_stage;
    } else {
      action.fingerprint = std::get<scheduler::ActionRecorded>(event).fingerprint;
      action.recorded = true;
    }
    journal_[c->job].actions.push_back(action);
  } else if (const auto* c = std::get_if<scheduler::JournalWinner>(&command)) {
    scheduler::RecoveredJob& job = journal_[c->attempt.job];
    job.winners.push_back({c->attempt, std::get<scheduler::TaskReported>(event).sums});
    job.consumed.insert(job.consumed.end(), c->consumed.begin(), c->consumed.end());
  } else if (const auto* c = std::get_if<scheduler::JournalActionDone>(&command)) {
    for (auto& action : journal_[c->job].actions) action.done |= action.action == c->action;
  } else if (const auto* c = std::get_if<scheduler::JournalJobState>(&command)) {
    journal_[c->job].state = c->state;
    journal_[c->job].settled = c->settled;
    journal_[c->job].error = c->error;
  }
}

std::string Script::Stages(scheduler::JobId id) const {
  const scheduler::Job* job = scheduler_->FindJob(id);
  if (job == nullptr) throw std::runtime_error("job " + std::to_string(id) + " is not known");
  std::string out = "  j-" + std::to_string(id) + " " + scheduler::Name(job->state) + "\n";
  for (const auto& [stage_id, stage] : job->stages) {
    out += "  s" + std::to_string(stage_id) + ": " + std::to_string(stage.done) + " of " +
           std::to_string(stage.shape.tasks) + " done, " + std::to_string(stage.running) + " running, " +
           std::to_string(stage.failed_attempts) + " attempts failed\n";
  }
  return out;
}

}  // namespace millrace::scenarios
