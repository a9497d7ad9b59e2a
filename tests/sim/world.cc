#include "tests/sim/world.h"

#include <cstdio>

namespace millrace::sim {

namespace {
constexpr int64_t kPatienceMs = 60'000;  // after the faults have ended everything has to end within this
}

World::World(uint64_t seed, const SimOptions& options)
    : options_(options),
      scenario_(MakeScenario(seed, options.kinds)),
      random_(Mix(seed, 1)),
      checkers_(scenario_) {}

World::~World() = default;

void World::At(int64_t delay_ms, std::function<void()> action) {
  queue_.push({now_ms_ + delay_ms, next_order_++, std::move(action)});
}

void World::Trace(const std::string& line) {
  if (options_.trace)
    std::printf("%7lld #%-5llu %s\n", static_cast<long long>(now_ms_),
                static_cast<unsigned long long>(outcome_.steps), line.c_str());
}

bool World::Done() const { return checkers_.AllSettled() && scheduler_ != nullptr; }

Outcome World::Run() {
  StartCoordinator();
  for (const auto& model : scenario_.workers) NewProcess(model);
  for (const JobModel& job : scenario_.jobs) {
    if (job.kill_ms < 0) continue;
    const JobId id = job.id;
    At(job.kill_ms, [this, id] {
      if (scheduler_ != nullptr) Step(scheduler::KillJob{id, "killed by test"});
    });
  }
  At(100, [this] { Pulse(); });
  int64_t done_at = -1;
  while (checkers_.complaint().empty() && !queue_.empty()) {
    now_ms_ = queue_.top().at_ms;
    if (done_at < 0 && Done()) done_at = now_ms_;
    if (done_at >= 0 && now_ms_ > done_at + 300) break;  // late messages still have their chance to do harm
    if (now_ms_ > scenario_.faults_end_ms + kPatienceMs) break;
    const std::function<void()> action = queue_.top().action;
    queue_.pop();
    action();
  }
  if (checkers_.complaint().empty()) Finish();
  outcome_.complaint = checkers_.complaint();
  outcome_.end_ms = now_ms_;
  return outcome_;
}

void World::Finish() {
  for (const JobModel& job : scenario_.jobs) {
    checkers_.AtEnd(job, published_[job.id], aborted_[job.id], Conflicts(job));
    if (!checkers_.complaint().empty() && scheduler_ != nullptr) {
      Trace("pending: " + scheduler_->PendingReason(job.id));
      return;
    }
  }
}

// Outputs of which the winners of a job's results read more than one version. What attempts read that were
// held over a restart is not known to the coordinator, so only direct reading counts then.
std::map<std::pair<StageId, TaskId>, uint64_t> World::Conflicts(const JobModel& job) const {
  std::map<std::pair<StageId, TaskId>, uint64_t> values, conflicts;
  std::vector<AttemptId> open;
  std::set<AttemptId> seen;
  for (const auto& [id, value] : journaled_values_) {
    if (id.job == job.id) open.push_back(id);
  }
  bool direct = true;
  while (!open.empty() && (direct || !restarted_)) {
    std::vector<AttemptId> next;
    for (const AttemptId& id : open) {
      auto it = consumed_.find(id);
      if (it == consumed_.end() || !seen.insert(id).second) continue;
      for (const auto& [read, value] : it->second) {
        auto [first, fresh] = values.try_emplace({read.stage, read.task}, value);
        if (!fresh && first->second != value) conflicts[{read.stage, read.task}] = value;
        next.push_back(read);
      }
    }
    open = std::move(next);
    direct = false;
  }
  return conflicts;
}

void World::SubmitJobs() {
  if (scheduler_ == nullptr) return;
  for (const JobModel& job : scenario_.jobs) {
    if (job.submit_ms > now_ms_ || journal_.count(job.id) != 0) continue;
    scheduler::JobSubmitted event;
    event.job = job.id;
    event.options.max_attempts = job.max_attempts;
    Step(event);
    if (scheduler_ == nullptr) return;
  }
}

// Draws the faults of the next 100 ms.
void World::Pulse() {
  At(100, [this] { Pulse(); });
  calm_ = now_ms_ >= scenario_.faults_end_ms;
  SubmitJobs();
  Tick();
  const size_t count = processes_.size();
  for (size_t i = 0; i < count; ++i) {
    Process* process = processes_[i].get();
    if (!process->alive) continue;
    if (now_ms_ % 1000 < 100 && process->welcomed) {
      Tell(process, scheduler::Heartbeat{process->connection->worker, process->connection->epoch});
    }
    if (calm_) continue;
    const Faults& f = scenario_.faults;
    if (random_.Chance(f.worker_crash)) Kill(process);
    if (process->alive && random_.Chance(f.cut)) Cut(process);
    if (process->alive && random_.Chance(f.draining) && process->welcomed) {
      Fault("a worker drains");
      Tell(process, scheduler::WorkerDraining{process->connection->worker, process->connection->epoch});
      At(random_.Range(300, 1500), [this, process] { Kill(process); });
    }
    if (process->alive && random_.Chance(f.driver_crash) && !process->drivers.empty()) {
      CrashExecutor(process, process->drivers.begin()->first);
    }
  }
  if (!calm_ && random_.Chance(scenario_.faults.restart)) {
    Fault("the coordinator crashes");
    if (random_.Chance(0.5)) {
      CrashCoordinator();
    } else {
      crash_at_ = random_.Range(0, 8);  // in the middle of the next step
    }
  }
}

}  // namespace millrace::sim
