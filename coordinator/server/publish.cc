// From a job's book to its last file list and its manifest.
#include <algorithm>

#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/manifest.h"
#include "common/io/publish.h"
#include "coordinator/server/job_book.h"
#include "coordinator/server/translate.h"

namespace millrace::coordinator {
namespace {

const pb::Branch* BranchOf(const pb::Stage& stage, uint32_t task, uint32_t* in_branch) {
  for (const pb::Branch& branch : stage.branches()) {
    if (task < branch.tasks()) return *in_branch = task, &branch;
    task -= branch.tasks();
  }
  return nullptr;
}

// Only a chain that reads its source to the end consumes all of its split.
bool StopsEarly(const pb::Branch& branch) {
  for (const pb::Operator& op : branch.operators()) {
    if (op.kind() == "Head") return true;
  }
  return false;
}

const char* LawName(pb::Law law) {
  switch (law) {
    case pb::LAW_MAP:
      return "map";
    case pb::LAW_FILTER:
      return "filter";
    case pb::LAW_SOURCE:
      return "source";
    case pb::LAW_SINK:
      return "sink";
    default:
      return "";
  }
}

io::LedgerStage LedgerOf(uint32_t id, const StageBook& book) {
  io::LedgerStage stage;
  stage.id = id;
  stage.name = book.spec->name();
  stage.tasks = static_cast<uint32_t>(book.tasks.size());
  stage.split_bytes = book.total_bytes;
  stage.source_bytes = book.sums.source_bytes();
  stage.source_records = book.sums.source_records();
  stage.records_sent = book.sums.records_sent();
  stage.bytes_sent = book.sums.bytes_sent();
  stage.records_received = book.sums.records_received();
  stage.bytes_received = book.sums.bytes_received();
  stage.records_written = book.sums.records_written();
  stage.bytes_written = book.sums.bytes_written();
  stage.records_rejected = book.sums.records_rejected();
  for (const pb::Branch& branch : book.spec->branches()) {
    stage.reads_files |= branch.has_files();
    for (uint32_t input : branch.upstream().stages()) stage.inputs.push_back(input);
    for (const pb::Operator& op : branch.operators()) {
      io::LedgerOperator line;
      line.id = op.id();
      line.label = op.label();
      line.law = LawName(op.law());
      auto count = book.operators.find(op.id());
      if (count != book.operators.end()) {
        line.in = count->second.records_in();
        line.out = count->second.records_out();
        line.dropped = count->second.dropped();
      }
      stage.operators.push_back(std::move(line));
    }
  }
  return stage;
}

io::ManifestTable TableOf(const StageBook& book) {
  const pb::WriteTarget& target = book.spec->write();
  io::ManifestTable table;
  table.folder = target.folder();
  table.format = target.format();
  auto header = target.options().find("header");
  table.header = header == target.options().end() || header->second != "false";
  for (const TaskBook& task : book.tasks) {
    if (!task.file) continue;
    table.parts.push_back(
        {task.file->final_name(), task.file->records(), task.file->bytes(), task.file->sha256()});
  }
  return table;
}

// The manifest of the whole job. `complete`: every task's ledger is in it.
io::SuccessManifest ManifestOf(const JobBook& book, bool* complete) {
  io::SuccessManifest manifest;
  manifest.job = book.request.job_name();
  for (const auto& [name, value] : book.request.options()) manifest.options[name] = value;
  manifest.counters = book.Counters();
  *complete = true;
  for (const auto& [id, stage] : book.stages) {
    manifest.ledger.push_back(LedgerOf(id, stage));
    *complete = *complete && stage.counted == stage.tasks.size();
    if (!stage.spec->has_write()) continue;
    io::ManifestTable table = TableOf(stage);
    // A folder that the steps of a loop wrote one after another is one table.
    const bool in_parts = stage.spec->write().options().count("first_part") > 0;
    const auto same = std::find_if(manifest.tables.begin(), manifest.tables.end(), [&](const auto& other) {
      return in_parts && other.folder == table.folder;
    });
    if (same == manifest.tables.end()) {
      manifest.tables.push_back(std::move(table));
    } else {
      same->parts.insert(same->parts.end(), table.parts.begin(), table.parts.end());
    }
  }
  return manifest;
}

}  // namespace

std::string CheckTaskLedger(const pb::Stage& stage, const pb::TaskReport& report) {
  uint32_t in_branch = 0;
  const pb::Branch* branch = BranchOf(stage, report.id().task(), &in_branch);
  if (branch == nullptr) return "";  // the scheduler knows no such task either
  const pb::TaskLedger& ledger = report.ledger();
  const std::string where = StrCat("the ledger of stage ", stage.id(), " (", stage.name(), ") task ",
                                   report.id().task(), " does not balance: ");
  for (const pb::OperatorCount& count : ledger.operators()) {
    for (const pb::Operator& op : branch->operators()) {
      if (op.id() != count.operator_() || op.law() == pb::LAW_NONE || op.law() == pb::LAW_SINK) continue;
      if (count.records_in() == count.records_out() + count.dropped()) continue;
      return StrCat(where, op.label(), " took ", count.records_in(), " records, gave ", count.records_out(),
                    " and dropped ", count.dropped());
    }
  }
  if (branch->has_files() && static_cast<int>(in_branch) < branch->files().splits_size() &&
      !StopsEarly(*branch)) {
    const pb::Split& split = branch->files().splits(static_cast<int>(in_branch));
    if (ledger.source_bytes() != split.end() - split.begin()) {
      return StrCat(where, "its split has ", split.end() - split.begin(), " bytes and ",
                    ledger.source_bytes(), " were read");
    }
  }
  return "";
}

std::string PlanDifference(const pb::Plan& logged, const pb::Plan& now) {
  const auto same = [](const auto& a, const auto& b) {
    return a.SerializeAsString() == b.SerializeAsString();
  };
  for (int i = 0; i < std::min(logged.stages_size(), now.stages_size()); ++i) {
    const pb::Stage &before = logged.stages(i), &after = now.stages(i);
    const std::string stage = StrCat("stage ", before.id(), " (", before.name(), ")");
    if (before.branches_size() != after.branches_size()) return StrCat(stage, " has other inputs");
    for (int b = 0; b < before.branches_size(); ++b) {
      const pb::Branch &old_branch = before.branches(b), &new_branch = after.branches(b);
      for (int o = 0; o < std::min(old_branch.operators_size(), new_branch.operators_size()); ++o) {
        const pb::Operator &was = old_branch.operators(o), &is = new_branch.operators(o);
        if (was.function() != is.function() || was.kind() != is.kind()) {
          return StrCat(stage, ", where ", was.label(), " became ", is.label());
        }
        if (was.values() != is.values() || !same(was.shared(), is.shared()))
          return StrCat("the values that ", was.label(), " of ", stage, " was given");
      }
      if (old_branch.operators_size() != new_branch.operators_size())
        return StrCat(stage, " has other operators");
      if (!same(old_branch, new_branch)) return StrCat(stage, " reads other data");
    }
    if (!same(before, after)) return StrCat(stage, " has another target");
  }
  if (logged.stages_size() != now.stages_size()) return "the number of stages";
  return same(logged, now) ? "" : "the options of the plan";
}

absl::StatusOr<pb::FileList> MakeFileList(const JobBook& book, uint64_t request, bool commit) {
  pb::FileList list;
  list.set_job(book.id);
  list.set_request(request);
  list.set_output(book.output());
  const std::string temporary = JoinPath(list.output(), io::kTemporaryName);
  list.add_remove(temporary);
  list.set_remove_output_if_created(!commit);
  if (!commit) return list;
  bool complete = false;
  const io::SuccessManifest manifest = ManifestOf(book, &complete);
  if (complete) {
    const std::vector<io::Difference> differences = io::VerifyLedger(manifest);
    if (!differences.empty()) return Internal("the ledger does not balance: ", differences[0].message);
  }
  for (const auto& [id, stage] : book.stages) {
    for (const auto& [task, rejects] : stage.rejects) {
      pb::FileList::Rename* rename = list.add_renames();
      rename->set_from(rejects);
      rename->set_to(JoinPath(list.output(), StrCat("_rejects/s", id, "-t", task, ".txt")));
    }
    if (!stage.spec->has_write()) continue;
    if (stage.spec->write().overwrite()) list.set_overwrite(true);
    for (const TaskBook& task : stage.tasks) {
      if (!task.file) continue;
      pb::FileList::Rename* rename = list.add_renames();
      rename->set_from(task.file->temporary());
      rename->set_to(JoinPath(list.output(), task.file->final_name()));
      rename->set_bytes(task.file->bytes());
    }
  }
  pb::FileList::SmallFile* success = list.add_files();
  success->set_path(JoinPath(list.output(), io::kSuccessName));
  success->set_contents(io::FormatManifest(manifest));
  return list;
}

}  // namespace millrace::coordinator
