#include "common/pipeline/testing/in_memory_link.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "common/base/strings.h"
#include "common/pipeline/counter.h"
#include "common/pipeline/jobs_registry.h"
#include "common/pipeline/registry.h"
#include "common/record/hash.h"

namespace millrace::testing {
namespace {

class MemoryShuffleOutput : public ShuffleOutput {
 public:
  MemoryShuffleOutput(const pb::ShuffleTarget& target, std::vector<StoredRecord>* out)
      : target_(target), out_(out) {}
  uint32_t partitions() const override { return std::max<uint32_t>(1, target_.partitions()); }
  uint32_t PartitionOf(std::string_view key) const override {
    if (target_.partitioner() == pb::ShuffleTarget::RANGE) {
      uint32_t at = 0;
      while (at < static_cast<uint32_t>(target_.bounds_size()) && std::string_view(target_.bounds(at)) <= key)
        ++at;
      return at;
    }
    return target_.partitioner() == pb::ShuffleTarget::SINGLE ? 0 : StableHash(key) % partitions();
  }
  void Add(uint32_t partition, std::string_view key, std::string_view value) override {
    sorting_ = true;
    out_->push_back({partition, 0, std::string(key), std::string(value)});
  }
  void AddByKey(std::string_view key, std::string_view value, std::string_view rest) override {
    Add(PartitionOf(key), key, StrCat(value, rest));
  }
  void BeginRun() override {}
  void Append(uint32_t partition, std::string_view key, std::string_view value) override {
    out_->push_back({partition, run_, std::string(key), std::string(value)});
  }
  void EndRun() override { ++run_; }
  void Close() {
    if (!sorting_) return;
    std::stable_sort(out_->begin(), out_->end(),
                     [](const StoredRecord& a, const StoredRecord& b) { return a.key < b.key; });
  }

 private:
  const pb::ShuffleTarget& target_;
  std::vector<StoredRecord>* out_;
  uint32_t run_ = 0;
  bool sorting_ = false;
};

class MemoryShuffleInput : public ShuffleInput {
 public:
  struct Item {
    uint32_t tag;
    const StoredRecord* record;
  };
  std::vector<Item> items;
  bool Next() override {
    if (next_ == items.size()) return false;
    key_ = items[next_].record->key;
    value_ = items[next_].record->value;
    tag_ = items[next_].tag;
    ++next_;
    return true;
  }

 private:
  size_t next_ = 0;
};

class MemoryFile : public FileOutput {
 public:
  void Write(std::string_view bytes, uint64_t records, size_t) override {
    text.append(bytes);
    count += records;
  }
  Sha256& hash() override { return hash_; }
  std::string text;
  uint64_t count = 0;

 private:
  Sha256 hash_;
};

class MemoryContext : public TaskContext {
 public:
  MemoryContext(const pb::Plan& plan, const pb::Stage& stage, const pb::Branch& branch, uint32_t task,
                uint32_t in_branch, const std::map<std::string, std::string>& shared,
                std::vector<StoredRecord>* out)
      : shared_(shared),
        stage_(stage),
        branch_(branch),
        options_(plan.options()),
        task_(task),
        in_branch_(in_branch),
        shuffle(stage.shuffle(), out) {}
  const pb::Stage& stage() const override { return stage_; }
  const pb::Branch& branch() const override { return branch_; }
  const pb::TaskOptions& options() const override { return options_; }
  uint32_t task() const override { return task_; }
  uint32_t task_in_branch() const override { return in_branch_; }
  uint64_t memory_bytes() const override { return 64 << 20; }
  ShuffleOutput& shuffle_output() override { return shuffle; }
  ShuffleInput& shuffle_input() override { return input; }
  FileOutput& file_output() override { return file; }
  void SetResult(std::string encoded) override { result = std::move(encoded); }
  const std::string& SharedValue(const std::string& digest) override { return shared_.at(digest); }
  void Fail(pb::ErrorInfo e) override {
    if (error.kind() == pb::ErrorInfo::NONE) error = std::move(e);
    Stop();
  }
  OperatorCounts& counts(uint32_t id) override { return counts_[id]; }
  int64_t& counter(std::string_view name) override { return counters[std::string(name)]; }
  pb::TaskLedger& ledger() override { return ledger_; }
  void BadRecord(std::string message, std::string_view) override {
    if (options_.on_bad_record() == 1) return;
    FailInput(std::move(message));
  }

 private:
  const std::map<std::string, std::string>& shared_;
  const pb::Stage& stage_;
  const pb::Branch& branch_;
  const pb::TaskOptions& options_;
  const uint32_t task_, in_branch_;
  std::map<uint32_t, OperatorCounts> counts_;
  pb::TaskLedger ledger_;

