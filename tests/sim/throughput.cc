#include "tests/sim/throughput.h"

#include <chrono>
#include <deque>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::sim {

using namespace scheduler;  // NOLINT: one short function

double TasksPerSecond(uint32_t tasks, uint32_t workers, bool stories) {
  scheduler::Options options;
  options.task_stories = stories;
  Scheduler scheduler(options);
  std::deque<Grant> queue;
  int64_t now_ms = 0;
  auto step = [&](const scheduler::Event& event) {
    for (scheduler::Command& command : scheduler.Step(now_ms, event)) {
      if (auto* grant = std::get_if<Grant>(&command)) queue.push_back(std::move(*grant));
    }
  };
  step(CoordinatorStarted{});
  for (uint32_t worker = 1; worker <= workers; ++worker) {
    WorkerUp up;
    up.worker = worker;
    up.epoch = worker;
    up.slots = 8;
    up.credits = 16;
    step(up);
  }
  step(JobSubmitted{1, {}});
  ActionRequested action;
  action.job = action.driver_epoch = action.action = 1;
  action.stages.push_back({1, tasks, OutputKind::kShuffle, {}, true});
  action.stages.push_back({2, tasks, OutputKind::kCache, {{1, false, 0, tasks}}, true});
  action.stages.push_back({3, tasks, OutputKind::kResult, {{2, true, 0, tasks}}, true});
  action.final_stage = 3;
  const auto start = std::chrono::steady_clock::now();
  step(action);
  uint64_t reports = 0;
  while (!queue.empty()) {
    const Grant grant = std::move(queue.front());
    queue.pop_front();
    TaskReported report;
    report.worker = grant.worker;
    report.epoch = grant.worker;
    report.attempt = grant.attempt;
    if (++reports % 1000 == 0) step(Tick{});
    step(report);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return reports == 3ull * tasks ? static_cast<double>(reports) / seconds : 0;
}

}  // namespace millrace::sim
