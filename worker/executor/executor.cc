#include "worker/executor/executor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/profile.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/pipeline/registry.h"
#include "worker/executor/attempt.h"
#include "worker/executor/crash.h"

namespace millrace {
namespace {

using ManifestPtr = std::shared_ptr<const pb::Manifest>;

}  // namespace

struct Executor::Impl {
  Impl(std::function<void(pb::FromExecutor)> send_fn, ExecutorOptions opts)
      : send(std::move(send_fn)),
        options(std::move(opts)),
        driver([this](pb::FromExecutor frame) { Send(std::move(frame)); },
               options.run_job ? options.run_job : Driver::Run(RunRegisteredJob)) {}

  void Send(pb::FromExecutor frame);
  void Report(pb::TaskReport report);
  void TakeSetup(const pb::ExecutorSetup& frame);
  void SlotMain();
  void ProgressMain();
  absl::StatusOr<AttemptSpec> Prepare(pb::StartTask task);  // under mutex
  pb::TaskReport RunTask(pb::StartTask task, std::unique_ptr<SlotArena>* arena);
  void CancelTask(const pb::AttemptId& id);
  Fetcher* SharedFetcher();
  AttemptPlace Place(SlotArena* arena);  // under mutex

  const std::function<void(pb::FromExecutor)> send;
  const ExecutorOptions options;

  std::mutex send_mutex;

  std::mutex report_mutex;
  std::vector<pb::TaskReport> reports;
  bool reporting = false;

  std::mutex mutex;
  std::condition_variable work, progress_wake;
  bool stopping = false, asked_to_stop = false;
  pb::ExecutorSetup setup;
  std::map<uint32_t, std::shared_ptr<const pb::StageSpec>> stages;
  std::map<uint32_t, std::map<uint64_t, ManifestPtr>> manifests;  // stage -> version
  std::deque<pb::StartTask> queue;
  std::vector<std::thread> slots;
  std::thread progress;
  size_t idle_slots = 0;
  std::map<std::string, Attempt*> running;  // by serialised id

