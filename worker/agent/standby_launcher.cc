#include "worker/agent/standby_launcher.h"

#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/thread.h"

namespace millrace {
namespace {

// Where the callbacks of one process go: kept here until a job takes it, passed on from then.
class Line {
 public:
  void OnFrame(pb::FromExecutor frame) {
    std::unique_lock lock(mutex_);
    if (!on_frame_) return kept_.push_back(std::move(frame));
    lock.unlock();
    on_frame_(std::move(frame));
  }
  void OnExit(ExitInfo info) {
    std::unique_lock lock(mutex_);
    exited_ = true;
    if (!on_exit_) return;
    lock.unlock();
    on_exit_(std::move(info));
  }
  // False when the process is gone. What it said so far (its hello) is passed on before anything that comes
  // later: the thread of the process waits meanwhile.
  bool Take(std::function<void(pb::FromExecutor)> on_frame, std::function<void(ExitInfo)> on_exit) {
    std::lock_guard lock(mutex_);
    if (exited_) return false;
    for (pb::FromExecutor& frame : kept_) on_frame(std::move(frame));
    kept_.clear();
    on_frame_ = std::move(on_frame);
    on_exit_ = std::move(on_exit);
    return true;
  }
  bool exited() {
    std::lock_guard lock(mutex_);
    return exited_;
  }

 private:
  std::mutex mutex_;
  bool exited_ = false;
  std::vector<pb::FromExecutor> kept_;
  std::function<void(pb::FromExecutor)> on_frame_;  // set once
  std::function<void(ExitInfo)> on_exit_;
};

struct Standby {
  std::string bundle_path;
  uint64_t heap_limit_bytes = 0;
  std::shared_ptr<Line> line;
  std::unique_ptr<ExecutorHandle> handle;
};

class StandbyLauncher final : public ExecutorLauncher {
 public:
  StandbyLauncher(ExecutorLauncher* inner, size_t count)
      : inner_(inner), count_(count), thread_([this] { Main(); }) {}
  ~StandbyLauncher() override {
    wanted_.Close();
    thread_.join();
  }

  absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(const LaunchSpec& spec,
                                                         std::function<void(pb::FromExecutor)> on_frame,
                                                         std::function<void(ExitInfo)> on_exit) override {
    if (count_ == 0) return inner_->Launch(spec, std::move(on_frame), std::move(on_exit));
    LaunchSpec next;  // nothing of the job in it
    next.bundle_path = spec.bundle_path;
    next.heap_limit_bytes = spec.heap_limit_bytes;
    auto exit = [this, next, on_exit = std::move(on_exit)](ExitInfo info) {
      const bool again = info.clean;
      on_exit(std::move(info));
      if (again) wanted_.Push(next);
    };
    while (std::optional<Standby> found = Find(spec)) {
      if (found->line->Take(on_frame, exit)) return std::move(found->handle);
    }
    return inner_->Launch(spec, std::move(on_frame), std::move(exit));
  }

 private:
  std::optional<Standby> Find(const LaunchSpec& spec) {
    std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (at->bundle_path != spec.bundle_path || at->heap_limit_bytes != spec.heap_limit_bytes) continue;
      Standby found = std::move(*at);
      waiting_.erase(at);
      return found;
    }
    return std::nullopt;
  }

  void Main() {
    SetThreadName("standby");
    while (std::optional<LaunchSpec> spec = wanted_.Pop()) Prepare(*spec);
    waiting_.clear();
  }

  // Holds the lock while the process starts: a job that comes just then takes this one.
  void Prepare(const LaunchSpec& spec) {
    std::list<Standby> leaving;  // their ends are waited for outside of the lock
    std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto here = at++;
      if (here->line->exited()) leaving.splice(leaving.end(), waiting_, here);
    }
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (at->bundle_path != spec.bundle_path || at->heap_limit_bytes != spec.heap_limit_bytes) continue;
      waiting_.splice(waiting_.end(), waiting_, at);  // used last
      return;
    }
    Standby made{spec.bundle_path, spec.heap_limit_bytes, std::make_shared<Line>(), nullptr};
    auto handle = inner_->Launch(
        spec, [line = made.line](pb::FromExecutor frame) { line->OnFrame(std::move(frame)); },
        [line = made.line](ExitInfo info) { line->OnExit(std::move(info)); });
    if (!handle.ok()) return;  // the next job's own launch will say why
    made.handle = std::move(*handle);
    waiting_.push_back(std::move(made));
    while (waiting_.size() > count_) leaving.splice(leaving.end(), waiting_, waiting_.begin());
  }

  ExecutorLauncher* const inner_;
  const size_t count_;
  std::mutex mutex_;
  std::list<Standby> waiting_;  // used last comes last
  BlockingQueue<LaunchSpec> wanted_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ExecutorLauncher> MakeStandbyLauncher(ExecutorLauncher* inner, size_t count) {
  return std::make_unique<StandbyLauncher>(inner, count);
}

}  // namespace millrace
