// How the bytes of an input become records: the options of FileSource, parsed and checked.
//
// Keys of FileSource.options (all optional):
//   delimiter     csv: one byte, default ","; "\t" and "tab" mean a tab
//   header        csv: "true" (default) or "false"; without one the columns are c0, c1, ...
//   quote         csv: "true" (default); "false" takes quotes as ordinary bytes (and plans without a scan)
//   strip_cr      text: "true" drops a CR before the LF; default "false"
//   record_bytes  fixed: size of a record, 1 or more
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/plan.pb.h"
#include "proto/task.pb.h"

namespace millrace::io {

enum class Format { kText, kCsv, kJsonl, kFixed, kParquet };

struct FormatOptions {
  Format format = Format::kText;
  char delimiter = ',';
  bool header = true;
  bool quote = true;
  bool strip_cr = false;
  uint64_t record_bytes = 0;
};

// kInvalidArgument names the option and its value.
absl::StatusOr<FormatOptions> ParseFormat(std::string_view format,
                                          const std::map<std::string, std::string>& options);
absl::StatusOr<FormatOptions> ParseFormat(const pb::FileSource& source);

// A status of this room as the error of a task: bad or changed input is deterministic (BAD_INPUT), what the
// machine did (disk full, read error) is SYSTEM.
pb::ErrorInfo ToErrorInfo(const absl::Status& status);

}  // namespace millrace::io
