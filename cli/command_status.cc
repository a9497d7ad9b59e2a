// list, status, workers, counters, kill: one question, one answer.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "common/base/strings.h"
#include "common/progress/progress.h"

namespace millrace::cli {

namespace {

ClientOptions ClientFrom(const Options& options) {
  return {options.coordinator, options.connect_timeout_ms, options.reconnect_timeout_ms};
}

std::string Elapsed(const pb::JobStatus& job) {
  if (job.finished_ms() == 0) return "-";
  return HumanDuration(static_cast<double>(std::max<int64_t>(job.finished_ms() - job.submitted_ms(), 0)) /
                       1000);
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  if (!text.empty() && text.back() != '\n') std::fputc('\n', stdout);
}

std::string StatusText(const pb::JobStatus& job) {
  std::string text = JobLine(job) + "\n";
  StrAppend(&text, "  submitted ", TimeText(job.submitted_ms()), ", finished ", TimeText(job.finished_ms()),
            ", took ", Elapsed(job), "\n");
  if (!job.output().empty()) StrAppend(&text, "  output    ", job.output(), "\n");
  StrAppend(&text, "  written   ", job.records_written(), " records, ", HumanBytes(job.bytes_written()),
            "; actions done ", job.actions_done(), ", driver epoch ", job.driver_epoch(), "\n");
  std::vector<std::vector<std::string>> rows = {
      {"stage", "name", "action", "done", "running", "failed", "records", "bytes", "pending"}};
  for (const pb::StageStatus& stage : job.stages()) {
    rows.push_back({StrCat(stage.stage()), stage.name(), StrCat(stage.action()),
                    StrCat(stage.done(), "/", stage.tasks()), StrCat(stage.running()),
                    StrCat(stage.failed_attempts()), HumanCount(stage.records()), HumanBytes(stage.bytes()),
                    stage.pending_reason()});
  }
  if (rows.size() > 1) text += Table(rows);
  return text;
}

// The id among the positional arguments, "last" without one; nothing, after a sentence, when there are
// several.
std::optional<std::string> OneId(const std::string& command, const std::vector<std::string>& positional) {
  if (positional.size() <= 1) return positional.empty() ? "last" : positional[0];
  Say(StrCat(command, " takes one id, for instance `mrsubmit ", command, " j-3`"), kUsage);
  return std::nullopt;
}

// Prints rows below a heading, or what there is to say when there are none.
void PrintTable(const std::vector<std::vector<std::string>>& rows, const std::string& none) {
  Print(rows.size() == 1 ? none : Table(rows));
}

}  // namespace

int ListCommand(const Args& args) {
  Options options;
  OptionTable table("mrsubmit list", "Lists the jobs of the coordinator.");
  AddCoordinator(table, options);
  AddPrint(table, options);
  if (auto code = Parse(table, args)) return *code;
  Client client(ClientFrom(options));
  auto reply = client.ListJobs();
  if (!reply.ok()) return Say(reply.status());
  if (options.json()) {
    Print(JobsJson(*reply));
    return kOk;
  }
  std::vector<std::vector<std::string>> rows = {
      {"id", "job", "state", "submitted", "took", "records", "output"}};
  for (const pb::JobStatus& job : reply->jobs()) {
    rows.push_back({job.id(), job.name(), StateName(job.state()), TimeText(job.submitted_ms()), Elapsed(job),
                    StrCat(job.records_written()),
                    job.pending_reason().empty() ? job.output() : "pending: " + job.pending_reason()});
  }
  PrintTable(rows, "no jobs yet; `mrsubmit run JOB --input=... --output=...` makes one");
  return kOk;
}

int StatusCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit status", "Shows one job; without an id the last one.", "[options] [ID]");
  AddCoordinator(table, options);
  AddPrint(table, options);
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  const auto id = OneId("status", positional);
  if (!id) return kUsage;
  Client client(ClientFrom(options));
  auto job = client.GetJob(*id);
  if (!job.ok()) return Say(job.status());
  Print(options.json() ? JobJson(*job) : StatusText(*job));
  return kOk;
}

int WorkersCommand(const Args& args) {
  Options options;
  OptionTable table("mrsubmit workers", "Lists the workers of the coordinator.");
  AddCoordinator(table, options);
  AddPrint(table, options);
  if (auto code = Parse(table, args)) return *code;
  Client client(ClientFrom(options));
  auto reply = client.ListWorkers();
  if (!reply.ok()) return Say(reply.status());
  if (options.json()) {
    Print(WorkersJson(*reply));
    return kOk;
  }
  std::vector<std::vector<std::string>> rows = {
      {"worker", "name", "state", "slots", "running", "drivers", "slot memory", "bulk", "numeric profile"}};
  for (const pb::WorkerStatus& worker : reply->workers()) {
    rows.push_back({StrCat(worker.worker()), worker.name(), worker.state(), StrCat(worker.slots()),
                    StrCat(worker.running()), StrCat(worker.drivers()),
                    HumanBytes(worker.slot_memory_bytes()), worker.bulk_address(),
                    worker.profile().substr(0, 12)});
  }
  PrintTable(
      rows,
      StrCat("no worker is connected; start one with `mrworker --coordinator=", options.coordinator, "`"));
  return kOk;
}

int CountersCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit counters", "Shows the counters of a job's own code.", "[options] [ID]");
  AddCoordinator(table, options);
  AddPrint(table, options);
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  const auto id = OneId("counters", positional);
  if (!id) return kUsage;
  Client client(ClientFrom(options));
  auto reply = client.GetCounters(*id);
  if (!reply.ok()) return Say(reply.status());
  if (options.json()) {
    Print(CountersJson(*reply));
    return kOk;
  }
  std::vector<std::vector<std::string>> rows = {{"counter", "value"}};
  for (const pb::Counter& counter : reply->counters())
    rows.push_back({counter.name(), StrCat(counter.value())});
  PrintTable(rows, "the job counted nothing");
  return kOk;
}

int KillCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit kill", "Stops a job; what it wrote is removed.", "[options] ID");
  AddCoordinator(table, options);
  AddPrint(table, options);
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() != 1)
    return Say("kill takes the id of one job, for instance `mrsubmit kill j-3`", kUsage);
  Client client(ClientFrom(options));
  auto job = client.KillJob(positional[0]);
  if (!job.ok()) return Say(job.status());
  if (options.json()) {
    Print(JobJson(*job));
  } else if (job->state() == pb::JobStatus::SUCCEEDED || job->state() == pb::JobStatus::FAILED) {
    Print(StrCat(job->id(), " had already ", StateName(job->state()), "; nothing was killed"));
  } else {
    Print(
        StrCat(job->id(), " is being killed; `mrsubmit wait ", job->id(), "` ends when its files are gone"));
  }
  return kOk;
}

}  // namespace millrace::cli