 public:
  MemoryShuffleOutput shuffle;
  MemoryShuffleInput input;
  MemoryFile file;
  std::string result;
  std::map<std::string, int64_t> counters;
  pb::ErrorInfo error;
};

void LoadInput(const InMemoryLink& link, const pb::StageSource& source, uint32_t at,
               MemoryShuffleInput* input) {
  for (int tag = 0; tag < source.stages_size(); ++tag) {
    const auto& maps = link.outputs.at(source.stages(tag));
    for (size_t map = 0; map < maps.size(); ++map) {
      for (const StoredRecord& record : maps[map])
        if (source.aligned() ? map == at : record.partition == at)
          input->items.push_back({static_cast<uint32_t>(tag), &record});
    }
  }
  // (key, tag, map, run, position): the vector is in the order of the rest already.
  if (!source.aligned())
    std::stable_sort(input->items.begin(), input->items.end(),
                     [](const auto& a, const auto& b) { return a.record->key < b.record->key; });
}

}  // namespace

pb::ErrorInfo InMemoryLink::RunTask(const pb::Plan& plan, const pb::Stage& stage, const pb::Branch& branch,
                                    uint32_t task, uint32_t task_in_branch, pb::ActionResult* result) {
  std::vector<StoredRecord> out;
  MemoryContext context(plan, stage, branch, task, task_in_branch, shared, &out);
  const internal::CountingFor counting(&context);
  if (branch.has_upstream()) LoadInput(*this, branch.upstream(), task_in_branch, &context.input);
  std::vector<std::unique_ptr<SinkBase>> sinks;
  SinkBase* down = nullptr;
  for (int i = branch.operators_size() - 1; i > 0; --i) {
    const OperatorFunction* function = Registry::Get().Find(branch.operators(i).function());
    sinks.push_back(function->make_sink({branch.operators(i), context}, down));
    down = sinks.back().get();
  }
  Registry::Get().Find(branch.operators(0).function())->run_source({branch.operators(0), context}, down);
  if (!context.stopped()) down->Finish();
  if (context.error.kind() != pb::ErrorInfo::NONE) return context.error;
  context.shuffle.Close();
  for (const auto& [name, value] : context.counters) counters_[name] += value;
  if (stage.has_result()) result->add_results(context.result);
  if (stage.has_write()) {
    std::string name = stage.write().file_name();
    if (name.empty()) {
      char part[64];
      std::snprintf(part, sizeof part, "part-%05u.%s", FirstPart(stage.write()) + task,
                    stage.write().extension().c_str());
      name = part;
    }
    if (!stage.write().folder().empty()) name = stage.write().folder() + "/" + name;
    files_[name] = context.file.text;
    result->set_records(result->records() + context.file.count);
  }
  if (stage.has_shuffle() || stage.has_cache()) outputs[stage.id()].push_back(std::move(out));
  return {};
}

absl::Status InMemoryLink::StartAction(pb::ActionRequest request) {
  if (starts_to_live >= 0 && starts_to_live-- == 0) return absl::CancelledError("the driver is dead");
  const auto logged = log_.find(request.action());
  if (keep_log && logged != log_.end()) {
    if (logged->second.fingerprint() == request.fingerprint()) return absl::OkStatus();
    return absl::FailedPreconditionError(StrCat("action ", request.action(), " differs"));
  }
  for (const pb::SharedValue& value : request.shared()) shared[value.digest()] = value.value();
  pb::ActionResult result;
  result.set_action(request.action());
  result.set_fingerprint(request.fingerprint());
  result.set_recorded(request.recorded());
  result.set_loop_first(request.loop_first());
  if (!request.record()) {
    plans_.push_back(request.plan());
    for (const pb::Stage& stage : request.plan().stages()) {
      uint32_t task = 0;
      for (const pb::Branch& branch : stage.branches()) {
        for (uint32_t i = 0; i < branch.tasks() && result.error().kind() == pb::ErrorInfo::NONE; ++i)
          *result.mutable_error() = RunTask(request.plan(), stage, branch, task++, i, &result);
      }
    }
  }
  if (request.loop_first() != 0)
    log_.erase(log_.lower_bound(request.loop_first()), log_.lower_bound(request.action()));
  log_[request.action()] = std::move(result);
  return absl::OkStatus();
}

absl::StatusOr<pb::ActionResult> InMemoryLink::AwaitAction(uint32_t action) {
  const auto found = log_.find(action);
  if (found == log_.end()) return absl::InternalError("awaited, but never started");
  pb::ActionResult result = found->second;
  if (!keep_log) log_.erase(found);
  return result;
}

std::optional<pb::ActionResult> InMemoryLink::FindLoop(uint32_t first_action) {
  for (auto at = log_.rbegin(); keep_log && at != log_.rend(); ++at) {
    if (at->second.loop_first() == first_action) return at->second;
  }
  return std::nullopt;
}

std::string InMemoryLink::Folder(const std::string& folder) const {
  std::string all;
  const std::string prefix = folder.empty() ? "part-" : folder + "/part-";
  for (const auto& [name, text] : files_)
    if (name.substr(0, prefix.size()) == prefix) all += text;
  return all;
}

pb::ErrorInfo RunJob(InMemoryLink& link, const std::string& name,
                     const std::map<std::string, std::string>& options) {
  pb::ErrorInfo error;
  const JobInfo* info = JobRegistry::Get().Find(name);
  if (info == nullptr) {
    error.set_kind(pb::ErrorInfo::USAGE);
    error.set_message("no job " + name);
    return error;
  }
  Job job(link);
  return info->run(job, options);
}

}  // namespace millrace::testing
