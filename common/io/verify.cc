// The checks of `mrsubmit verify`.
#include <algorithm>
#include <map>
#include <set>

#include "common/base/files.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/manifest.h"
#include "common/io/publish.h"

namespace millrace::io {
namespace {

using Differences = std::vector<Difference>;

void CheckOperator(const LedgerStage& stage, const LedgerOperator& op, Differences* out) {
  const std::string who =
      StrCat("stage ", stage.id, " (", stage.name, "), operator ", op.id, " ", op.label, ": ");
  const std::string counts = StrCat(op.in, " in, ", op.out, " out, ", op.dropped, " dropped");
  if (op.law == "map" && op.in != op.out) {
    out->push_back({"ledger", StrCat(who, "a map must give as many records as it takes (", counts, ")")});
  } else if (op.law == "filter" && op.in != op.out + op.dropped) {
    out->push_back({"ledger", StrCat(who, "what a filter takes must be given or dropped (", counts, ")")});
  } else if (op.law == "source" && op.in != op.out + op.dropped) {
    out->push_back({"ledger", StrCat(who, "what a source reads must be given or skipped (", counts, ")")});
  }
}

// Counts records as the file goes by.
class RecordCounter {
 public:
  explicit RecordCounter(std::string_view format)
      : csv_(format == "csv"), counts_(csv_ || format == "tsv" || format == "jsonl" || format == "text") {}
  void Add(std::string_view bytes) {
    if (!counts_) return;
    for (const char c : bytes) {
      if (csv_ && c == '"') inside_ = !inside_;
      lines_ += c == '\n' && !inside_;
    }
  }
  bool counts() const { return counts_; }
  uint64_t lines() const { return lines_; }

 private:
  bool csv_, counts_, inside_ = false;
  uint64_t lines_ = 0;
};

void CheckPart(const std::string& folder, const ManifestTable& table, const ManifestPart& part,
               Differences* out) {
  const std::string path = JoinPath(folder, part.path);
  const auto info = StatFile(path);
  if (!info.ok() || !info->is_regular) {
    out->push_back({part.path, "the part is missing"});
    return;
  }
  if (info->size != part.bytes) {
    out->push_back({part.path, StrCat("has ", info->size, " bytes, _SUCCESS says ", part.bytes)});
    return;
  }
  const auto fd = OpenForRead(path);
  if (!fd.ok()) {
    out->push_back({part.path, MessageOf(fd.status())});
    return;
  }
  Sha256 sha;
  RecordCounter counter(table.format);
  std::string buffer(size_t{1} << 20, '\0');
  for (uint64_t at = 0; at < part.bytes;) {
    const auto got = PRead(fd->get(), buffer.data(), buffer.size(), at, path);
    if (!got.ok() || *got == 0) {
      out->push_back(
          {part.path, got.ok() ? "the part became shorter while it was read" : MessageOf(got.status())});
      return;
    }
    const std::string_view bytes(buffer.data(), *got);
    sha.Update(bytes);
    counter.Add(bytes);
    at += *got;
  }
  const std::string digest = sha.FinishHex();
  if (digest != part.sha256) {
    out->push_back({part.path, StrCat("its bytes differ from what was written: SHA-256 ", digest,
                                      ", _SUCCESS says ", part.sha256)});
  }
  const uint64_t header = table.format == "csv" && table.header ? 1 : 0;
  if (counter.counts() && counter.lines() != part.records + header) {
    out->push_back({part.path, StrCat("holds ", counter.lines() - std::min(counter.lines(), header),
                                      " records, _SUCCESS says ", part.records)});
  }
}

// Files that no part names; names that begin with _ or . are ours or the system's.
void CheckStrangers(const std::string& root, const std::string& relative, const std::set<std::string>& known,
                    Differences* out) {
  const auto names = ListDir(JoinPath(root, relative));
  if (!names.ok()) {
    out->push_back({relative, MessageOf(names.status())});
    return;
  }
  for (const std::string& name : *names) {
    if (name[0] == '_' || name[0] == '.') continue;
    const std::string path = relative.empty() ? name : JoinPath(relative, name);
    if (IsDirectory(JoinPath(root, path))) {
      CheckStrangers(root, path, known, out);
    } else if (known.count(path) == 0) {
      out->push_back({path, "is not part of this output"});
    }
  }
}

}  // namespace

std::vector<Difference> VerifyLedger(const SuccessManifest& manifest) {
  Differences out;
  std::map<uint32_t, const LedgerStage*> stages;
  for (const LedgerStage& stage : manifest.ledger) stages[stage.id] = &stage;
  uint64_t records_written = 0, bytes_written = 0;
  for (const LedgerStage& stage : manifest.ledger) {
    const std::string who = StrCat("stage ", stage.id, " (", stage.name, ") ");
    uint64_t records = 0, bytes = 0;
    for (const uint32_t input : stage.inputs) {
      const auto from = stages.find(input);
      if (from == stages.end()) {
        out.push_back({"ledger", StrCat(who, "reads stage ", input, ", which is not in the ledger")});
        continue;
      }
      records += from->second->records_sent;
      bytes += from->second->bytes_sent;
    }
    if (stage.records_received != records || stage.bytes_received != bytes) {
      out.push_back(
          {"ledger", StrCat(who, "received ", stage.records_received, " records (", stage.bytes_received,
                            " bytes), but ", records, " (", bytes, " bytes) were sent to it")});
    }
    if (stage.reads_files && stage.source_bytes != stage.split_bytes) {
      out.push_back({"ledger", StrCat(who, "read ", stage.source_bytes, " of the ", stage.split_bytes,
                                      " bytes of its input")});
    }
    for (const LedgerOperator& op : stage.operators) CheckOperator(stage, op, &out);
    records_written += stage.records_written;
    bytes_written += stage.bytes_written;
  }
  uint64_t part_records = 0, part_bytes = 0;
  for (const ManifestTable& table : manifest.tables) {
    for (const ManifestPart& part : table.parts) {
      part_records += part.records;
      part_bytes += part.bytes;
    }
  }
  if (part_records != records_written || part_bytes != bytes_written) {
    out.push_back(
        {"ledger", StrCat("the tasks wrote ", records_written, " records (", bytes_written,
                          " bytes), but the parts hold ", part_records, " (", part_bytes, " bytes)")});
  }
  return out;
}

absl::StatusOr<std::vector<Difference>> VerifyOutput(const std::string& folder) {
  if (!IsDirectory(folder))
    return NotFound("output ", Quote(folder, 400), " is not a folder; is the path right?");
  auto text = ReadFile(JoinPath(folder, kSuccessName));
  if (!text.ok()) {
    if (text.status().code() != absl::StatusCode::kNotFound) return text.status();
    return NotFound(folder, " holds no _SUCCESS: the job has not finished, or this is not the output of one");
  }
  MR_ASSIGN_OR_RETURN(const SuccessManifest manifest, ParseManifest(*text));
  Differences out;
  std::set<std::string> known;
  for (const ManifestTable& table : manifest.tables) {
    for (const ManifestPart& part : table.parts) {
      if (!known.insert(part.path).second) out.push_back({part.path, "is named twice in _SUCCESS"});
      CheckPart(folder, table, part, &out);
    }
  }
  CheckStrangers(folder, "", known, &out);
  for (Difference& difference : VerifyLedger(manifest)) out.push_back(std::move(difference));
  return out;
}

}  // namespace millrace::io
