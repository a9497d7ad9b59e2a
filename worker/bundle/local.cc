#include "worker/bundle/local.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/base/files.h"
#include "common/base/sanitized.h"
#include "common/base/status.h"
#include "common/progress/progress.h"
#include "coordinator/server/core.h"
#include "worker/agent/agent.h"
#include "worker/bundle/in_process.h"
#include "worker/executor/crash.h"

namespace millrace {
namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int Say(const LocalOptions& options, const std::string& sentence, int exit_code) {
  std::fprintf(stderr, "%s: %s\n", options.program.c_str(), sentence.c_str());
  return exit_code;
}

// The newest status, and a descriptor that wakes the main thread's poll.
struct Board {
  std::mutex mutex;
  std::optional<pb::JobStatus> status;
  UniqueFd wake{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  void Put(const pb::JobStatus& now) {
    std::lock_guard<std::mutex> lock(mutex);
    status = now;
    const uint64_t one = 1;
    if (write(wake.get(), &one, sizeof(one)) < 0) return;  // it is set already
  }
  std::optional<pb::JobStatus> Take() {
    uint64_t count;
    if (read(wake.get(), &count, sizeof(count)) < 0 && errno != EAGAIN) return std::nullopt;
    std::lock_guard<std::mutex> lock(mutex);
    return std::exchange(status, std::nullopt);
  }
};

// User code that allocates without end gets std::bad_alloc; the machine stays alive.
void LimitResources(const LocalOptions& options, uint32_t slots) {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (kSanitized) return;
  const uint64_t heap = slots * (options.slot_memory_bytes + (1ull << 30)) + (1ull << 30);
  const rlimit data = {heap, RLIM_INFINITY};  // the executor takes a little more to end in order
  setrlimit(RLIMIT_DATA, &data);
}

CoreOptions LocalCore() {
  CoreOptions options;
  options.heartbeat_interval_ms = 200;
  options.worker_timeout_ms = 3'600'000;  // it lives in this process
  options.lease_ms = 3'600'000;
  options.grace_ms = 0;
  options.speculation = 0;
  options.max_attempts = 2;  // the same record failing twice is a bug
  return options;
}

// Watches the job to its end. Ctrl-C kills it; the second one ends the process at once.
pb::JobStatus Watch(CoordinatorCore* core, const std::string& id, Board* board, int signals,
                    const LocalOptions& options) {
  Progress progress(Progress::ModeOf(options.progress, stderr), stderr, /*with_id=*/false);
  std::optional<pb::JobStatus> last;
  for (bool killed = false;;) {
    pollfd fds[2] = {{board->wake.get(), POLLIN, 0}, {signals, POLLIN, 0}};
    poll(fds, 2, last ? 500 : -1);
    signalfd_siginfo info;
    if (read(signals, &info, sizeof(info)) == sizeof(info)) {
      if (killed) _exit(3);
      killed = true;
      progress.Clear();
      std::fprintf(stderr, "%s: stopping; once more to stop at once\n", options.program.c_str());
      core->KillJob(id).IgnoreError();
    }
    if (auto status = board->Take()) {
      last = std::move(status);
      if (Ended(*last)) {
        progress.Update(*last, NowMs());
        progress.Clear();
        return *last;
      }
    }
    if (last) progress.Update(*last, NowMs());
  }
}

// The coordinator's loop sends to the worker until the session is closed: that has to happen before the
// worker goes.
class WorkerSession {
 public:
  WorkerSession(CoordinatorCore* core, Agent* worker)
      : core_(core), id_(core->ConnectWorker([worker](const pb::CoordinatorMessage& message) {
          worker->OnCoordinatorMessage(message);
        })) {
    worker->OnConnected(
        [core, id = id_](const pb::WorkerMessage& message) { core->OnWorkerMessage(id, message); });
  }
  WorkerSession(const WorkerSession&) = delete;
  WorkerSession& operator=(const WorkerSession&) = delete;
  ~WorkerSession() { core_->OnWorkerClosed(id_); }

 private:
  CoordinatorCore* const core_;
  const uint64_t id_;
};

int Report(const LocalOptions& options, const pb::JobStatus& job, double seconds) {
  if (job.state() == pb::JobStatus::SUCCEEDED) {
    std::fputs(Summary(job, seconds, job.name(), options.program + " describe").c_str(), stdout);
    std::fflush(stdout);
    return 0;
  }
  if (job.state() == pb::JobStatus::KILLED) return Say(options, "the job was killed; no output was kept", 3);
  return Say(options, job.error().message(), job.error().kind() == pb::ErrorInfo::USAGE ? 2 : 1);
}

}  // namespace

int RunLocal(const LocalOptions& options, const std::string& work_dir, std::atomic<int>* said) {
  const int64_t begin_ms = NowMs();
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  signal(SIGPIPE, SIG_IGN);
  UseAlternateSignalStack();
  InstallCrashHandlers(-1, options.program, said);
  const uint32_t slots =
      options.slots != 0 ? options.slots : std::max(1u, std::thread::hardware_concurrency());
  LimitResources(options, slots);

  InProcessLauncher launcher(options.program);
  OwnBundle bundles;
  CoordinatorCore core(LocalCore(), std::make_unique<NullJournal>());
  if (const absl::Status status = core.Start(); !status.ok()) return Say(options, MessageOf(status), 1);
  AgentOptions agent_options;
  agent_options.work_dir = work_dir;
  agent_options.name = "local";
  agent_options.slots = slots;
  agent_options.slot_memory_bytes = options.slot_memory_bytes;
  agent_options.credits = 64;
  agent_options.in_process = true;
  agent_options.executor_stop_ms = 1000;
  auto agent = Agent::Create(agent_options, &launcher, &bundles);
  if (!agent.ok()) return Say(options, MessageOf(agent.status()), 2);
  std::optional<WorkerSession> session;
  session.emplace(&core, agent->get());

  pb::SubmitRequest request;
  request.set_bundle("local");
  request.set_job_name(options.job);
  for (const auto& [name, value] : options.options) (*request.mutable_options())[name] = value;
  request.set_submission("local");
  const pb::SubmitReply reply = core.Submit(request);
  if (reply.error().kind() != pb::ErrorInfo::NONE) {
    return Say(options, reply.error().message(), reply.error().kind() == pb::ErrorInfo::USAGE ? 2 : 1);
  }
  Board board;
  auto watch = core.WatchJob(reply.id(), [&board](const pb::JobStatus& status) { board.Put(status); });
  if (!watch.ok()) return Say(options, MessageOf(watch.status()), 1);
  const pb::JobStatus job = Watch(&core, reply.id(), &board, signals.get(), options);
  const int exit_code = Report(options, job, static_cast<double>(NowMs() - begin_ms) / 1000);
  core.Unwatch(*watch);
  session.reset();
  agent->reset();
  if (launcher.Stuck()) {  // threads that cannot be joined still use what main would free
    RemoveTree(work_dir).IgnoreError();
    _exit(exit_code);
  }
  core.Stop();
  return exit_code;
}

}  // namespace millrace
