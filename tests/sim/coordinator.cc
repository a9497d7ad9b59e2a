// The simulated coordinator: what coordinator/server does, with a journal in memory that survives crashes.
#include <algorithm>

#include "tests/sim/world.h"

namespace millrace::sim {

using scheduler::JobState;

void World::StartCoordinator() {
  scheduler::Options options;
  options.lease_ms = 2500;
  options.grace_ms = kGraceMs;
  options.speculation_min_ms = 250;
  options.abort_wait_ms = kAbortWaitMs;
  options.abort_give_up_ms = 30'000;  // longer than any outage here
  options.max_driver_losses = 1000;
  options.broken = options_.broken;
  options.task_stories = options_.trace;
  scheduler_ = std::make_unique<scheduler::Scheduler>(options);
  scheduler::CoordinatorStarted started;
  started.incarnation = ++incarnation_;
  for (const auto& [id, job] : journal_) started.jobs.push_back(job);
  Step(started);
}

void World::CrashCoordinator() {
  if (scheduler_ == nullptr) return;
  Trace("coordinator down");
  scheduler_.reset();
  crash_at_ = -1;
  restarted_ = true;
  checkers_.OnCrash();
  worker_ids_.clear();
  connections_.clear();
  for (auto& process : processes_) {
    if (!process->alive || process->connection == nullptr) continue;
    process->connection->cut = true;
    Reconnect(process.get(), random_.Range(20, 400));
  }
  At(random_.Range(50, 600), [this] { StartCoordinator(); });
}

void World::Step(const Event& event) {
  if (scheduler_ == nullptr) return;
  ++outcome_.steps;
  if (options_.trace) Trace(Text(event));
  checkers_.BeforeStep(now_ms_, event);
  scheduler::Commands commands = scheduler_->Step(now_ms_, event);
  // Stories are told with --trace only, and must not move the point where the coordinator crashes.
  std::erase_if(commands, [this](const Command& command) {
    const bool story = std::holds_alternative<scheduler::Story>(command);
    if (story && options_.trace) Trace("  " + Text(command));
    return story;
  });
  if (options_.validate) {
    const std::string wrong = scheduler_->ValidateState();
    if (!wrong.empty()) checkers_.Complain("state: " + wrong);
  }
  const bool crash = crash_at_ >= 0;
  const size_t end = crash ? std::min(commands.size(), static_cast<size_t>(crash_at_)) : commands.size();
  // The journal may be ahead of the sends by any number of commands: that much is allowed.
  const size_t durable =
      crash ? end + static_cast<size_t>(random_.Range(0, static_cast<int64_t>(commands.size() - end)))
            : commands.size();
  for (size_t i = 0; i < durable; ++i) {
    const bool journal = IsJournal(commands[i]);
    if (i >= end && !journal) {
      // Not done any more, but it tells why the lease after it is taken away.
      if (std::holds_alternative<scheduler::CloseWorker>(commands[i])) checkers_.OnCommand(commands[i]);
      continue;
    }
    if (options_.trace && !std::holds_alternative<scheduler::JobChanged>(commands[i]))
      Trace("  " + Text(commands[i]));
    checkers_.OnCommand(commands[i]);
    if (!checkers_.complaint().empty()) return;
    if (journal) {
      Persist(commands[i], event);
    } else {
      Send(commands[i]);
    }
  }
  if (crash) {
    CrashCoordinator();
  } else {
    checkers_.AfterStep();
  }
}

void World::Persist(const Command& command, const Event& event) {
  if (const auto* c = std::get_if<scheduler::JournalJob>(&command)) {
    scheduler::RecoveredJob& job = journal_[c->job];
    job.job = c->job;
    job.options.max_attempts = Model(c->job).max_attempts;
  } else if (const auto* c = std::get_if<scheduler::JournalDriverLease>(&command)) {
    journal_[c->job].driver_epoch = c->driver_epoch;
    journal_[c->job].profile = c->profile;
    if (journal_[c->job].state == JobState::kPending) journal_[c->job].state = JobState::kRunning;
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
    const auto& report = std::get<scheduler::TaskReported>(event);
    scheduler::RecoveredJob& job = journal_[c->attempt.job];
    job.winners.push_back({c->attempt, report.sums});
    for (const auto& digests : c->consumed) job.consumed.push_back(digests);
    journaled_values_[c->attempt] = report.digest.high;
  } else if (const auto* c = std::get_if<scheduler::JournalActionDone>(&command)) {
    for (auto& action : journal_[c->job].actions) action.done |= action.action == c->action;
  } else if (const auto* c = std::get_if<scheduler::JournalJobState>(&command)) {
    journal_[c->job].state = c->state;
    journal_[c->job].settled = c->settled;
    journal_[c->job].error = c->error;
  }
}

std::vector<uint64_t> World::ResultOf(JobId job, ActionId action) const {
  std::vector<uint64_t> values;
  const ActionModel& model = scenario_.jobs[job - 1].actions[action - 1];
  if (model.recorded) return values;
  std::map<TaskId, uint64_t> parts;
  for (const auto& winner : journal_.at(job).winners) {
    if (winner.attempt.stage == model.final_stage)
      parts[winner.attempt.task] = journaled_values_.at(winner.attempt);
  }
  for (const auto& [task, value] : parts) values.push_back(value);
  return values;
}

void World::Send(const Command& command) {
  if (const auto* c = std::get_if<scheduler::Grant>(&command)) {
    // The manifest of that version, as the server would take it from the scheduler now.
    std::vector<ManifestCopy> manifests;
    for (const auto& input : c->inputs) {
      const scheduler::Job& job = *scheduler_->FindJob(c->attempt.job);
      const scheduler::Stage& stage = *scheduler_->FindStage(c->attempt.job, input.stage);
      ManifestCopy copy{input.stage, input.version, {}};
      for (TaskId task = 0; task < stage.tasks.size(); ++task) {
        const scheduler::Task* done = scheduler_->FindDone(c->attempt.job, input.stage, task);
        if (done == nullptr) {
          checkers_.Complain("a manifest is incomplete");
          return;
        }
        auto connection = connections_.find(done->worker);
        Process* process = connection == connections_.end() ? nullptr : connection->second->process;
        copy.maps.push_back({scheduler_->WinnerOf(job, stage, task), process});
      }
      manifests.push_back(std::move(copy));
    }
    SendTo(c->worker, command, std::move(manifests), {});
  } else if (const auto* c = std::get_if<scheduler::SendActionResult>(&command)) {
    SendTo(c->worker, command, {}, ResultOf(c->job, c->action));
  } else if (const auto* c = std::get_if<scheduler::Welcome>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::StartDriver>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::StopDriver>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::Cancel>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::Publish>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::DropJob>(&command)) {
    SendTo(c->worker, command, {}, {});
  } else if (const auto* c = std::get_if<scheduler::CloseWorker>(&command)) {
    auto it = connections_.find(c->worker);
    if (it != connections_.end() && it->second->epoch == c->epoch) {
      it->second->cut = true;
      Process* process = it->second->process;
      if (process->alive && process->connection == it->second) Reconnect(process, random_.Range(10, 300));
    }
  }
}

void World::SendTo(WorkerId worker, Command command, std::vector<ManifestCopy> manifests,
                   std::vector<uint64_t> values) {
  auto it = connections_.find(worker);
  if (it == connections_.end()) return;
  const std::shared_ptr<Connection> connection = it->second;
  const bool ordered = std::holds_alternative<scheduler::Welcome>(command);
  Transmit(connection, false, ordered,
           [this, connection, command = std::move(command), manifests = std::move(manifests),
            values = std::move(values)] {
             Process* process = connection->process;
             if (process->alive && process->connection == connection && !connection->ended_here) {
               Deliver(process, connection, command, manifests, values);
             }
           });
}

// A registration arrived.
void World::Registered(const std::shared_ptr<Connection>& connection, scheduler::WorkerUp event) {
  if (scheduler_ == nullptr || connection->incarnation != incarnation_ || connection->epoch != 0) return;
  auto [id, fresh] =
      worker_ids_.try_emplace(connection->process->name, static_cast<WorkerId>(worker_ids_.size() + 1));
  connection->worker = id->second;
  connection->epoch = (incarnation_ << 32) + ++next_epoch_;
  std::shared_ptr<Connection>& known = connections_[connection->worker];
  if (known != nullptr) {  // the server closes the stream that is replaced, even if it is the newer one
    known->cut = true;
    if (known->process->connection == known) Reconnect(known->process, random_.Range(10, 300));
  }
  known = connection;
  event.worker = connection->worker;
  event.epoch = connection->epoch;
  Step(event);
}

void World::Tick() {
  if (scheduler_ != nullptr) Step(scheduler::Tick{});
}

}  // namespace millrace::sim
