#include "cli/local_run.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <vector>

#include "cli/commands.h"
#include "common/base/files.h"
#include "common/base/strings.h"

namespace millrace::cli {

namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr int64_t kKillAfterMs = 3000;  // from the polite signal to the other one

// This process has one thread here (gRPC is not touched in local mode), so fork is safe; posix_spawn cannot
// set the death signal, which takes the child along when mrsubmit itself is killed.
pid_t Start(const std::string& path, const std::vector<std::string>& args, const sigset_t& mask) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);  // the terminal's Ctrl-C comes to mrsubmit only, which passes it on once
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kJobFailed);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

// What a run that died left behind. An output that stood there before is not touched, its temporaries aside.
void CleanUp(const std::string& output, bool stood_before) {
  if (output.empty()) return;
  (void)RemoveTree(JoinPath(output, "_temporary"));
  if (!stood_before && !FileExists(JoinPath(output, "_SUCCESS"))) (void)RemoveTree(output);
}

}  // namespace

int RunLocally(const Bundle& bundle, const std::string& job,
               const std::map<std::string, std::string>& job_options, const Options& options) {
  std::vector<std::string> args = {bundle.path, job};
  for (const auto& [name, value] : job_options) args.push_back(StrCat("--", name, "=", value));
  if (options.slots > 0) args.push_back(StrCat("--slots=", options.slots));
  args.push_back(StrCat("--slot-memory=", options.slot_memory_bytes));
  if (!options.work_dir.empty()) args.push_back(StrCat("--work-dir=", options.work_dir));
  args.push_back(StrCat("--progress=", options.progress));

  auto found = job_options.find("output");
  const std::string output = found == job_options.end() ? std::string() : found->second;
  const bool stood_before = !output.empty() && FileExists(output);

  sigset_t set, before;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, &before);
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  const pid_t pid = Start(bundle.path, args, before);
  if (pid < 0) return Say(StrCat("cannot start ", bundle.path, ": ", std::strerror(errno)), kJobFailed);

  int64_t stop_at = options.timeout_ms == 0 ? INT64_MAX : NowMs() + options.timeout_ms;
  int64_t kill_at = INT64_MAX;
  bool timed_out = false, interrupted = false;
  int state = 0;
  while (::waitpid(pid, &state, WNOHANG) == 0) {
    pollfd fd = {signals.get(), POLLIN, 0};
    const int64_t left = std::min<int64_t>({stop_at - NowMs(), kill_at - NowMs(), 1000});
    ::poll(&fd, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) continue;
      ::kill(pid, interrupted ? SIGKILL : static_cast<int>(info.ssi_signo));
      if (!interrupted) kill_at = NowMs() + kKillAfterMs;
      interrupted = true;
    }
    if (NowMs() >= stop_at) {
      timed_out = true;
      stop_at = INT64_MAX;
      kill_at = NowMs() + kKillAfterMs;
      ::kill(pid, SIGTERM);
    }
    if (NowMs() >= kill_at) {
      kill_at = INT64_MAX;
      ::kill(pid, SIGKILL);
    }
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);

  if (timed_out || WIFSIGNALED(state)) CleanUp(output, stood_before);
  if (timed_out) {
    return Say(StrCat("the job had not ended within --timeout=", options.timeout_ms, "ms and was stopped"),
               kTimedOut);
  }
  if (WIFEXITED(state)) {
    if (WEXITSTATUS(state) == 127) return Say(StrCat("cannot execute the bundle ", bundle.path), kUsage);
    return WEXITSTATUS(state);
  }
  if (interrupted) return Say("the job was killed", kKilled);
  const int signal = WTERMSIG(state);
  return Say(
      StrCat("job ", job, " crashed: its process died of signal ", signal, " (", ::strsignal(signal),
             signal == SIGKILL ? "; the kernel may have run out of memory" : "", "); no output was kept"),
      kJobFailed);
}

}  // namespace millrace::cli
