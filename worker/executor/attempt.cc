#include "worker/executor/attempt.h"

#include <cstdio>
#include <exception>
#include <new>

#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/io/publish.h"
#include "common/pipeline/bad_input.h"
#include "common/pipeline/counter.h"
#include "common/pipeline/registry.h"
#include "worker/executor/crash.h"

namespace millrace {

// One part file, or the single file of a target with a name.
class Attempt::File final : public FileOutput {
 public:
  File(Attempt* attempt, std::string path) : attempt_(attempt), output_(std::move(path)) {}
  void Write(std::string_view bytes, uint64_t records, size_t hashed) override {
    output_.Write(bytes, records, hashed);
    if (!output_.status().ok()) [[unlikely]]
      attempt_->Fail(SystemError(output_.status()));
  }
  Sha256& hash() override { return output_.hash(); }
  io::TempFileOutput& output() { return output_; }

 private:
  Attempt* attempt_;
  io::TempFileOutput output_;
};

Attempt::Attempt(AttemptSpec spec, AttemptPlace place)
    : spec_(std::move(spec)), place_(std::move(place)), name_(AttemptFileText(spec_.id)) {
  uint32_t first = 0;
  for (const pb::Branch& branch : stage().branches()) {
    if (task() < first + branch.tasks()) {
      branch_ = &branch;
      task_in_branch_ = task() - first;
      break;
    }
    first += branch.tasks();
  }
  counts_.resize(branch_ != nullptr ? branch_->operators_size() : 0);
}

Attempt::~Attempt() = default;

void Attempt::Cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
  Stop();
}

void Attempt::Fail(pb::ErrorInfo error) {
  if (failed_ || !missing_.empty() || cancelled_.load(std::memory_order_relaxed)) return;
  failed_ = true;
  error_ = std::move(error);
  if (error_.record().empty() && !current_record.empty() && error_.kind() == pb::ErrorInfo::USER_CODE) {
    error_.set_record(Quote(current_record, 200));
  }
  Stop();
}

void Attempt::FailMissing(std::vector<pb::MissingInput> missing) {
  if (failed_) return;
  missing_ = std::move(missing);
  Stop();
}

OperatorCounts& Attempt::counts(uint32_t operator_id) {
  for (int i = 0; i < branch_->operators_size(); ++i) {
    if (branch_->operators(i).id() == operator_id) return counts_[i];
  }
  return stray_counts_;
}

int64_t& Attempt::counter(std::string_view name) {
  const auto found = counters_.find(name);
  return found != counters_.end() ? found->second : counters_.emplace(std::string(name), 0).first->second;
}

const char* Attempt::CulpritLabel() const {
  const int n = static_cast<int>(counts_.size());
  int culprit = -1;
  for (int i = 0; i < n; ++i) {
    const OperatorCounts& count = counts_[i];
    const bool last = i + 1 == n;
    if (branch_->operators(i).law() == pb::LAW_MAP) {
      if (!last && counts_[i + 1].in < count.out) return branch_->operators(i).label().c_str();
    } else if (branch_->operators(i).law() == pb::LAW_FILTER) {
      if (count.in > count.out + count.dropped) return branch_->operators(i).label().c_str();
    } else if (count.in > 0 || culprit < 0) {
      culprit = i;
    }
  }
  return culprit < 0 ? "" : branch_->operators(culprit).label().c_str();
}

std::string Attempt::TemporaryFile() const {
  return StrCat(stage().write().output(), "/", io::kTemporaryName, "/", JobIdText(spec_.id.job()), "/", name_,
                ".tmp");
}

ShuffleOutput& Attempt::shuffle_output() {
  if (shuffle_output_ == nullptr) {
    ShuffleOutputOptions options;
    if (stage().has_shuffle()) {
      options.target = stage().shuffle();
    } else {
      options.target.set_partitions(1);
      options.target.set_partitioner(pb::ShuffleTarget::SINGLE);
    }
    options.arena = place_.arena;
    options.sort_bytes = place_.slot_memory_bytes / 2;
    options.merge_bytes = place_.slot_memory_bytes / 8;
    options.segment_path = StrCat(place_.job_dir, "/segments/", name_, ".seg");
    options.spill_path = StrCat(place_.job_dir, "/spill-", name_, "-sorted");
    options.max_record_bytes = this->options().max_record_bytes();
    options.lz4 = this->options().compression() == "lz4";
    shuffle_output_ = std::make_unique<SegmentOutput>(std::move(options), this);
  }
  return *shuffle_output_;
}

