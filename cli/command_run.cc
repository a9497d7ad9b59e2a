// run, submit, wait: a job from the command line to its end.
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/local_run.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/watch.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::cli {

namespace {

// Names a submission, so that one that is sent twice is one job. It reaches no output.
std::string NewSubmission() {
  char bytes[16] = {};
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return StrCat(::getpid());
  return Hex(std::string_view(bytes, sizeof bytes));
}

struct Request {
  Options options;
  Bundle bundle;
  std::string job;
  std::map<std::string, std::string> job_options;
};

// The job and its options, checked against what the bundle says of itself.
absl::Status Check(const std::vector<std::string>& positional, Request* request) {
  if (positional.empty()) return InvalidArgument("name a job; `mrsubmit jobs` lists them");
  request->job = positional[0];
  MR_ASSIGN_OR_RETURN(request->bundle, OpenBundle(request->options.bundle));
  MR_ASSIGN_OR_RETURN(const JobDescription* job, FindJob(request->bundle, request->job));
  if (positional.size() > 1) {
    return InvalidArgument("unexpected argument ", Quote(positional[1]),
                           ": options of a job are written --name=value");
  }
  return CheckOptions(*job, &request->job_options);
}

absl::StatusOr<pb::SubmitReply> Send(Client& client, const Request& request) {
  pb::SubmitRequest message;
  message.set_bundle(request.bundle.hash);
  message.set_job_name(request.job);
  for (const auto& [name, value] : request.job_options) (*message.mutable_options())[name] = value;
  message.set_submission(NewSubmission());
  const char* user = std::getenv("USER");
  message.set_user(user == nullptr ? StrCat(::getuid()) : std::string(user));
  auto reply = client.Submit(message);
  if (!reply.ok() || !reply->needs_bundle()) return reply;  // the coordinator has it already, as a rule
  MR_RETURN_IF_ERROR(client.PutBundle(request.bundle.path, request.bundle.hash));
  return client.Submit(message);
}

ClientOptions ClientFrom(const Options& options) {
  return {options.coordinator, options.connect_timeout_ms, options.reconnect_timeout_ms};
}

// Parses what run and submit share; the exit code when that is all.
std::optional<int> ParseRequest(OptionTable& table, const Args& args, Request* request) {
  std::vector<std::string> positional;
  AddCoordinator(table, request->options);
  AddBundle(table, request->options);
  AddPrint(table, request->options);
  table.Positional(&positional, "JOB");
  table.Unknown(&request->job_options);
  if (auto code = Parse(table, args)) return code;
  absl::Status status = Check(positional, request);
  if (!status.ok()) return Say(status);
  return std::nullopt;
}

// Of a job that has succeeded: the page that --report asks for.
int Report(const Request& request) {
  const auto file = request.job_options.find("report"), output = request.job_options.find("output");
  if (file == request.job_options.end() || file->second.empty() || output == request.job_options.end())
    return kOk;
  return WriteReportPage(output->second, file->second);
}

}  // namespace

int RunCommand(const Args& args) {
  Request request;
  OptionTable table(
      "mrsubmit run",
      "Runs a job and waits for its end: on the coordinator's workers, or with --local in a process of its "
      "own on this machine. Options of the job follow its name; `mrsubmit jobs JOB` lists them.",
      "[options] JOB [--name=value ...]");
  table.Add("local", &request.options.local, false, "Runs on this machine without coordinator and workers.");
  table.Add("slots", &request.options.slots, 0u, "N", "With --local: tasks at once; 0 = one per CPU.")
      .Range(0, 1024);
  table.AddBytes("slot-memory", &request.options.slot_memory_bytes, 256ull << 20,
                 "With --local: memory of one slot, 64MiB at least; above it a task spills to disk.");
  table.Add("work-dir", &request.options.work_dir, std::string(), "DIR",
            "With --local: segments and spills go into a fresh folder in it, which goes with the run; "
            "default TMPDIR.");
  AddWaiting(table, request.options);
  const bool local = std::any_of(args.begin(), args.end(), [](const std::string& arg) {
    return arg.compare(0, 7, "--local") == 0;  // --local=false only misses the head start
  });
  if (!local) {
    HoldSignals();
    Client::Prepare();
  }
  if (auto code = ParseRequest(table, args, &request)) return *code;
  if (request.options.local) {
    const int code = RunLocally(request.bundle, request.job, request.job_options, request.options);
    return code == kOk ? Report(request) : code;
  }
  for (const char* name : {"slots", "slot-memory", "work-dir"}) {
    if (table.Given(name))
      return Say(StrCat("--", name, " goes with --local; on a fleet each mrworker has its own"), kUsage);
  }
  HoldSignals();
  const auto client = std::make_shared<Client>(ClientFrom(request.options));
  auto reply = Send(*client, request);
  if (!reply.ok()) return Say(reply.status());
  if (reply->error().kind() != pb::ErrorInfo::NONE) return Say(reply->error().message(), kUsage);
  bool succeeded = false;
  const int code = WatchToEnd(client, reply->id(), request.options, &succeeded);
  return succeeded ? Report(request) : code;
}

int SubmitCommand(const Args& args) {
  Request request;
  OptionTable table("mrsubmit submit", "Hands a job to the coordinator, prints its id and returns.",
                    "[options] JOB [--name=value ...]");
  if (auto code = ParseRequest(table, args, &request)) return *code;
  Client client(ClientFrom(request.options));
  auto reply = Send(client, request);
  if (!reply.ok()) return Say(reply.status());
  if (reply->error().kind() != pb::ErrorInfo::NONE) return Say(reply->error().message(), kUsage);
  if (request.options.json()) {
    std::printf("{\"id\": %s}\n", JsonQuote(reply->id()).c_str());
  } else {
    std::printf("%s\n", reply->id().c_str());
  }
  return kOk;
}

int WaitCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table(
      "mrsubmit wait",
      "Waits for the end of a job, without an id of the last one; its exit code is the job's. It outlives "
      "restarts of the coordinator.",
      "[options] [ID]");
  AddCoordinator(table, options);
  AddPrint(table, options);
  AddWaiting(table, options);
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() > 1) return Say("wait takes one id, for instance `mrsubmit wait j-3`", kUsage);
  HoldSignals();
  const auto client = std::make_shared<Client>(ClientFrom(options));
  return WatchToEnd(client, positional.empty() ? "last" : positional[0], options);
}

}  // namespace millrace::cli
