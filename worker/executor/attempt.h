// One attempt of one task as its operators see it, and its report.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/io/temp_file.h"
#include "common/pipeline/runtime.h"
#include "proto/executor.pb.h"
#include "worker/executor/record_sorter.h"
#include "worker/executor/shared_values.h"
#include "worker/executor/shuffle_input.h"
#include "worker/executor/shuffle_output.h"

namespace millrace {

// What an attempt is made from. Everything outlives it.
struct AttemptSpec {
  pb::AttemptId id;
  std::shared_ptr<const pb::StageSpec> stage;
  std::vector<std::shared_ptr<const pb::Manifest>> inputs;  // by tag
};

// What the executor lends it.
struct AttemptPlace {
  std::string job_dir;  // absolute; <worker's work-dir>/j<job>: holds segments/ and spill/
  uint32_t worker = 0;
  uint64_t slot_memory_bytes = 64 << 20;
  SlotArena* arena = nullptr;
  std::function<Fetcher*()> fetcher;
  SegmentCache* segments = nullptr;  // shared by the slots; may be null
  SharedValues* shared = nullptr;    // null where no plan names one
};

class Attempt final : public TaskContext {
 public:
  Attempt(AttemptSpec spec, AttemptPlace place);
  ~Attempt() override;

  // Runs the operators of the task's branch over its source and completes its output. Everything that
  // user code throws ends in the report. Call once.
  pb::TaskReport Run();
  // From any thread: the attempt stops at its next record and reports OUTCOME_CANCELLED.
  void Cancel();
  const pb::AttemptId& id() const { return spec_.id; }
  // The operator at hand, by the counts: exact for maps and filters, the last other operator that took a
  // record else. Async-signal-safe.
  const char* CulpritLabel() const;

  const pb::Stage& stage() const override { return spec_.stage->stage(); }
  const pb::Branch& branch() const override { return *branch_; }
  const pb::TaskOptions& options() const override { return spec_.stage->options(); }
  uint32_t task() const override { return spec_.id.task(); }
  uint32_t task_in_branch() const override { return task_in_branch_; }
  uint64_t memory_bytes() const override { return place_.slot_memory_bytes; }
  ShuffleOutput& shuffle_output() override;
  ShuffleInput& shuffle_input() override;
  FileOutput& file_output() override;
  const std::string& SharedValue(const std::string& digest) override;
  void SetResult(std::string encoded) override;
  void Fail(pb::ErrorInfo error) override;
  OperatorCounts& counts(uint32_t operator_id) override;
  int64_t& counter(std::string_view name) override;
  pb::TaskLedger& ledger() override { return ledger_; }
  void BadRecord(std::string message, std::string_view raw) override;
  void KeepRecord() override;

 private:
  class File;
  void RunOperators();
  void UserError(const std::string& what);
  void FinishOutputs(pb::TaskReport* report);
  void FillLedger();
  void FailMissing(std::vector<pb::MissingInput> missing);
  std::string TemporaryFile() const;

  const AttemptSpec spec_;
  const AttemptPlace place_;
  const std::string name_;  // "s3-t7-a2-5"
  const pb::Branch* branch_ = nullptr;
  uint32_t task_in_branch_ = 0;

  std::unique_ptr<SegmentOutput> shuffle_output_;
  std::unique_ptr<MergedInput> shuffle_input_;
  std::unique_ptr<File> file_;
  std::unique_ptr<io::TempFileOutput> rejects_;
  std::string result_;
  bool has_result_ = false;

  std::vector<OperatorCounts> counts_;  // as the branch's operators
  OperatorCounts stray_counts_;
  std::map<std::string, int64_t, std::less<>> counters_;
  pb::TaskLedger ledger_;
  std::vector<std::shared_ptr<const std::string>> shared_;  // operators hold views into them

  std::atomic<bool> cancelled_{false};
  std::string kept_record_;  // printable: of an exception on its way
  bool failed_ = false;
  pb::ErrorInfo error_;
  std::vector<pb::MissingInput> missing_;
  uint64_t bad_records_ = 0;
};

}  // namespace millrace
