// report: the page of a job's report, made again from its output.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/report.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/report/html.h"

namespace millrace::cli {

int WriteReportPage(const std::string& output, const std::string& file) {
  const std::string source = JoinPath(output, "report.json");
  if (!IsDirectory(output)) {
    return Say(
        StrCat("there is no output folder ", output, " here; `mrsubmit report` makes the page where it is"),
        kUsage);
  }
  if (!FileExists(source)) {
    return Say(StrCat(output, " has no report.json: its job makes no report, or is not finished"), kUsage);
  }
  auto json = ReadFile(source);
  if (!json.ok()) return Say(json.status());
  auto page = report::RenderHtml(*json);
  if (!page.ok()) return Say(StrCat(source, ": ", MessageOf(page.status())), kJobFailed);
  if (absl::Status status = WriteFile(file, *page); !status.ok()) return Say(status);
  std::printf("  report   %s\n", file.c_str());
  return kOk;
}

int ReportCommand(const Args& args) {
  std::vector<std::string> positional;
  std::string file = "report.html";
  OptionTable table(
      "mrsubmit report",
      "Makes the page of a job's report again, from the report.json in its output. The page needs no "
      "network and nothing beside it.",
      "[options] OUTPUT");
  table.Add("page", &file, file, "FILE", "Where to write it; replaced if it is there.");
  table.Positional(&positional, "OUTPUT");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() != 1)
    return Say("report takes one output folder, for instance `mrsubmit report out`", kUsage);
  return WriteReportPage(positional[0], file);
}

}  // namespace millrace::cli
