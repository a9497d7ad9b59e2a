// Simulated worker processes: they connect, run tasks, hold outputs, publish, and misbehave.
#include <algorithm>

#include "tests/sim/world.h"

namespace millrace::sim {

using scheduler::ErrorKind;

void World::NewProcess(const Scenario::WorkerModel& model) {
  processes_.push_back(std::make_unique<Process>());
  Process* process = processes_.back().get();
  process->name = "host:" + std::to_string(++next_process_);
  process->model = model;
  Reconnect(process, random_.Range(0, 50));
}

void World::Reconnect(Process* process, int64_t delay_ms) {
  const std::shared_ptr<Connection> before = process->connection;
  At(delay_ms, [this, process, before] {
    if (!process->alive || process->connection != before) return;
    if (scheduler_ == nullptr) {
      Reconnect(process, random_.Range(30, 120));
    } else {
      Connect(process);
    }
  });
}

void World::Connect(Process* process) {
  if (process->connection != nullptr) process->connection->ended_here = process->connection->cut = true;
  auto connection = std::make_shared<Connection>();
  connection->process = process;
  connection->incarnation = incarnation_;
  process->connection = connection;
  process->welcomed = false;
  process->later.clear();
  scheduler::WorkerUp event;
  event.name = process->name;
  event.slots = process->model.slots;
  event.credits = process->model.credits;
  event.profile = process->model.profile;
  for (const auto& [id, output] : process->held) {
    event.held.push_back({id, scheduler::Digest{output.value, ~output.value}, output.sums});
  }
  event.running = process->order;
  for (const auto& [job, driver] : process->drivers) event.drivers.push_back({job, driver.epoch});
  Transmit(connection, true, true, [this, connection, event] { Registered(connection, event); });
}

void World::Cut(Process* process) {
  const std::shared_ptr<Connection> connection = process->connection;
  if (connection == nullptr || connection->cut) return;
  Fault("a connection breaks");
  connection->cut = true;
  if (random_.Chance(0.6)) {
    At(random_.Range(0, 1500), [this, connection] {
      if (connection->incarnation != incarnation_ || connection->epoch == 0) return;
      Step(scheduler::WorkerDown{connection->worker, connection->epoch, "the connection broke"});
    });
  }
  Reconnect(process, random_.Range(50, 3500));
}

void World::Kill(Process* process) {
  Fault("a worker dies");
  process->alive = false;
  const std::shared_ptr<Connection> connection = process->connection;
  if (connection != nullptr) {
    connection->cut = true;
    if (random_.Chance(0.7)) {
      At(random_.Range(0, 500), [this, connection] {
        if (connection->incarnation != incarnation_ || connection->epoch == 0) return;
        Step(scheduler::WorkerDown{connection->worker, connection->epoch, "the process died"});
      });
    }
  }
  const Scenario::WorkerModel model = process->model;
  At(random_.Range(100, 1500), [this, model] { NewProcess(model); });
}

void World::Transmit(const std::shared_ptr<Connection>& connection, bool up, bool ordered,
                     std::function<void()> delivery) {
  if (connection->cut) {
    Fault("a message is lost");
    return;
  }
  const Faults& f = scenario_.faults;
  int64_t& last = up ? connection->last_up_ms : connection->last_down_ms;
  int64_t at = now_ms_ + random_.Range(1, 12);
  if (!calm_ && random_.Chance(f.delay)) {
    Fault("a message is late");
    at += random_.Range(50, 500);
  }
  if (!ordered && !calm_ && random_.Chance(f.reorder)) {
    Fault("a message is overtaken");
    at += random_.Range(0, 120);
  } else {
    at = last = std::max(at, last);
  }
  if (!calm_ && random_.Chance(f.duplicate)) {
    Fault("a message comes twice");
    At(at - now_ms_ + random_.Range(0, 900), delivery);
  }
  At(at - now_ms_, std::move(delivery));
}

void World::Tell(Process* process, Event event) {
  if (!process->welcomed) {
    process->later.push_back(std::move(event));
    return;
  }
  const std::shared_ptr<Connection> connection = process->connection;
  std::visit(
      [&](auto& e) {
        if constexpr (requires {
                        e.epoch;
                        e.worker;
                      }) {
          e.worker = connection->worker;
          e.epoch = connection->epoch;
        }
      },
      event);
  const bool ordered = std::holds_alternative<scheduler::ActionRequested>(event) ||
                       std::holds_alternative<scheduler::DriverFinished>(event);
  Transmit(connection, true, ordered, [this, connection, event = std::move(event)] {
    if (scheduler_ != nullptr && connection->incarnation == incarnation_) Step(event);
  });
}

void World::Deliver(Process* process, const std::shared_ptr<Connection>& connection, const Command& command,
                    const std::vector<ManifestCopy>& manifests, const std::vector<uint64_t>& values) {
  if (const auto* c = std::get_if<scheduler::Welcome>(&command)) {
    if (process->welcomed) return;
    process->welcomed = true;
    const std::set<AttemptId> accepted(c->accepted.begin(), c->accepted.end());
    std::erase_if(process->held, [&](const auto& held) { return accepted.count(held.first) == 0; });
    std::vector<AttemptId> order = process->order;
    for (const AttemptId& id : order) {
      if (accepted.count(id) == 0) Forget(process, id);
    }
    const std::set<JobId> live(c->live_jobs.begin(), c->live_jobs.end());
    std::erase_if(process->drivers, [&](const auto& driver) { return live.count(driver.first) == 0; });
    for (Event& event : std::exchange(process->later, {})) {
      const auto* report = std::get_if<scheduler::TaskReported>(&event);
      if (report == nullptr || accepted.count(report->attempt) != 0) Tell(process, std::move(event));
    }
    for (auto& [job, driver] : process->drivers) {
      for (ActionId action : std::set<ActionId>(driver.unanswered))
        Ask(process, driver, Model(job).actions[action - 1]);
    }
    StartTasks(process);
    return;
  }
  if (!process->welcomed) {  // overtook the welcome
    At(10, [=, this] {
      if (process->alive && process->connection == connection)
        Deliver(process, connection, command, manifests, values);
    });
    return;
  }
  if (const auto* c = std::get_if<scheduler::Grant>(&command)) {
    if (!process->seen.insert(c->attempt).second) return;
    process->tasks[c->attempt] = RunningTask{c->attempt, manifests, false};
    process->order.push_back(c->attempt);
    StartTasks(process);
  } else if (const auto* c = std::get_if<scheduler::Cancel>(&command)) {
    if (process->tasks.count(c->attempt) == 0 || random_.Chance(0.3))
      return;  // too late, or it runs to its end
    Forget(process, c->attempt);
    scheduler::TaskReported report;
    report.attempt = c->attempt;
    report.outcome = scheduler::Outcome::kCancelled;
    Tell(process, report);
    StartTasks(process);
  } else if (const auto* c = std::get_if<scheduler::StartDriver>(&command)) {
    DriverEpoch& newest = process->newest_driver[c->job];
    if (c->driver_epoch <= newest) return;
    newest = c->driver_epoch;
    process->drivers[c->job] = DriverRun{c->job, c->driver_epoch, 0, {}, false};
    At(random_.Range(1, 30),
       [this, process, job = c->job, epoch = c->driver_epoch] { Drive(process, job, epoch); });
  } else if (const auto* c = std::get_if<scheduler::StopDriver>(&command)) {
    auto it = process->drivers.find(c->job);
    if (it != process->drivers.end() && it->second.epoch <= c->driver_epoch) process->drivers.erase(it);
  } else if (const auto* c = std::get_if<scheduler::SendActionResult>(&command)) {
    DriverHears(process, c->job, c->driver_epoch, c->action, values);
  } else if (const auto* c = std::get_if<scheduler::Publish>(&command)) {
    Publish(process, *c);
  } else if (const auto* c = std::get_if<scheduler::DropJob>(&command)) {
    DropJob(process, c->job);
  }
}

void World::Forget(Process* process, const AttemptId& id) {
  process->tasks.erase(id);
  process->order.erase(std::remove(process->order.begin(), process->order.end(), id), process->order.end());
}

void World::DropJob(Process* process, JobId job) {
  std::erase_if(process->held, [&](const auto& held) { return held.first.job == job; });
  for (const AttemptId& id : std::vector<AttemptId>(process->order)) {
    if (id.job == job) Forget(process, id);
  }
  process->drivers.erase(job);
  StartTasks(process);
}

void World::StartTasks(Process* process) {
  uint32_t running = 0;
  for (const AttemptId& id : process->order) {
    RunningTask& task = process->tasks.at(id);
    if (running++ >= process->model.slots) return;
    if (task.started) continue;
    task.started = true;
    int64_t duration_ms = random_.Range(3, 60);
    if (!calm_ && random_.Chance(scenario_.faults.slow)) {
      Fault("a task is slow");
      duration_ms += random_.Range(300, 2500);
    }
    At(duration_ms, [this, process, id] { EndTask(process, id); });
  }
}

void World::EndTask(Process* process, const AttemptId& id) {
  if (!process->alive) return;
  auto it = process->tasks.find(id);
  if (it == process->tasks.end()) return;  // cancelled
  const RunningTask task = it->second;
  Forget(process, id);
  RunTask(process, task);
  StartTasks(process);
}

// True if the attempt ends badly by its nature.
bool World::Misbehaves(const JobModel& job, scheduler::TaskReported* report) {
  auto it = job.troubles.find({report->attempt.stage, report->attempt.task});
  if (it == job.troubles.end()) return false;
  const TaskTrouble& trouble = it->second;
  int& failures = failures_[job.id][{report->attempt.stage, report->attempt.task}];
  if ((trouble.kind == TaskTrouble::kFlaky || trouble.kind == TaskTrouble::kSystem) &&
      failures >= trouble.times) {
    return false;
  }
  ++failures;
  Fault("a task fails");
  report->outcome =
      trouble.kind == TaskTrouble::kSameCrash ? scheduler::Outcome::kCrashed : scheduler::Outcome::kFailed;
  report->error.kind = trouble.kind == TaskTrouble::kBadInput ? ErrorKind::kBadInput
                       : trouble.kind == TaskTrouble::kSystem ? ErrorKind::kSystem
                                                              : ErrorKind::kUserCode;
  report->error.message = "made to fail";
  const bool same = trouble.kind == TaskTrouble::kSameCrash || trouble.kind == TaskTrouble::kSystem;
  report->error.signature = same ? "same" : "new " + std::to_string(failures);
  return true;
}

void World::RunTask(Process* process, const RunningTask& task) {
  const AttemptId& id = task.id;
  const JobModel& job = Model(id.job);
  const Faults& f = scenario_.faults;
  scheduler::TaskReported report;
  report.attempt = id;
  report.run_us = id.task % 3 == 0 ? 100 : 20'000;  // some stages queue far ahead
  if (!calm_ && random_.Chance(f.lost_task)) {
    Fault("an attempt is lost");
    report.outcome = scheduler::Outcome::kLost;
    Tell(process, report);
    return;
  }
  std::map<std::pair<StageId, TaskId>, uint64_t> read;
  std::map<AttemptId, uint64_t> consumed;
  for (const ManifestCopy& manifest : task.inputs) {
    for (const auto& map : manifest.maps) {
      bool needed = false;
      for (const auto& input : job.stages.at(id.stage).inputs) {
        if (input.stage != manifest.stage || id.task < input.first_task) continue;
        const TaskId index = id.task - input.first_task;
        needed |= index < input.tasks && (!input.aligned || index == map.id.task);
      }
      if (!needed) continue;
      const Process* holder = map.process;
      auto output = holder != nullptr && holder->alive ? holder->held.find(map.id)
                                                       : std::map<AttemptId, Output>::const_iterator();
      bool there =
          holder != nullptr && holder->alive && output != holder->held.end() && !output->second.corrupt;
      if (there && !calm_ && random_.Chance(f.fetch_blip)) {
        Fault("a fetch fails");
        there = false;
      }
      if (there) {
        read[{map.id.stage, map.id.task}] = consumed[map.id] = output->second.value;
      } else {
        report.missing.push_back({map.id.stage, map.id.task, map.id.attempt, manifest.version});
      }
    }
  }
  if (!report.missing.empty()) {
    report.outcome = scheduler::Outcome::kFetchFailed;
    Tell(process, report);
    return;
  }
  if (Misbehaves(job, &report)) {
    Tell(process, report);
    return;
  }
  const uint64_t salt = id.stage == job.unsteady_stage && random_.Chance(0.7) ? ++unique_ : 0;
  const uint64_t value = job.Output(id.stage, id.task, salt, [&](StageId stage, TaskId t) {
    return read.at({stage, t});
  });
  for (const auto& input : job.stages.at(id.stage).inputs) {
    if (id.task < input.first_task || id.task - input.first_task >= input.tasks) continue;
    for (const auto& [where, part] : read) {
      if (where.first != input.stage) continue;
      if (input.aligned && where.second != id.task - input.first_task) continue;
      report.sums.records_received +=
          input.aligned ? RecordsOf(part) : ShareOf(RecordsOf(part), input.tasks, id.task - input.first_task);
    }
  }
  if (id.stage == job.unbalanced_stage && id.task == 0) ++report.sums.records_received;
  report.sums.bytes_received = 10 * report.sums.records_received;
  if (job.IsHeld(id.stage)) {
    report.sums.records_sent = RecordsOf(value);
    report.sums.bytes_sent = 10 * report.sums.records_sent;
    const bool corrupt = !calm_ && random_.Chance(f.corrupt);
    if (corrupt) Fault("an output is corrupt");
    process->held[id] = Output{value, report.sums, corrupt};
  } else if (job.stages.at(id.stage).output == OutputKind::kWrite) {
    temporaries_[id] = value;
  }
  consumed_[id] = std::move(consumed);
  report.digest = scheduler::Digest{value, ~value};
  Tell(process, report);
}

void World::Publish(Process* process, const scheduler::Publish& command) {
  const JobModel& job = Model(command.job);
  scheduler::PublishReported report;
  report.job = command.job;
  report.request = command.request;
  auto& published = published_[command.job];
  if (command.commit && job.publish_failure == "for good") {
    report.ok = report.retriable = false;
    report.error.kind = ErrorKind::kSystem;
    report.error.message = "made to fail";
  } else if (job.publish_failure == "flaky" && publish_failures_[command.job] < 3) {
    ++publish_failures_[command.job];
    Fault("publishing fails");
    report.ok = false;
  } else if (command.commit) {
    for (const auto& winner : journal_.at(command.job).winners) {
      const AttemptId& id = winner.attempt;
      if (job.stages.at(id.stage).output != OutputKind::kWrite) continue;
      auto temporary = temporaries_.find(id);
      if (temporary != temporaries_.end()) {
        published[{id.stage, id.task}] = temporary->second;
        temporaries_.erase(temporary);
      } else if (published.count({id.stage, id.task}) == 0) {
        report.ok = report.retriable = false;
        report.error.message = "a temporary is missing";
      }
    }
  } else {
    aborted_[command.job] = true;
    published.clear();
  }
  if (report.ok) std::erase_if(temporaries_, [&](const auto& t) { return t.first.job == command.job; });
  Tell(process, report);
}

}  // namespace millrace::sim
