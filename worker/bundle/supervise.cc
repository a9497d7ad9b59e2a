#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/publish.h"
#include "worker/bundle/local.h"
#include "worker/executor/crash.h"

namespace millrace {
namespace {

// What a job that died left: its temporaries always, the output's folder when the job had made it.
void CleanUp(const LocalOptions& options, bool stood_before) {
  const auto output = options.options.find("output");
  if (output == options.options.end() || output->second.empty()) return;
  RemoveTree(JoinPath(output->second, io::kTemporaryName)).IgnoreError();
  if (!stood_before && !FileExists(JoinPath(output->second, io::kSuccessName))) {
    rmdir(output->second.c_str());
  }
}

// A folder of this run's own, in --work-dir where that is given: nothing else there is touched, and several
// runs may have the same.
absl::StatusOr<std::string> MakeWorkDir(const LocalOptions& options) {
  std::string base = options.work_dir;
  if (base.empty()) {
    const char* given = std::getenv("TMPDIR");
    base = given != nullptr && *given != 0 ? given : "/tmp";
  } else {
    MR_RETURN_IF_ERROR(MakeDirs(base));
  }
  std::string path = JoinPath(base, "millrace-XXXXXX");
  if (mkdtemp(path.data()) == nullptr)
    return ErrnoStatus(errno, "make a folder for temporary files under", path);
  return path;
}

// Passes signals on until the child ends; its wait status.
int WaitFor(pid_t child, int signals) {
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) return status;
    pollfd fd = {signals, POLLIN, 0};
    poll(&fd, 1, -1);
    signalfd_siginfo info;
    while (read(signals, &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo != SIGCHLD) kill(child, static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace

int RunLocalSupervised(const LocalOptions& options) {
  const auto work_dir = MakeWorkDir(options);
  if (!work_dir.ok()) {
    std::fprintf(stderr, "%s: %s\n", options.program.c_str(), MessageOf(work_dir.status()).c_str());
    return 2;
  }
  const auto remove_work_dir = [&] { RemoveTree(*work_dir).IgnoreError(); };
  if (!options.supervise) {
    const int exit_code = RunLocal(options, *work_dir, nullptr);
    remove_work_dir();
    return exit_code;
  }
  const auto output = options.options.find("output");
  const bool stood_before = output != options.options.end() && FileExists(output->second);
  sigset_t set, before;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, &before);
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  // Set by the child's crash handler after its sentence.
  void* shared =
      mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  std::atomic<int>* said = shared == MAP_FAILED ? nullptr : new (shared) std::atomic<int>(0);
  const pid_t parent = getpid();
  const pid_t child = fork();  // one thread so far
  if (child == 0) {
    setpgid(0, 0);  // the terminal's Ctrl-C comes to the parent only, which passes it on once
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    const int exit_code = RunLocal(options, *work_dir, said);
    std::fflush(nullptr);
    _exit(exit_code);
  }
  if (child < 0) {
    std::fprintf(stderr, "%s: cannot start a process: the system has no room for one\n",
                 options.program.c_str());
    remove_work_dir();
    return 1;
  }
  const int status = WaitFor(child, signals.get());
  sigprocmask(SIG_SETMASK, &before, nullptr);
  remove_work_dir();
  if (WIFEXITED(status)) {
    if (WEXITSTATUS(status) == 3) CleanUp(options, stood_before);
    return WEXITSTATUS(status);
  }
  CleanUp(options, stood_before);
  if (said != nullptr && said->load() != 0) return 1;
  std::fprintf(stderr, "%s: job %s failed: its process died of %s%s; no output was kept\n",
               options.program.c_str(), options.job.c_str(), SignalName(WTERMSIG(status)),
               WTERMSIG(status) == SIGKILL ? " (the machine may have run out of memory)" : "");
  return 1;
}

}  // namespace millrace
