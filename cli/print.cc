#include "cli/print.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace millrace::cli {

using nlohmann::ordered_json;

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] + 2 - row[i].size(), ' ');
    }
    out += line + "\n";
  }
  return out;
}

const char* StateName(pb::JobStatus::State state) {
  switch (state) {
    case pb::JobStatus::PENDING:
      return "pending";
    case pb::JobStatus::RUNNING:
      return "running";
    case pb::JobStatus::PUBLISHING:
      return "publishing";
    case pb::JobStatus::SUCCEEDED:
      return "succeeded";
    case pb::JobStatus::FAILED:
      return "failed";
    case pb::JobStatus::KILLED:
      return "killed";
    default:
      return "unknown";
  }
}

namespace {

ordered_json ToJson(const pb::StageStatus& stage) {
  return ordered_json{{"stage", stage.stage()},
                      {"name", stage.name()},
                      {"action", stage.action()},
                      {"tasks", stage.tasks()},
                      {"done", stage.done()},
                      {"running", stage.running()},
                      {"failed_attempts", stage.failed_attempts()},
                      {"records", stage.records()},
                      {"bytes", stage.bytes()},
                      {"total_bytes", stage.total_bytes()},
                      {"pending_reason", stage.pending_reason()}};
}

ordered_json ToJson(const google::protobuf::RepeatedPtrField<pb::Counter>& counters) {
  ordered_json out = ordered_json::object();
  for (const pb::Counter& counter : counters) out[counter.name()] = counter.value();
  return out;
}

ordered_json ToJson(const pb::JobStatus& job) {
  ordered_json stages = ordered_json::array();
  for (const pb::StageStatus& stage : job.stages()) stages.push_back(ToJson(stage));
  ordered_json options = ordered_json::object();
  std::vector<std::string> names;
  for (const auto& entry : job.options()) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) options[name] = job.options().at(name);
  ordered_json error = nullptr;
  if (job.error().kind() != pb::ErrorInfo::NONE) {
    error = ordered_json{{"kind", pb::ErrorInfo::Kind_Name(job.error().kind())},
                         {"message", job.error().message()},
                         {"operator", job.error().operator_label()},
                         {"record", job.error().record()},
                         {"signal", job.error().signal()}};
  }
  return ordered_json{{"id", job.id()},
                      {"name", job.name()},
                      {"state", StateName(job.state())},
                      {"pending_reason", job.pending_reason()},
                      {"running_tasks", job.running_tasks()},
                      {"actions_done", job.actions_done()},
                      {"driver_epoch", job.driver_epoch()},
                      {"output", job.output()},
                      {"records_written", job.records_written()},
                      {"bytes_written", job.bytes_written()},
                      {"submitted_ms", job.submitted_ms()},
                      {"started_ms", job.started_ms()},
                      {"finished_ms", job.finished_ms()},
                      {"bundle", job.bundle()},
                      {"options", options},
                      {"stages", stages},
                      {"counters", ToJson(job.counters())},
                      {"error", error}};
}

std::string Text(const ordered_json& value) {
  // Names of files need not be UTF-8; replacing is better than an exception.
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string JobJson(const pb::JobStatus& job) { return Text(ToJson(job)); }

std::string JobsJson(const pb::ListJobsReply& reply) {
  ordered_json out = ordered_json::array();
  for (const pb::JobStatus& job : reply.jobs()) out.push_back(ToJson(job));
  return Text(out);
}

std::string WorkersJson(const pb::ListWorkersReply& reply) {
  ordered_json out = ordered_json::array();
  for (const pb::WorkerStatus& worker : reply.workers()) {
    ordered_json roots = ordered_json::array();
    for (const std::string& root : worker.shared_roots()) roots.push_back(root);
    out.push_back(ordered_json{{"worker", worker.worker()},
                               {"name", worker.name()},
                               {"state", worker.state()},
                               {"slots", worker.slots()},
                               {"running", worker.running()},
                               {"drivers", worker.drivers()},
                               {"slot_memory_bytes", worker.slot_memory_bytes()},
                               {"rss_bytes", worker.rss_bytes()},
                               {"bulk_address", worker.bulk_address()},
                               {"last_heard_ms", worker.last_heard_ms()},
                               {"profile", worker.profile()},
                               {"profile_text", worker.profile_text()},
                               {"shared_roots", roots}});
  }
  return Text(out);
}

std::string CountersJson(const pb::CountersReply& reply) { return Text(ToJson(reply.counters())); }

std::string FailureSentence(const pb::JobStatus& job) {
  std::string message = job.error().message();
  if (message.empty()) message = "no reason was recorded; `mrsubmit events` tells its story";
  std::string text = StrCat(job.id(), " failed: ", message);
  const std::string& label = job.error().operator_label();
  if (!label.empty() && message.find(label) == std::string::npos) StrAppend(&text, " (in ", label, ")");
  return text;
}

std::string TimeText(int64_t time_ms) {
  if (time_ms == 0) return "-";
  const std::time_t seconds = time_ms / 1000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char buffer[32];
  return std::string(buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S", &local));
}

}  // namespace millrace::cli
