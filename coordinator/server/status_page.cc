// The page: self-contained, no script, tables of jobs and workers.
#include <ctime>

#include "common/base/strings.h"
#include "common/obs/metrics.h"
#include "coordinator/server/http_server.h"

namespace millrace {
namespace {

std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Time(int64_t ms) {
  if (ms == 0) return "";
  const time_t seconds = ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

void Row(std::string* out, const std::vector<std::string>& cells) {
  out->append("<tr>");
  for (const std::string& cell : cells) StrAppend(out, "<td>", Escaped(cell), "</td>");
  out->append("</tr>\n");
}

constexpr char kHead[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" "
    "content=\"5\">"
    "<title>Millrace</title><style>body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#222}"
    "table{border-collapse:collapse;margin-bottom:2rem}td,th{padding:.25rem .8rem;border-bottom:1px solid "
    "#ddd;"
    "text-align:left;vertical-align:top}th{color:#555;font-weight:600}</style></head><body><h1>Millrace</"
    "h1>\n";

}  // namespace

std::string StatusPage(CoordinatorCore& core) {
  std::string out = kHead;
  const pb::ListJobsReply jobs = core.ListJobs();
  StrAppend(
      &out,
      "<h2>Jobs</h2><table><tr><th>id</th><th>job</th><th>state</th><th>tasks</th><th>submitted (UTC)</th>",
      "<th>output</th><th>note</th></tr>\n");
  for (int i = jobs.jobs_size() - 1; i >= 0; --i) {
    const pb::JobStatus& job = jobs.jobs(i);
    uint64_t tasks = 0, done = 0;
    for (const pb::StageStatus& stage : job.stages()) tasks += stage.tasks(), done += stage.done();
    const std::string note = job.error().message().empty() ? job.pending_reason() : job.error().message();
    Row(&out, {job.id(), job.name(), pb::JobStatus::State_Name(job.state()), StrCat(done, " of ", tasks),
               Time(job.submitted_ms()), job.output(), note});
  }
  const pb::ListWorkersReply workers = core.ListWorkers();
  StrAppend(&out, "</table><h2>Workers</h2><table><tr><th>no.</th><th>name</th><th>state</th><th>slots</th>",
            "<th>running</th><th>memory per slot</th><th>numeric profile</th></tr>\n");
  for (const pb::WorkerStatus& worker : workers.workers()) {
    Row(&out, {StrCat(worker.worker()), worker.name(), worker.state(), StrCat(worker.slots()),
               StrCat(worker.running()), HumanBytes(worker.slot_memory_bytes()), worker.profile()});
  }
  out += "</table></body></html>\n";
  return out;
}

std::string MetricsText(CoordinatorCore& core) {
  const CoordinatorCore::Numbers numbers = core.numbers();
  Metrics metrics;
  const auto count = [&](const char* name, const char* help, uint64_t value) {
    metrics.SetCounter(name, help, {}, static_cast<double>(value));
  };
  count("millrace_events_total", "Events that the scheduler took.", numbers.events);
  count("millrace_grants_total", "Tasks given to workers.", numbers.grants);
  count("millrace_reports_total", "Task reports of workers.", numbers.reports);
  count("millrace_worker_messages_total", "Messages of workers.", numbers.messages_in);
  count("millrace_coordinator_messages_total", "Messages to workers.", numbers.messages_out);
  count("millrace_journal_entries_total", "Entries journaled.", numbers.journal_entries);
  count("millrace_journal_transactions_total", "Transactions of the journal.", numbers.journal_transactions);
  const char* ended = "Jobs that ended, by state.";
  metrics.SetCounter("millrace_jobs_total", ended, {{"state", "succeeded"}},
                     static_cast<double>(numbers.jobs_succeeded));
  metrics.SetCounter("millrace_jobs_total", ended, {{"state", "failed"}},
                     static_cast<double>(numbers.jobs_failed));
  metrics.SetCounter("millrace_jobs_total", ended, {{"state", "killed"}},
                     static_cast<double>(numbers.jobs_killed));
  metrics.SetGauge("millrace_jobs_running", "Jobs that are not over.", {}, numbers.jobs_running);
  metrics.SetGauge("millrace_workers", "Workers connected.", {}, numbers.workers);
  metrics.SetGauge("millrace_incarnation", "How often the coordinator started.", {},
                   static_cast<double>(core.incarnation()));
  return metrics.Text();
}

}  // namespace millrace
