#include "cli/watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/print.h"
#include "common/base/files.h"
#include "common/base/strings.h"
#include "common/progress/progress.h"

namespace millrace::cli {

namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

sigset_t HeldSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// The held signals, at a descriptor.
class Signals {
 public:
  Signals() {
    const sigset_t set = HeldSignals();
    fd_.Reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  int fd() const { return fd_.get(); }
  // The signal that came, 0 for none.
  int Take() {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  UniqueFd fd_;
};

// What the stream's thread hands to the terminal's.
struct Shared {
  std::mutex mutex;
  std::optional<pb::JobStatus> status;
  std::optional<bool> connected;
  std::optional<absl::Status> end;
  UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  void Wake() {
    const uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one);
  }
};

// What a person answers to Ctrl-C. A second Ctrl-C, or the end of the input, detaches.
enum class Answer { kDetach, kKill, kGoOn };
Answer Ask(const std::string& id, Signals& signals) {
  std::fprintf(stderr,
               "\n%s is still running: [d]etach and let it go on, [k]ill it, or [c]ontinue to watch? ",
               id.c_str());
  std::fflush(stderr);
  pollfd fds[2] = {{0, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  while (true) {
    if (::poll(fds, 2, -1) < 0 && errno == EINTR) continue;
    if ((fds[1].revents & POLLIN) != 0 && signals.Take() != 0) return Answer::kDetach;
    if (fds[0].revents == 0) continue;
    std::string line;
    if (!std::getline(std::cin, line)) return Answer::kDetach;
    if (line == "d" || line == "detach") return Answer::kDetach;
    if (line == "k" || line == "kill") return Answer::kKill;
    if (line == "c" || line == "continue" || line.empty()) return Answer::kGoOn;
    std::fprintf(stderr, "d, k or c? ");
    std::fflush(stderr);
  }
}

class Watch {
 public:
  Watch(std::shared_ptr<Client> client, const std::string& id, const Options& options)
      : client_(std::move(client)),
        id_(id),
        options_(options),
        progress_(Progress::ModeOf(options.progress, stderr), stderr) {}

  // The thread that reads is not waited for: what it uses is its own, and the process ends now.
  int Run() {
    std::thread([shared = shared_, client = client_, id = id_] { Read(*shared, *client, id); }).detach();
    const int exit_code = Loop();
    client_->Cancel();
    return exit_code;
  }
  bool succeeded() const { return last_.has_value() && last_->state() == pb::JobStatus::SUCCEEDED; }

 private:
  static void Read(Shared& shared, Client& client, const std::string& id) {
    Client::WatchEvents events;
    events.status = [&shared](const pb::JobStatus& status) {
      std::lock_guard<std::mutex> lock(shared.mutex);
      shared.status = status;
      shared.Wake();
    };
    events.connected = [&shared](bool connected) {
      std::lock_guard<std::mutex> lock(shared.mutex);
      shared.connected = connected;
      shared.Wake();
    };
    absl::Status end = client.WatchJob(id, events);
    std::lock_guard<std::mutex> lock(shared.mutex);
    shared.end = end;
    shared.Wake();
  }

  int Loop() {
    const int64_t until = options_.timeout_ms == 0 ? INT64_MAX : NowMs() + options_.timeout_ms;
    while (true) {
      pollfd fds[2] = {{shared_->wake.get(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
      const int64_t left = std::min<int64_t>(until - NowMs(), 1000);
      ::poll(fds, 2, static_cast<int>(std::max<int64_t>(left, 0)));
      uint64_t count = 0;
      (void)!::read(shared_->wake.get(), &count, sizeof count);
      if (const int signal = signals_.Take(); signal != 0) {
        if (std::optional<int> code = Interrupted(signal)) return *code;
      }
      if (std::optional<int> code = Show()) return *code;
      if (NowMs() >= until) {
        progress_.Clear();
        const std::string why = last_.has_value() && !last_->pending_reason().empty()
                                    ? StrCat(" (pending: ", last_->pending_reason(), ")")
                                    : std::string();
        return Say(StrCat(id_, " has not ended within --timeout=", options_.timeout_ms, "ms", why,
                          "; it goes on, `mrsubmit wait ", id_, "` watches it"),
                   kTimedOut);
      }
    }
  }

  // Takes over what the stream brought; the exit code when that was the end.
  std::optional<int> Show() {
    std::optional<pb::JobStatus> status;
    std::optional<bool> connected;
    std::optional<absl::Status> end;
    {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      std::swap(status, shared_->status);
      std::swap(connected, shared_->connected);
      end = shared_->end;
    }
    if (connected.has_value()) {
      progress_.Note(*connected ? StrCat("the coordinator at ", client_->address(), " is back")
                                : StrCat("lost the coordinator at ", client_->address(),
                                         "; waiting for it for up to ",
                                         HumanDuration(options_.reconnect_timeout_ms / 1000.0)));
    }
    if (status.has_value()) {
      id_ = status->id();
      last_ = *status;
      if (Ended(*status)) return End(*status);
    }
    if (last_.has_value()) progress_.Update(*last_, NowMs());
    if (end.has_value() && !end->ok()) {
      progress_.Clear();
      return Say(*end);
    }
    return std::nullopt;
  }

  int End(const pb::JobStatus& job) {
    progress_.Update(job, NowMs());
    progress_.Clear();
    if (options_.json()) {
      std::printf("%s\n", JobJson(job).c_str());
    } else if (job.state() == pb::JobStatus::SUCCEEDED) {
      const int64_t took_ms = std::max<int64_t>(job.finished_ms() - job.submitted_ms(), 0);
      const std::string summary =
          Summary(job, static_cast<double>(took_ms) / 1000, StrCat(job.name(), " (", job.id(), ")"),
                  "mrsubmit counters " + job.id());
      std::fputs(summary.c_str(), stdout);
    }
    std::fflush(stdout);
    if (job.state() == pb::JobStatus::KILLED) return Say(StrCat(job.id(), " was killed"), kKilled);
    if (job.state() == pb::JobStatus::FAILED) return Say(FailureSentence(job), ExitCodeOf(job));
    return kOk;
  }

  std::optional<int> Interrupted(int signal) {
    Answer answer = Answer::kDetach;
    if (signal == SIGINT && ::isatty(0) == 1 && ::isatty(2) == 1) {
      progress_.Clear();
      answer = Ask(id_, signals_);
    }
    if (answer == Answer::kGoOn) return std::nullopt;
    if (answer == Answer::kKill) {
      auto killed = client_->KillJob(id_);
      if (!killed.ok()) return Say(killed.status());
      return std::nullopt;  // its end comes over the stream
    }
    progress_.Clear();
    return Say(StrCat("detached from ", id_, ", which goes on; `mrsubmit wait ", id_,
                      "` watches it again, `mrsubmit kill ", id_, "` stops it"),
               kOk);
  }

  const std::shared_ptr<Client> client_;
  std::string id_;
  const Options& options_;
  Progress progress_;
  Signals signals_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::optional<pb::JobStatus> last_;
};

}  // namespace

void HoldSignals() {
  const sigset_t set = HeldSignals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int ExitCodeOf(const pb::JobStatus& job) {
  if (job.state() == pb::JobStatus::KILLED) return kKilled;
  if (job.state() != pb::JobStatus::FAILED) return kOk;
  return job.error().kind() == pb::ErrorInfo::USAGE ? kUsage : kJobFailed;
}

int WatchToEnd(std::shared_ptr<Client> client, const std::string& id, const Options& options,
               bool* succeeded) {
  Watch watch(std::move(client), id, options);
  const int exit_code = watch.Run();
  if (succeeded != nullptr) *succeeded = watch.succeeded();
  return exit_code;
}

}  // namespace millrace::cli