  std::once_flag fetcher_once;
  std::unique_ptr<Fetcher> fetcher;
  SegmentCache segments{256};
  std::unique_ptr<SharedValues> shared;
  Driver driver;  // last: its thread uses the rest
};

Executor::Executor(std::function<void(pb::FromExecutor)> send, ExecutorOptions options)
    : impl_(std::make_unique<Impl>(std::move(send), std::move(options))) {
  pb::FromExecutor frame;
  frame.mutable_hello()->set_bundle_name(impl_->options.bundle_name);
  frame.mutable_hello()->set_profile(GetNumericProfile().digest);
  frame.mutable_hello()->set_functions(Registry::Get().size());
  frame.mutable_hello()->set_pid(getpid());
  impl_->Send(std::move(frame));
}

Executor::~Executor() { Shutdown(); }

void Executor::Impl::Send(pb::FromExecutor frame) {
  std::lock_guard<std::mutex> lock(send_mutex);
  send(std::move(frame));
}

// Whoever comes while another thread sends leaves its report to it: one frame for many small tasks.
void Executor::Impl::Report(pb::TaskReport report) {
  std::unique_lock<std::mutex> lock(report_mutex);
  reports.push_back(std::move(report));
  if (reporting) return;
  reporting = true;
  while (!reports.empty()) {
    pb::FromExecutor frame;
    for (pb::TaskReport& ready : reports) *frame.add_reports() = std::move(ready);
    reports.clear();
    lock.unlock();
    Send(std::move(frame));
    lock.lock();
  }
  reporting = false;
}

Fetcher* Executor::Impl::SharedFetcher() {
  std::call_once(fetcher_once, [this] { fetcher = options.fetcher ? options.fetcher() : MakeGrpcFetcher(); });
  return fetcher.get();
}

void Executor::Impl::TakeSetup(const pb::ExecutorSetup& frame) {
  setup = frame;
  ::mkdir(setup.work_dir().c_str(), 0700);  // the agent made it, unless this is a test
  shared = std::make_unique<SharedValues>(setup.work_dir());
  ::mkdir((setup.work_dir() + "/segments").c_str(), 0700);
}

void Executor::Impl::CancelTask(const pb::AttemptId& id) {
  const std::string key = id.SerializeAsString();
  for (auto task = queue.begin(); task != queue.end(); ++task) {
    if (task->id().SerializeAsString() != key) continue;
    queue.erase(task);
    pb::TaskReport report;
    *report.mutable_id() = id;
    report.set_outcome(pb::OUTCOME_CANCELLED);
    pb::FromExecutor frame;
    *frame.add_reports() = std::move(report);
    Send(std::move(frame));
    return;
  }
  const auto found = running.find(key);
  if (found != running.end()) found->second->Cancel();
}

void Executor::OnFrame(pb::ToExecutor frame) {
  Impl& impl = *impl_;
  {
    std::lock_guard<std::mutex> lock(impl.mutex);
    if (frame.has_setup()) impl.TakeSetup(frame.setup());
    if (frame.worker() != 0) impl.setup.set_worker(frame.worker());
    for (pb::StageSpec& stage : *frame.mutable_stages()) {
      const uint32_t id = stage.stage().id();
      impl.stages[id] = std::make_shared<pb::StageSpec>(std::move(stage));
    }
    for (pb::Manifest& manifest : *frame.mutable_manifests()) {
      auto& versions = impl.manifests[manifest.stage()];
      const uint64_t version = manifest.version();
      versions[version] = std::make_shared<pb::Manifest>(std::move(manifest));
      while (versions.size() > 4) versions.erase(versions.begin());  // those that running tasks use live on
    }
    for (pb::StartTask& task : *frame.mutable_tasks()) {
      impl.queue.push_back(std::move(task));
      if (!impl.stopping && impl.idle_slots < impl.queue.size() &&
          impl.slots.size() < std::max(1u, impl.setup.slots())) {
        impl.slots.emplace_back([&impl] { impl.SlotMain(); });
      }
    }
    for (const pb::AttemptId& id : frame.cancels()) impl.CancelTask(id);
    if (frame.shutdown()) impl.asked_to_stop = true;
  }
  if (frame.tasks_size() > 0) impl.work.notify_all();
  if (frame.stop_driver()) impl.driver.Stop();
  if (frame.has_start_driver()) impl.driver.Start(std::move(*frame.mutable_start_driver()));
  for (pb::ActionResult& result : *frame.mutable_action_results()) impl.driver.OnResult(std::move(result));
}

bool Executor::shutdown_requested() const {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->asked_to_stop;
}

void Executor::Shutdown() {
  Impl& impl = *impl_;
  std::vector<std::thread> threads;
  {
    std::lock_guard<std::mutex> lock(impl.mutex);
    impl.stopping = true;
    impl.queue.clear();
    for (const auto& [id, attempt] : impl.running) attempt->Cancel();
    threads = std::move(impl.slots);
    impl.slots.clear();
    if (impl.progress.joinable()) threads.push_back(std::move(impl.progress));
  }
  impl.driver.Stop();
  impl.work.notify_all();
  impl.progress_wake.notify_all();
  for (std::thread& thread : threads) thread.join();
  impl.driver.Join();
}

AttemptPlace Executor::Impl::Place(SlotArena* arena) {
  AttemptPlace place;
  place.job_dir = setup.work_dir();
  place.worker = setup.worker();
  place.slot_memory_bytes = std::max<uint64_t>(setup.slot_memory_bytes(), 16 << 20);
  place.arena = arena;
  place.fetcher = [this] { return SharedFetcher(); };
  place.segments = &segments;
  place.shared = shared.get();
  return place;
}

absl::StatusOr<AttemptSpec> Executor::Impl::Prepare(pb::StartTask task) {
  AttemptSpec spec;
  spec.id = task.id();
  const auto stage = stages.find(task.id().stage());
  if (stage == stages.end()) return Internal("the executor was not told of stage ", task.id().stage());
  spec.stage = stage->second;
  for (const pb::ManifestRef& ref : task.inputs()) {
    const auto versions = manifests.find(ref.stage());
    if (versions == manifests.end() || versions->second.rbegin()->first < ref.version()) {
      return Internal("the executor was not told of version ", ref.version(), " of the outputs of stage ",
                      ref.stage());
    }
    const auto exact = versions->second.find(ref.version());
    spec.inputs.push_back(exact != versions->second.end() ? exact->second
                                                          : versions->second.rbegin()->second);
  }
  return spec;
}

pb::TaskReport Executor::Impl::RunTask(pb::StartTask task, std::unique_ptr<SlotArena>* arena) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string key = task.id().SerializeAsString();
  pb::TaskReport report;
  *report.mutable_id() = task.id();
  std::unique_ptr<Attempt> attempt;
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto spec = Prepare(std::move(task));
    if (!spec.ok()) {
      report.set_outcome(pb::OUTCOME_FAILED);
      *report.mutable_error() = SystemError(spec.status());
      return report;
    }
    if (*arena == nullptr) {
      *arena = std::make_unique<SlotArena>(std::max<uint64_t>(setup.slot_memory_bytes(), 16 << 20) / 2);
    }
    attempt = std::make_unique<Attempt>(*std::move(spec), Place(arena->get()));
    running[key] = attempt.get();
    if (stopping) attempt->Cancel();
    if (!progress.joinable() && !stopping) progress = std::thread([this] { ProgressMain(); });
  }
  report = attempt->Run();
  {
    std::lock_guard<std::mutex> lock(mutex);
    running.erase(key);
  }
  report.set_wall_us(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin)
          .count());
  return report;
}

void Executor::Impl::SlotMain() {
  SetThreadName("slot");
  UseAlternateSignalStack();
  std::unique_ptr<SlotArena> arena;
  for (;;) {
    pb::StartTask task;
    {
      std::unique_lock<std::mutex> lock(mutex);
      ++idle_slots;
      work.wait(lock, [this] { return stopping || !queue.empty(); });
      --idle_slots;
      if (stopping) return;
      task = std::move(queue.front());
      queue.pop_front();
    }
    Report(RunTask(std::move(task), &arena));
  }
}

// One frame per interval while tasks run, with those that moved since the last one.
void Executor::Impl::ProgressMain() {
  SetThreadName("progress");
  std::map<std::string, uint64_t> last;
  std::unique_lock<std::mutex> lock(mutex);
  while (!stopping) {
    progress_wake.wait_for(lock, std::chrono::milliseconds(options.progress_interval_ms),
                           [this] { return stopping; });
    pb::FromExecutor frame;
    std::map<std::string, uint64_t> now;
    for (const auto& [id, attempt] : running) {
      const uint64_t records = attempt->progress_records.load(std::memory_order_relaxed);
      const uint64_t bytes = attempt->progress_bytes.load(std::memory_order_relaxed);
      now[id] = records + bytes;
      const auto before = last.find(id);
      if (before != last.end() ? before->second == records + bytes : records + bytes == 0) continue;
      pb::TaskProgress* progress = frame.add_progress();
      *progress->mutable_id() = attempt->id();
      progress->set_records(records);
      progress->set_bytes(bytes);
    }
    last = std::move(now);
    if (frame.progress_size() == 0 || stopping) continue;
    lock.unlock();
    Send(std::move(frame));
    lock.lock();
  }
}

}  // namespace millrace
