// mrworker: runs tasks of Millrace jobs on this machine.
#include <pthread.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/plugin.h"
#include "common/base/profile.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/config/option_table.h"
#include "common/obs/log.h"
#include "worker/agent/agent.h"
#include "worker/agent/grpc_link.h"
#include "worker/agent/process_launcher.h"
#include "worker/agent/standby_launcher.h"
#include "worker/shuffle/bulk_server.h"

namespace {

using millrace::LogInfo;
using millrace::LogWarning;
using millrace::StrCat;

constexpr uint64_t kSmallestSlot = 64ull << 20;
constexpr int kExitFailure = 1, kExitUsage = 2;

struct Flags {
  std::string coordinator, work_dir, bulk_listen, log_level;
  std::vector<std::string> shared_roots;
  uint32_t slots = 1, credits = 0;
  uint64_t slot_memory = 0, heap_headroom = 0;
  uint32_t standby_executors = 0, bundle_timeout_ms = 0;
};

void AddOptions(millrace::OptionTable* table, Flags* flags) {
  table->Add("coordinator", &flags->coordinator, "127.0.0.1:7070", "HOST:PORT", "The coordinator to serve.")
      .Env("MILLRACE_COORDINATOR");
  table
      ->Add("slots", &flags->slots, uint32_t{1}, "TASKS",
            "How many tasks run at once. More than the cores of the machine only makes them wait for each "
            "other.")
      .Range(1, 1024);
  table
      ->AddBytes(
          "slot-memory", &flags->slot_memory, 256ull << 20,
          "Memory of one slot for sorting, merging and fetching; a task that needs more spills to disk.")
      .Range(static_cast<double>(kSmallestSlot), 1e15);
  table->Add("work-dir", &flags->work_dir, "/tmp/millrace-worker", "DIR",
             "Where outputs of map tasks, spills and bundles lie; wants room for the data that is shuffled. "
             "One worker"
             " per folder; emptied at the start and at the end.");
  table->AddList(
      "shared-root", &flags->shared_roots, "DIR",
      "A folder that all workers see under the same path; inputs and outputs of jobs must lie in one. Without"
      " any, every path is taken to be shared.");
  table
      ->Add("bulk-listen", &flags->bulk_listen, "127.0.0.1:0", "HOST:PORT",
            "Where other workers fetch from; port 0 is any free one.")
      .Check([](const std::string& value) { return millrace::CheckLoopback(value); });
  table
      ->Add(
          "credits", &flags->credits, uint32_t{0}, "TASKS",
          "Most tasks that may wait here beyond the slots, so that the next begins at once. The coordinator "
          "sends twice the slots (at least 4) ahead, and up to this many where tasks are so short that all "
          "of "
          "them run within 20 ms. 0: 128 for each slot.")
      .Range(0, 65536);
  table->AddBytes(
      "heap-headroom", &flags->heap_headroom, 512ull << 20,
      "What a job's process may allocate beyond slots times slot memory; a task that hits this limit fails."
      " 0: no limit.");
  table
      ->Add("standby-executors", &flags->standby_executors, uint32_t{1}, "PROCESSES",
            "Processes of recently used bundles that wait here for their next job, about 20 MB each, so that "
            "it "
            "starts some 10 ms sooner. 0: none.")
      .Range(0, 64);
  table
      ->AddMs(
          "bundle-timeout", &flags->bundle_timeout_ms, 300'000,
          "How long the bundle of a job may take from a coordinator, one that is away included; after that "
          "its tasks fail here.")
      .Range(1, 86'400'000);
  table->Add("log-level", &flags->log_level, "info", "LEVEL", "What is logged to stderr.")
      .Choices({"debug", "info", "warning", "error", "off"});
}

int Fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "mrworker: %s\n", sentence.c_str());
  return code;
}

// Every thread inherits the mask; Wait takes the signal when it comes.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  int Wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }

 private:
  sigset_t set_;
};

int Serve(const Flags& flags, const Signals& signals) {
  const auto processes = millrace::MakeProcessLauncher();
  const auto launcher = millrace::MakeStandbyLauncher(processes.get(), flags.standby_executors);
  const auto bundles = millrace::MakeGrpcBundleSource(flags.coordinator, flags.bundle_timeout_ms);
  // The bulk server needs the store, the agent the bulk address: the store comes first, inside the agent.
  millrace::AgentOptions options;
  options.work_dir = millrace::AbsolutePath(flags.work_dir);
  options.slots = flags.slots;
  options.slot_memory_bytes = flags.slot_memory;
  options.credits = flags.credits;
  options.version = millrace::VersionText();
  options.heap_headroom_bytes = flags.heap_headroom;
  for (const std::string& root : flags.shared_roots)
    options.shared_roots.push_back(millrace::AbsolutePath(root));
  auto agent = millrace::Agent::Create(options, launcher.get(), bundles.get());
  if (!agent.ok()) return Fail(kExitUsage, millrace::MessageOf(agent.status()));

  millrace::BulkServerOptions bulk_options;
  bulk_options.listen = flags.bulk_listen;
  bulk_options.check = [&agent](uint64_t job, uint32_t stage, uint64_t version, const std::string& path) {
    return (*agent)->CheckFetch(job, stage, version, path);
  };
  auto bulk = millrace::BulkServer::Start(bulk_options, &(*agent)->store());
  if (!bulk.ok()) return Fail(kExitUsage, millrace::MessageOf(bulk.status()));
  const std::string address = (*bulk)->address();  // the server goes before the agent is silent
  (*agent)->SetBulkAddress(address);

  bool announced = false;
  (*agent)->SetWelcomeCallback([&](uint32_t worker) {
    LogInfo(StrCat("registered with ", flags.coordinator, " as worker ", worker));
    if (announced) return;
    announced = true;
    std::printf("mrworker: serving bulk=%s slots=%u work-dir=%s\n", address.c_str(), flags.slots,
                options.work_dir.c_str());
    std::fflush(stdout);
  });
  std::string refusal;
  (*agent)->SetRejectedCallback([&](std::string sentence) {
    refusal = std::move(sentence);
    ::kill(::getpid(), SIGHUP);
  });
  millrace::GrpcLinkOptions link_options;
  link_options.coordinator = flags.coordinator;
  link_options.on_trouble = [](const std::string& text) { LogWarning(text); };
  auto link = millrace::GrpcLink::Start(link_options, agent->get());
  const int signal = signals.Wait();
  link.reset();
  bulk->reset();
  (*agent)->Stop();
  if (signal == SIGHUP && !refusal.empty())
    return Fail(kExitFailure, StrCat("the coordinator refused this worker: ", refusal));
  LogInfo("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  millrace::OptionTable table("mrworker", "Runs tasks of Millrace jobs on this machine.");
  AddOptions(&table, &flags);
  if (const std::optional<int> code = table.Parse(argc, argv)) return *code;
  if (const std::string sentence = millrace::CheckCpu(); !sentence.empty()) return Fail(kExitUsage, sentence);
  millrace::InitNumerics();
  millrace::LogLevel level = millrace::LogLevel::kInfo;
  if (const absl::Status status = millrace::ParseLogLevel(flags.log_level, &level); !status.ok()) {
    return Fail(kExitUsage, millrace::MessageOf(status));
  }
  millrace::InitLog("mrworker", level);
  millrace::ExportPluginFolder(millrace::kParquetPlugin);  // executors are started from another folder
  const Signals signals;                                   // before the first thread
  return Serve(flags, signals);
}
