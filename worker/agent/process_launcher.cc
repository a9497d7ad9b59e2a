#include "worker/agent/process_launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/sanitized.h"
#include "common/base/status.h"
#include "common/base/thread.h"

extern char** environ;

namespace millrace {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kMaxLogLine = 4096;
constexpr uint32_t kMaxFrameBytes = 1u << 30;
constexpr int kExitPatienceMs = 2000;  // between the end of its frames and the end of the process
constexpr int kLowestOwnFd = 16;       // out of the way of 0 to 3, which the child gets

int64_t WallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

UniqueFd MoveUp(int fd) {
  UniqueFd low(fd);
  return UniqueFd(::fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestOwnFd));
}

std::vector<std::string> ScrubbedEnvironment() {
  std::vector<std::string> kept = {"TZ=UTC", "LC_ALL=C"};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto begins = [&](std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; };
    const bool finding = kSanitized && text.substr(0, text.find('=')).ends_with("SAN_OPTIONS");
    if (finding || begins("PATH=") || begins("GLIBC_TUNABLES=") || begins("MILLRACE_"))
      kept.emplace_back(text);
  }
  return kept;
}

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct SpawnAttributes {
  SpawnAttributes() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

class ProcessHandle final : public ExecutorHandle {
 public:
  ProcessHandle(const LaunchSpec& spec, std::function<void(pb::FromExecutor)> on_frame,
                std::function<void(ExitInfo)> on_exit)
      : job_(spec.job), on_frame_(std::move(on_frame)), on_exit_(std::move(on_exit)) {}
  ~ProcessHandle() override {
    Kill();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Start(const LaunchSpec& spec, const std::vector<std::string>& arguments);
  void Send(const pb::ToExecutor& frame) override;
  void Kill() override;

 private:
  void Main();
  short SocketEvents();
  bool ReadFrames();  // false at the end
  bool TakeFrames();
  void ReadOutput();
  void SendLog(std::string text);
  void WritePending();
  void Reap();

  const uint64_t job_;
  const std::function<void(pb::FromExecutor)> on_frame_;
  const std::function<void(ExitInfo)> on_exit_;
  UniqueFd socket_, output_, wake_, pidfd_;
  std::string in_;  // bytes of frames not complete yet
  size_t in_used_ = 0;
  std::string line_;  // of the output
  std::thread thread_;

  std::mutex mutex_;
  pid_t pid_ = -1;       // -1 once reaped
  std::string pending_;  // not written yet
  size_t pending_used_ = 0;
  bool closed_ = false;
  bool asked_to_stop_ = false;
};

absl::Status ProcessHandle::Start(const LaunchSpec& spec, const std::vector<std::string>& arguments) {
  int pair[2], pipe[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return ErrnoStatus(errno, "make a socket for", spec.bundle_path);
  socket_ = MoveUp(pair[0]);
  const UniqueFd theirs = MoveUp(pair[1]);
  if (::pipe2(pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe for", spec.bundle_path);
  output_ = MoveUp(pipe[0]);
  const UniqueFd their_output = MoveUp(pipe[1]);
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!socket_.valid() || !theirs.valid() || !output_.valid() || !their_output.valid() || !wake_.valid()) {
    return ErrnoStatus(errno, "make descriptors for", spec.bundle_path);
  }
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);

  SpawnAttributes spawn;
  posix_spawn_file_actions_addopen(&spawn.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&spawn.actions, their_output.get(), 1);
  posix_spawn_file_actions_adddup2(&spawn.actions, their_output.get(), 2);
  posix_spawn_file_actions_adddup2(&spawn.actions, theirs.get(), 3);
  posix_spawn_file_actions_addclosefrom_np(&spawn.actions, 4);
  std::vector<std::string> argv = {spec.bundle_path};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = ScrubbedEnvironment();
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, spec.bundle_path.c_str(), &spawn.actions, &spawn.attributes,
                                  Pointers(&argv).data(), Pointers(&environment).data());
  if (error != 0) return ErrnoStatus(error, "start the bundle", spec.bundle_path);
  pid_ = pid;
  if (!kSanitized && spec.heap_limit_bytes > 0) {
    const uint64_t limit = ClampToMachine(spec.heap_limit_bytes);
    const rlimit data = {limit, limit};
    ::prlimit(pid, RLIMIT_DATA, &data, nullptr);
  }
  pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  thread_ = std::thread([this] { Main(); });
  return absl::OkStatus();
}

// Written at once where the socket takes it; the rest is left to the thread.
void ProcessHandle::Send(const pb::ToExecutor& frame) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  asked_to_stop_ = asked_to_stop_ || frame.shutdown();
  const bool idle = pending_.empty();
  const size_t at = pending_.size();
  pending_.resize(at + 4);
  frame.AppendToString(&pending_);
  const uint32_t length = static_cast<uint32_t>(pending_.size() - at - 4);
  std::memcpy(pending_.data() + at, &length, 4);
  if (!idle) return;
  WritePending();
  if (pending_.empty()) return;
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof(one)) < 0) return;  // the counter is full: it wakes anyway
}

