// verify: an output against its own _SUCCESS.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/manifest.h"

namespace millrace::cli {

int VerifyCommand(const Args& args) {
  Options options;
  std::vector<std::string> positional;
  OptionTable table("mrsubmit verify",
                    "Checks sizes, digests and record counts of an output and its ledger's equations.",
                    "[options] OUTPUT");
  AddPrint(table, options);
  table.Positional(&positional, "OUTPUT");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() != 1)
    return Say("verify takes one output folder, for instance `mrsubmit verify out`", kUsage);
  const std::string& folder = positional[0];
  if (!IsDirectory(folder)) return Say(StrCat("there is no output folder ", folder), kUsage);
  if (!FileExists(JoinPath(folder, "_SUCCESS"))) {
    return Say(StrCat(folder, " has no _SUCCESS: it is no finished output of a job"), kJobFailed);
  }
  auto differences = io::VerifyOutput(folder);
  if (!differences.ok()) return Say(MessageOf(differences.status()), kJobFailed);
  if (options.json()) {
    std::string text;
    for (const io::Difference& difference : *differences) {
      StrAppend(&text, text.empty() ? "" : ",\n  ", "{\"path\": ", JsonQuote(difference.path),
                ", \"message\": ", JsonQuote(difference.message), "}");
    }
    std::printf("{\"output\": %s, \"ok\": %s, \"differences\": [%s]}\n", JsonQuote(folder).c_str(),
                differences->empty() ? "true" : "false", text.c_str());
  } else if (differences->empty()) {
    auto text = ReadFile(JoinPath(folder, "_SUCCESS"));
    size_t parts = 0;
    uint64_t records = 0, bytes = 0;
    if (auto manifest =
            text.ok() ? io::ParseManifest(*text) : absl::StatusOr<io::SuccessManifest>(text.status());
        manifest.ok()) {
      for (const auto& one : manifest->tables) {
        for (const auto& part : one.parts) {
          ++parts;
          records += part.records;
          bytes += part.bytes;
        }
      }
    }
    std::printf("%s: good, %zu files, %s records, %s; digests agree and the ledger balances\n",
                folder.c_str(), parts, StrCat(records).c_str(), HumanBytes(bytes).c_str());
  } else {
    for (const io::Difference& difference : *differences) {
      std::printf("%s: %s\n", difference.path.c_str(), difference.message.c_str());
    }
  }
  if (differences->empty()) return kOk;
  return Say(StrCat(folder, " is not what the job wrote: ", differences->size(),
                    differences->size() == 1 ? " difference" : " differences"),
             kJobFailed);
}

}  // namespace millrace::cli