ShuffleInput& Attempt::shuffle_input() {
  if (shuffle_input_ == nullptr) {
    ShuffleInputOptions options;
    options.job = spec_.id.job();
    options.manifests = spec_.inputs;
    options.aligned = branch().upstream().aligned();
    options.partition = task_in_branch_;
    options.worker = place_.worker;
    options.work_dir = DirName(place_.job_dir);
    options.temporary = StrCat(place_.job_dir, "/spill-", name_);
    options.merge_bytes = place_.slot_memory_bytes / 4;
    options.fetch_bytes = place_.slot_memory_bytes / 8;
    options.fetcher = place_.fetcher;
    options.segments = place_.segments;
    options.on_missing = [this](std::vector<pb::MissingInput> missing) { FailMissing(std::move(missing)); };
    shuffle_input_ = std::make_unique<MergedInput>(std::move(options), this);
  }
  return *shuffle_input_;
}

FileOutput& Attempt::file_output() {
  if (file_ == nullptr) {
    file_ = std::make_unique<File>(this, TemporaryFile());
    if (!file_->output().status().ok()) Fail(SystemError(file_->output().status()));
  }
  return *file_;
}

const std::string& Attempt::SharedValue(const std::string& digest) {
  static const std::string* const kNothing = new std::string();
  if (place_.shared == nullptr) {
    FailInternal("this executor has no shared values");
    return *kNothing;
  }
  auto value = place_.shared->Get(digest);
  if (!value.ok()) {
    Fail(SystemError(value.status()));
    return *kNothing;
  }
  shared_.push_back(*std::move(value));
  return *shared_.back();
}

void Attempt::SetResult(std::string encoded) {
  const uint64_t limit = stage().result().max_bytes();
  if (limit != 0 && encoded.size() > limit) {
    FailInput(StrCat("the result of one task has ", encoded.size(), " bytes, over the limit of ", limit,
                     " (max-collect-bytes): write the data set instead of collecting it"));
    return;
  }
  result_ = std::move(encoded);
  has_result_ = true;
}

void Attempt::BadRecord(std::string message, std::string_view raw) {
  if (options().on_bad_record() == 0) return FailInput(std::move(message));
  ++bad_records_;
  if (options().max_bad_records() != 0 && bad_records_ > options().max_bad_records()) {
    FailInput(
        StrCat("more than ", options().max_bad_records(), " bad records in one task; the last: ", message));
    return;
  }
  if (!options().output().empty()) {
    if (rejects_ == nullptr) {
      rejects_ =
          std::make_unique<io::TempFileOutput>(StrCat(options().output(), "/", io::kTemporaryName, "/",
                                                      JobIdText(spec_.id.job()), "/", name_, ".rejects.tmp"),
                                               size_t{16} << 10);
    }
    rejects_->Write(StrCat("# ", message, "\n", raw, "\n"), 1);
    if (!rejects_->status().ok()) Fail(SystemError(rejects_->status()));
  }
}

void Attempt::KeepRecord() {
  if (!current_record.empty()) kept_record_ = Quote(current_record, 200);
}

// After unwinding: the record's bytes are gone, and only what KeepRecord() copied is left of them.
void Attempt::UserError(const std::string& what) {
  pb::ErrorInfo error;
  error.set_kind(pb::ErrorInfo::USER_CODE);
  error.set_operator_label(CulpritLabel());
  const std::string& record = kept_record_;
  error.set_record(record);
  error.set_message(StrCat("operator ", error.operator_label(), " ", what,
                           record.empty() ? "" : StrCat("; record ", record)));
  Fail(std::move(error));
}

void Attempt::RunOperators() {
  const internal::CountingFor counting(this);
  const auto& operators = branch_->operators();
  std::vector<std::unique_ptr<SinkBase>> sinks;  // last operator first
  SinkBase* down = nullptr;
  for (int i = operators.size() - 1; i >= 0; --i) {
    const OperatorFunction* function = Registry::Get().Find(operators[i].function());
    const OperatorArgs args{operators[i], *this};
    if (function == nullptr || (i == 0 ? !function->run_source : !function->make_sink)) {
      FailInternal(StrCat("operator ", operators[i].label(), " names function ", operators[i].function(),
                          ", which this bundle does not have"));
      return;
    }
    if (i > 0) {
      sinks.push_back(function->make_sink(args, down));
      down = sinks.back().get();
    } else if (!stopped()) {
      function->run_source(args, down);
    }
  }
  if (!stopped() && down != nullptr) down->Finish();
}

