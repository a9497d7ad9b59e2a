#include "worker/bundle/in_process.h"

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "worker/executor/executor.h"

namespace millrace {
namespace {

constexpr auto kGrace = std::chrono::milliseconds(500);

}  // namespace

struct InProcessLauncher::Shared {
  std::string bundle_name;
  std::atomic<bool> stuck{false};
};

namespace {

// Where frames and the exit go, until nobody listens any more.
struct Callbacks {
  std::mutex mutex;
  std::function<void(pb::FromExecutor)> on_frame;
  std::function<void(ExitInfo)> on_exit;
  bool closed = false;

  void Frame(pb::FromExecutor frame) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!closed) on_frame(std::move(frame));
  }
  void Exit(const ExitInfo& info) {
    std::lock_guard<std::mutex> lock(mutex);
    if (std::exchange(closed, true)) return;
    on_exit(info);
  }
  void Close() {
    std::lock_guard<std::mutex> lock(mutex);
    closed = true;
  }
};

// What outlives the handle when user code does not stop. The executor's threads know the callbacks only,
// so that none of them can be the last owner of the executor.
struct Guts {
  std::shared_ptr<Callbacks> callbacks = std::make_shared<Callbacks>();
  std::unique_ptr<Executor> executor;
  std::mutex mutex;
  std::condition_variable changed;
  bool ending = false;   // a thread shuts the executor down
  bool stopped = false;  // the executor's threads are gone
};

}  // namespace

class InProcessHandle final : public ExecutorHandle {
 public:
  InProcessHandle(std::shared_ptr<Guts> guts, std::atomic<bool>* stuck)
      : guts_(std::move(guts)), stuck_(stuck) {}

  ~InProcessHandle() override {
    End();
    guts_->callbacks->Close();
    std::unique_lock<std::mutex> lock(guts_->mutex);
    if (guts_->changed.wait_for(lock, kGrace, [this] { return guts_->stopped; })) {
      lock.unlock();
      if (end_.joinable()) end_.join();
      return;
    }
    *stuck_ = true;
    if (end_.joinable()) end_.detach();
  }

  void Send(const pb::ToExecutor& frame) override {
    guts_->executor->OnFrame(frame);
    if (frame.shutdown()) End();
  }

  void Kill() override {
    End();
    std::unique_lock<std::mutex> lock(guts_->mutex);
    const bool gone = guts_->changed.wait_for(lock, kGrace, [this] { return guts_->stopped; });
    lock.unlock();
    if (gone) return;  // the thread says so
    *stuck_ = true;
    ExitInfo info;
    info.signal = SIGKILL;
    guts_->callbacks->Exit(info);
  }

 private:
  void End() {
    {
      std::lock_guard<std::mutex> lock(guts_->mutex);
      if (guts_->ending) return;
      guts_->ending = true;
    }
    end_ = std::thread([guts = guts_] {
      guts->executor->Shutdown();
      ExitInfo info;
      info.clean = true;
      guts->callbacks->Exit(info);
      std::lock_guard<std::mutex> lock(guts->mutex);
      guts->stopped = true;
      guts->changed.notify_all();
    });
  }

  const std::shared_ptr<Guts> guts_;
  std::atomic<bool>* stuck_;
  std::thread end_;
};

InProcessLauncher::InProcessLauncher(std::string bundle_name) : shared_(std::make_shared<Shared>()) {
  shared_->bundle_name = std::move(bundle_name);
}

InProcessLauncher::~InProcessLauncher() = default;

bool InProcessLauncher::Stuck() const { return shared_->stuck; }

absl::StatusOr<std::unique_ptr<ExecutorHandle>> InProcessLauncher::Launch(
    const LaunchSpec&, std::function<void(pb::FromExecutor)> on_frame,
    std::function<void(ExitInfo)> on_exit) {
  auto guts = std::make_shared<Guts>();
  guts->callbacks->on_frame = std::move(on_frame);
  guts->callbacks->on_exit = std::move(on_exit);
  ExecutorOptions options;
  options.bundle_name = shared_->bundle_name;
  guts->executor = std::make_unique<Executor>(
      [callbacks = guts->callbacks](pb::FromExecutor frame) { callbacks->Frame(std::move(frame)); }, options);
  return std::unique_ptr<ExecutorHandle>(new InProcessHandle(std::move(guts), &shared_->stuck));
}

absl::Status OwnBundle::Fetch(const std::string&, const std::string&) {
  return absl::UnimplementedError("the bundle of local mode is this program");
}

}  // namespace millrace
