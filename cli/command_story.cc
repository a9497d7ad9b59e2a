// events and logs: what happened, line by line.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "common/base/strings.h"

namespace millrace::cli {

namespace {

// "2023-01-03 10:00:00.123"; the milliseconds matter in a story.
std::string Stamp(int64_t time_ms) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, ".%03d", static_cast<int>(time_ms % 1000));
  return TimeText(time_ms) + buffer;
}

}  // namespace

int EventsCommand(const Args& args) {
  Options options;
  int64_t stage = 0, task = 0;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit events",
                    "Tells the story of a job, a stage or a task; without an id of the last job.",
                    "[options] [ID]");
  AddCoordinator(table, options);
  AddPrint(table, options);
  table.Add("stage", &stage, int64_t{-1}, "N", "Only this stage (-1 = all).").Range(-1, 1e9);
  table.Add("task", &task, int64_t{-1}, "N", "Only this task of the stage (-1 = all).").Range(-1, 1e9);
  table.Add("follow", &options.follow, false, "-f for short: goes on until the job ends.");
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() > 1) return Say("events takes one id, for instance `mrsubmit events j-3`", kUsage);
  if (task >= 0 && stage < 0)
    return Say("--task=N needs --stage=N: tasks are counted within a stage", kUsage);
  pb::EventsRequest request;
  request.set_id(positional.empty() ? "last" : positional[0]);
  request.set_stage(static_cast<int32_t>(stage));
  request.set_task(static_cast<int32_t>(task));
  request.set_follow(options.follow);
  Client client({options.coordinator, options.connect_timeout_ms, options.reconnect_timeout_ms});
  absl::Status status = client.Events(request, [&](const pb::StoryLine& line) {
    if (options.json()) {
      std::printf("{\"time_ms\": %lld, \"step\": %llu, \"stage\": %d, \"task\": %d, \"text\": %s}\n",
                  static_cast<long long>(line.time_ms()), static_cast<unsigned long long>(line.step()),
                  line.stage(), line.task(), JsonQuote(line.text()).c_str());
    } else {
      std::printf("%s  %s\n", Stamp(line.time_ms()).c_str(), line.text().c_str());
    }
    std::fflush(stdout);
  });
  return status.ok() ? kOk : Say(status);
}

int LogsCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit logs",
                    "Shows what the executors of a job wrote; without an id of the last job.",
                    "[options] [ID]");
  AddCoordinator(table, options);
  AddPrint(table, options);
  table.Add("follow", &options.follow, false, "-f for short: goes on until the job ends.");
  table.Positional(&positional, "ID");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() > 1) return Say("logs takes one id, for instance `mrsubmit logs j-3`", kUsage);
  pb::LogsRequest request;
  request.set_id(positional.empty() ? "last" : positional[0]);
  request.set_follow(options.follow);
  Client client({options.coordinator, options.connect_timeout_ms, options.reconnect_timeout_ms});
  absl::Status status = client.Logs(request, [&](const pb::LogLine& line) {
    if (options.json()) {
      std::printf("{\"time_ms\": %lld, \"source\": %s, \"text\": %s}\n",
                  static_cast<long long>(line.time_ms()), JsonQuote(line.source()).c_str(),
                  JsonQuote(line.text()).c_str());
    } else {
      std::printf("%s  %s  %s\n", Stamp(line.time_ms()).c_str(), line.source().c_str(), line.text().c_str());
    }
    std::fflush(stdout);
  });
  return status.ok() ? kOk : Say(status);
}

}  // namespace millrace::cli