void ProcessHandle::WritePending() {
  while (pending_used_ < pending_.size()) {
    const ssize_t wrote =
        ::send(socket_.get(), pending_.data() + pending_used_, pending_.size() - pending_used_, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (wrote <= 0) {
      closed_ = true;  // its end is seen by the reading side
      break;
    }
    pending_used_ += static_cast<size_t>(wrote);
  }
  pending_.clear();
  pending_used_ = 0;
}

void ProcessHandle::Kill() {
  std::lock_guard lock(mutex_);
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

bool ProcessHandle::ReadFrames() {
  while (true) {
    const size_t at = in_.size();
    in_.resize(at + kReadBytes);
    const ssize_t got = ::recv(socket_.get(), in_.data() + at, kReadBytes, 0);
    in_.resize(at + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (got == 0 || !TakeFrames()) return false;
    if (static_cast<size_t>(got) < kReadBytes) return true;
  }
}

bool ProcessHandle::TakeFrames() {
  while (in_.size() - in_used_ >= 4) {
    uint32_t length;
    std::memcpy(&length, in_.data() + in_used_, 4);
    if (length > kMaxFrameBytes) return false;
    if (in_.size() - in_used_ - 4 < length) break;
    pb::FromExecutor frame;
    if (!frame.ParseFromArray(in_.data() + in_used_ + 4, static_cast<int>(length))) return false;
    in_used_ += 4 + size_t{length};
    on_frame_(std::move(frame));
  }
  in_.erase(0, in_used_);
  in_used_ = 0;
  return true;
}

void ProcessHandle::SendLog(std::string text) {
  pb::FromExecutor frame;
  pb::LogLine* line = frame.add_logs();
  line->set_job(job_);
  line->set_source("executor");
  line->set_text(std::move(text));
  line->set_time_ms(WallMs());
  on_frame_(std::move(frame));
}

void ProcessHandle::ReadOutput() {
  char buffer[8192];
  while (true) {
    const ssize_t got = ::read(output_.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;  // nothing for now
    if (got == 0) break;
    for (const char c : std::string_view(buffer, static_cast<size_t>(got))) {
      if (c != '\n') line_.push_back(c);
      if (c != '\n' && line_.size() < kMaxLogLine) continue;
      SendLog(std::move(line_));
      line_.clear();
    }
  }
  if (!line_.empty()) SendLog(std::move(line_));
  line_.clear();
  output_.Reset();
}

short ProcessHandle::SocketEvents() {
  std::lock_guard lock(mutex_);
  return static_cast<short>(POLLIN | (pending_.empty() ? 0 : POLLOUT));
}

void ProcessHandle::Main() {
  SetThreadName("executor-io");
  while (true) {
    // poll leaves out negative descriptors.
    pollfd fds[4] = {{socket_.get(), SocketEvents(), 0},
                     {wake_.get(), POLLIN, 0},
                     {output_.get(), POLLIN, 0},
                     {pidfd_.get(), POLLIN, 0}};
    if (::poll(fds, 4, -1) < 0 && errno != EINTR) break;
    if ((fds[1].revents & POLLIN) != 0) {
      uint64_t count;
      if (::read(wake_.get(), &count, sizeof(count)) < 0) continue;
    }
    if ((fds[0].revents & POLLOUT) != 0) {
      std::lock_guard lock(mutex_);
      WritePending();
    }
    if (fds[2].revents != 0) ReadOutput();
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !ReadFrames()) break;
    if ((fds[3].revents & POLLIN) != 0) {
      int left = 0;  // what it said before it went
      while (ReadFrames() && ::ioctl(socket_.get(), FIONREAD, &left) == 0 && left > 0) {
      }
      break;
    }
  }
  Reap();
}

void ProcessHandle::Reap() {
  pollfd ended = {pidfd_.get(), POLLIN, 0};
  if (pidfd_.valid()) ::poll(&ended, 1, kExitPatienceMs);
  Kill();  // what it left behind, too: the group lives as long as its number is not reaped
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  bool asked;
  {
    std::lock_guard lock(mutex_);
    pid_ = -1;
    closed_ = true;
    asked = asked_to_stop_;
  }
  if (output_.valid()) ReadOutput();
  ExitInfo info;
  if (WIFEXITED(status)) info.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) info.signal = WTERMSIG(status);
  info.clean = asked && info.signal == 0 && info.exit_code == 0;
  on_exit_(info);
}

class ProcessLauncher final : public ExecutorLauncher {
 public:
  explicit ProcessLauncher(ProcessLauncherOptions options) : options_(std::move(options)) {}
  absl::StatusOr<std::unique_ptr<ExecutorHandle>> Launch(const LaunchSpec& spec,
                                                         std::function<void(pb::FromExecutor)> on_frame,
                                                         std::function<void(ExitInfo)> on_exit) override {
    auto handle = std::make_unique<ProcessHandle>(spec, std::move(on_frame), std::move(on_exit));
    MR_RETURN_IF_ERROR(handle->Start(spec, options_.arguments));
    return std::unique_ptr<ExecutorHandle>(std::move(handle));
  }

 private:
  const ProcessLauncherOptions options_;
};

}  // namespace

std::unique_ptr<ExecutorLauncher> MakeProcessLauncher(ProcessLauncherOptions options) {
  return std::make_unique<ProcessLauncher>(std::move(options));
}

uint64_t ClampToMachine(uint64_t heap_limit_bytes) {
  const uint64_t memory =
      static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::min(heap_limit_bytes, memory / 5 * 4);
}

}  // namespace millrace