void Attempt::FillLedger() {
  for (size_t i = 0; i < counts_.size(); ++i) {
    pb::OperatorCount* count = ledger_.add_operators();
    count->set_operator_(branch_->operators(i).id());
    count->set_records_in(counts_[i].in);
    count->set_records_out(counts_[i].out);
    count->set_dropped(counts_[i].dropped);
  }
  if (shuffle_input_ != nullptr) {
    ledger_.set_records_received(shuffle_input_->records());
    ledger_.set_bytes_received(shuffle_input_->bytes());
  }
  if (shuffle_output_ != nullptr) {
    ledger_.set_records_sent(shuffle_output_->records());
    ledger_.set_bytes_sent(shuffle_output_->bytes());
  }
  ledger_.set_records_rejected(bad_records_);
}

void Attempt::FinishOutputs(pb::TaskReport* report) {
  if (stage().has_shuffle() || stage().has_cache()) {
    shuffle_output();
    auto info = shuffle_output_->Finish();
    if (stopped()) return;  // said why already
    if (!info.ok()) return Fail(SystemError(info.status()));
    pb::MapOutput* output = report->mutable_map_output();
    output->set_digest(info->digest);
    output->set_records(info->records);
    output->set_bytes(info->logical_bytes);
    output->set_path(StrCat(BaseName(place_.job_dir), "/segments/", name_, ".seg"));
    report->set_spilled_bytes(shuffle_output_->spilled_bytes());
  } else if (stage().has_write()) {
    file_output();
    io::TempFileOutput::Closed closed;
    const absl::Status status = file_->output().Close(&closed);
    if (stopped()) return;
    if (!status.ok()) return Fail(SystemError(status));
    pb::OutputFile* file = report->mutable_file();
    file->set_temporary(file_->output().path());
    std::string name = stage().write().file_name();
    if (name.empty()) {
      char part[32];
      std::snprintf(part, sizeof(part), "part-%05u.", FirstPart(stage().write()) + task());
      name = part + stage().write().extension();
    }
    file->set_final_name(JoinPath(stage().write().folder(), name));
    file->set_records(closed.records);
    file->set_bytes(closed.bytes);
    file->set_sha256(closed.sha256);
    ledger_.set_records_written(closed.records);
    ledger_.set_bytes_written(closed.bytes);
  } else if (stage().has_result()) {
    if (!has_result_) return FailInternal("the last operator left no result");
    report->set_result(std::move(result_));
  }
  if (rejects_ != nullptr) {
    io::TempFileOutput::Closed closed;
    const absl::Status status = rejects_->Close(&closed);
    if (!status.ok()) return Fail(SystemError(status));
    report->mutable_file()->set_rejects_temporary(rejects_->path());
  }
}

pb::TaskReport Attempt::Run() {
  pb::TaskReport report;
  *report.mutable_id() = spec_.id;
  if (branch_ == nullptr) {
    FailInternal(StrCat("stage ", stage().id(), " has no task ", task()));
  } else {
    const CrashScope scope(this);
    try {
      RunOperators();
      if (!stopped()) FinishOutputs(&report);
    } catch (const std::bad_alloc&) {
      RaiseHeapLimit();
      UserError("ran out of memory (the heap of the task's process is limited)");
    } catch (const BadInput& e) {
      FailInput(StrCat(e.what(), kept_record_.empty() ? "" : StrCat("; record ", kept_record_)));
    } catch (const std::exception& e) {
      UserError(StrCat("threw: ", e.what()));
    } catch (...) {
      UserError("threw something that is no std::exception");
    }
  }
  if (cancelled_.load(std::memory_order_relaxed)) {
    report.set_outcome(pb::OUTCOME_CANCELLED);
  } else if (!missing_.empty()) {
    report.set_outcome(pb::OUTCOME_FETCH_FAILED);
    for (pb::MissingInput& missing : missing_) *report.add_missing() = std::move(missing);
  } else if (failed_) {
    report.set_outcome(pb::OUTCOME_FAILED);
    *report.mutable_error() = error_;
  } else {
    report.set_outcome(pb::OUTCOME_OK);
    FillLedger();
    *report.mutable_ledger() = ledger_;
    for (const auto& [name, value] : counters_) {
      pb::Counter* counter = report.add_counters();
      counter->set_name(name);
      counter->set_value(value);
    }
    return report;
  }
  report.clear_map_output();
  report.clear_file();
  report.clear_result();
  if (file_ != nullptr) RemoveFile(file_->output().path()).IgnoreError();
  return report;
}

}  // namespace millrace
