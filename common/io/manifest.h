// _SUCCESS: what an output holds and how it came about. JSON with sorted keys, the same bytes for the same
// job.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace millrace::io {

struct ManifestPart {
  std::string path;  // relative to the output
  uint64_t records = 0, bytes = 0;
  std::string sha256;
};

struct ManifestTable {
  std::string folder;  // "" for the root
  std::string format;  // "csv", ...
  bool header = true;  // csv: every part begins with a header line
  std::vector<std::string> columns;
  std::vector<ManifestPart> parts;  // in partition order
};

struct LedgerOperator {
  uint32_t id = 0;
  std::string label, law;  // law: "map", "filter", "source", "sink" or ""
  uint64_t in = 0, out = 0, dropped = 0;
};

// Sums over the winners of a stage.
struct LedgerStage {
  uint32_t id = 0;
  std::string name;
  uint32_t tasks = 0;
  std::vector<uint32_t> inputs;  // stages it reads
  bool reads_files = false;
  uint64_t source_bytes = 0, source_records = 0,
           split_bytes = 0;  // consumed; split_bytes: what the splits cover
  uint64_t records_sent = 0, bytes_sent = 0;
  uint64_t records_received = 0, bytes_received = 0;
  uint64_t records_written = 0, bytes_written = 0;
  uint64_t records_rejected = 0;
  std::vector<LedgerOperator> operators;
};

struct SuccessManifest {
  uint32_t version = 1;  // of this schema
  std::string job;
  std::map<std::string, std::string> options;
  std::vector<ManifestTable> tables;
  std::vector<LedgerStage> ledger;
  std::map<std::string, int64_t> counters;
};

std::string FormatManifest(const SuccessManifest& manifest);  // ends with LF
// Refuses what is not a manifest (kInvalidArgument says where and why), never crashes.
absl::StatusOr<SuccessManifest> ParseManifest(std::string_view json);

struct Difference {
  std::string path;     // "part-00003.csv", "ledger"
  std::string message;  // one sentence
};

// The ledger's equations: what stages send is received, operators obey their laws, splits are consumed, what
// sinks take is in the parts.
std::vector<Difference> VerifyLedger(const SuccessManifest& manifest);
// All of it: sizes, digests and record counts of the parts, files that nobody names, and the ledger. An error
// status only when there is no readable manifest.
absl::StatusOr<std::vector<Difference>> VerifyOutput(const std::string& folder);

}  // namespace millrace::io
