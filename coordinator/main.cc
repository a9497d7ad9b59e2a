// mrcoordinator: decides what runs where, remembers it in its state folder.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/option_table.h"
#include "common/obs/log.h"
#include "coordinator/journal/journal.h"
#include "coordinator/server/bundle_store.h"
#include "coordinator/server/core.h"
#include "coordinator/server/grpc_server.h"
#include "coordinator/server/http_server.h"

namespace millrace {
namespace {

struct Settings {
  std::string listen, http_listen, state_dir, log_level;
  CoreOptions core;
};

void DeclareLimits(OptionTable& table, CoreOptions& core) {
  table
      .AddMs("heartbeat-interval", &core.heartbeat_interval_ms, core.heartbeat_interval_ms,
             "How often workers report that they live. Longer: slower progress lines; must stay well below "
             "--worker-timeout.")
      .Range(10, 60'000);
  table
      .AddMs("worker-timeout", &core.worker_timeout_ms, core.worker_timeout_ms,
             "A worker that was silent for this long is taken for dead and its tasks run elsewhere. Shorter: "
             "faster recovery, but a slow network looks like death.")
      .Range(100, 3'600'000);
  table
      .AddMs(
          "lease", &core.lease_ms, core.lease_ms,
          "A worker that hears nothing from the coordinator for this long stops its drivers. Must be shorter "
          "than --worker-timeout, so that two drivers of a job never work at once.")
      .Range(100, 3'600'000);
  table
      .AddMs("grace", &core.grace_ms, core.grace_ms,
             "After a restart, how long to wait for workers to come back with what they hold before it is "
             "computed again.")
      .Range(0, 3'600'000);
  table
      .AddMs("tick-interval", &core.tick_interval_ms, core.tick_interval_ms,
             "How often time-outs are looked at.")
      .Range(1, 10'000);
  table
      .AddMs("watch-interval", &core.watch_interval_ms, core.watch_interval_ms,
             "Clients that watch a job hear at most one state per interval; the last one always.")
      .Range(1, 60'000);
  table
      .Add("max-attempts", &core.max_attempts, core.max_attempts, "N",
           "Failures of one task that are its own fault before the job fails.")
      .Range(1, 100);
  table
      .Add("speculation", &core.speculation, core.speculation, "0|1",
           "Whether a task that is much slower than its stage gets a second attempt elsewhere.")
      .Range(0, 1);
  table
      .AddMs("speculation-min", &core.speculation_min_ms, core.speculation_min_ms,
             "Attempts younger than this never get a second one.")
      .Range(0, 3'600'000);
  table
      .AddMs(
          "queue-ahead", &core.queue_ahead_ms, core.queue_ahead_ms,
          "Work that may wait at a worker behind its slots: more bridges slower networks, but what waits at "
          "one worker cannot go to another.")
      .Range(0, 60'000);
  table
      .AddBytes(
          "max-collect-bytes", &core.max_collect_bytes, core.max_collect_bytes,
          "Results of one action that the coordinator takes for the driver; larger ones fail the job and "
          "have to be written instead. They are kept in memory and in the journal.")
      .Range(1024, 2e9);
  table
      .Add("story-lines", &core.story_lines, core.story_lines, "N",
           "Lines of a job's story that are kept in memory; older ones are dropped.")
      .Range(10, 1e7);
  table
      .Add("log-lines", &core.log_lines, core.log_lines, "N",
           "Lines of a job's log that are kept in memory; older ones are dropped.")
      .Range(10, 1e7);
  table
      .Add("finished-jobs", &core.finished_jobs, core.finished_jobs, "N",
           "Jobs whose end is remembered in memory; older ones are forgotten.")
      .Range(1, 1e6);
}

int Fail(const absl::Status& status, int code) {
  fprintf(stderr, "mrcoordinator: %s\n", MessageOf(status).c_str());
  return code;
}

int Serve(const Settings& settings, const sigset_t& signals) {
  absl::StatusOr<std::unique_ptr<Journal>> journal = OpenSqliteJournal(settings.state_dir);
  if (!journal.ok()) return Fail(journal.status(), 1);
  auto bundles = BundleStore::Open(JoinPath(settings.state_dir, "bundles"));
  if (!bundles.ok()) return Fail(bundles.status(), 1);
  CoordinatorCore core(settings.core, *std::move(journal));
  core.OnFailure([](absl::Status status) {
    LogError(MessageOf(status));
    kill(getpid(), SIGTERM);
  });
  absl::Status started = core.Start();
  if (!started.ok()) return Fail(started, 1);
  auto rpc = GrpcServer::Start(settings.listen, &core, bundles->get());
  if (!rpc.ok()) return Fail(rpc.status(), 1);
  auto http = HttpServer::Start(settings.http_listen, &core);
  if (!http.ok()) return Fail(http.status(), 1);
  printf("mrcoordinator: serving rpc=%s http=%s\n", (*rpc)->address().c_str(), (*http)->address().c_str());
  fflush(stdout);
  LogInfo(StrCat("incarnation ", core.incarnation(), ", state in ", settings.state_dir));
  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo(signal == SIGINT ? "interrupted, stopping" : "stopping");
  (*http)->Stop();
  (*rpc)->Stop();
  core.Stop();
  if (!core.failure().ok()) return Fail(core.failure(), 1);
  return 0;
}

int Main(int argc, char** argv) {
  Settings settings;
  OptionTable table("mrcoordinator", "Schedules Millrace jobs over the workers that connect to it.");
  table
      .Add("listen", &settings.listen, "127.0.0.1:7070", "HOST:PORT",
           "Where workers and mrsubmit connect; port 0 takes any free one. Only loopback until keys exist.")
      .Check(CheckLoopback);
  table
      .Add("http-listen", &settings.http_listen, "127.0.0.1:7071", "HOST:PORT",
           "Where /, /healthz and /metrics are served; port 0 takes any free one. Only loopback until keys "
           "exist.")
      .Check(CheckLoopback);
  table
      .Add("state-dir", &settings.state_dir, "", "DIR",
           "Folder of the journal and the bundles, made when absent. What is in it survives a restart; it is "
           "held by one coordinator at a time.")
      .Required();
  DeclareLimits(table, settings.core);
  table.Add("log-level", &settings.log_level, "warning", "LEVEL", "What is logged to stderr.")
      .Choices({"debug", "info", "warning", "error", "off"});
  if (std::optional<int> exit_code = table.Parse(argc, argv)) return *exit_code;
  if (settings.core.lease_ms >= settings.core.worker_timeout_ms) {
    return Fail(
        InvalidArgument("--lease (", settings.core.lease_ms, " ms) must be shorter than --worker-timeout (",
                        settings.core.worker_timeout_ms, " ms)"),
        2);
  }
  LogLevel level = LogLevel::kWarning;
  (void)ParseLogLevel(settings.log_level, &level);
  InitLog("mrcoordinator", level);
  settings.state_dir = AbsolutePath(settings.state_dir);

  setenv("GRPC_VERBOSITY", "NONE", 0);  // what goes wrong is said in sentences of ours

  // Blocked before the first thread starts, so that only sigwait() sees them.
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Serve(settings, signals);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) { return millrace::Main(argc, argv); }
