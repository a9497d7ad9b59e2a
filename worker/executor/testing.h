// For this room's tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/pipeline/runtime.h"

namespace millrace {

// A task context that only keeps its first error.
class FakeContext : public TaskContext {
 public:
  const pb::Stage& stage() const override { return stage_; }
  const pb::Branch& branch() const override { return branch_; }
  const pb::TaskOptions& options() const override { return options_; }
  uint32_t task() const override { return 0; }
  uint32_t task_in_branch() const override { return 0; }
  uint64_t memory_bytes() const override { return 64 << 20; }
  ShuffleOutput& shuffle_output() override { std::abort(); }
  ShuffleInput& shuffle_input() override { std::abort(); }
  FileOutput& file_output() override { std::abort(); }
  const std::string& SharedValue(const std::string&) override { std::abort(); }
  void SetResult(std::string) override {}
  void Fail(pb::ErrorInfo e) override {
    if (!stopped()) error = std::move(e);
    Stop();
  }
  OperatorCounts& counts(uint32_t id) override { return counts_[id]; }
  int64_t& counter(std::string_view name) override { return counters_[std::string(name)]; }
  pb::TaskLedger& ledger() override { return ledger_; }
  void BadRecord(std::string, std::string_view) override {}

  pb::ErrorInfo error;

 private:
  pb::Stage stage_;
  pb::Branch branch_;
  pb::TaskOptions options_;
  std::map<uint32_t, OperatorCounts> counts_;
  std::map<std::string, int64_t> counters_;
  pb::TaskLedger ledger_;
};

}  // namespace millrace
