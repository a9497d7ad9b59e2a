// The first record of a CSV file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/io/format.h"
#include "proto/plan.pb.h"

namespace millrace::io {

struct CsvHeader {
  std::vector<std::string>
      fields;         // of the first record, byte order mark dropped; none when the file is empty
  bool more = false;  // bytes follow the first record
  bool any = false;   // the file has a byte
};

// Reads as much of the file as it takes. Errors: a misplaced quote, no line end within 16 MiB.
absl::StatusOr<CsvHeader> ReadCsvHeader(const pb::InputFile& file, const FormatOptions& format);

}  // namespace millrace::io
