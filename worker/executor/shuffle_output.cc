#include "worker/executor/shuffle_output.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/strings.h"
#include "common/record/hash.h"
#include "worker/executor/run_merger.h"

namespace millrace {
namespace {

constexpr size_t kSpillBuffer = 128 * 1024;  // per run while merging

}  // namespace

pb::ErrorInfo SystemError(const absl::Status& status) {
  pb::ErrorInfo error;
  error.set_kind(status.code() == absl::StatusCode::kInternal ? pb::ErrorInfo::INTERNAL
                                                              : pb::ErrorInfo::SYSTEM);
  error.set_message(std::string(status.message()));
  return error;
}

SegmentOutput::SegmentOutput(ShuffleOutputOptions options, TaskContext* context)
    : options_(std::move(options)),
      limit_(options_.max_record_bytes != 0 ? options_.max_record_bytes : segment::kMaxRecordBytes),
      ranges_(options_.target.partitioner() == pb::ShuffleTarget::RANGE),
      context_(context),
      sorter_(options_.arena, options_.sort_bytes) {
  for (const std::string& bound : options_.target.bounds()) bound_prefixes_.push_back(KeyPrefix(bound));
}

SegmentOutput::~SegmentOutput() = default;  // an unfinished writer removes its file

uint32_t SegmentOutput::PartitionOf(std::string_view key) const {
  switch (options_.target.partitioner()) {
    case pb::ShuffleTarget::HASH:
      return static_cast<uint32_t>(StableHash(key) % options_.target.partitions());
    case pb::ShuffleTarget::RANGE: {
      const auto& bounds = options_.target.bounds();
      const auto same = std::equal_range(bound_prefixes_.begin(), bound_prefixes_.end(), KeyPrefix(key));
      const auto first = bounds.begin() + (same.first - bound_prefixes_.begin());
      const auto last = bounds.begin() + (same.second - bound_prefixes_.begin());
      return static_cast<uint32_t>(
          std::upper_bound(first, last, key, [](std::string_view k, const std::string& b) { return k < b; }) -
          bounds.begin());
    }
    default:
      return 0;
  }
}

void SegmentOutput::Check(const absl::Status& status) {
  if (!status.ok()) context_->Fail(SystemError(status));
}

bool SegmentOutput::TooLarge(uint64_t bytes) {
  context_->FailInput(StrCat("a record of ", bytes, " bytes is over the limit of ", limit_,
                             " (max-record-bytes): make the record smaller or raise the limit"));
  return false;
}

void SegmentOutput::Add(uint32_t partition, std::string_view key, std::string_view value) {
  if (!Accept(key.size() + value.size())) return;
  if (!sorter_.Add(partition, key, value)) [[unlikely]]
    AddSlow(partition, key, value, {});
}

void SegmentOutput::AddByKey(std::string_view key, std::string_view value, std::string_view rest) {
  if (!Accept(key.size() + value.size() + rest.size())) return;
  by_key_ = ranges_;
  const uint32_t partition = by_key_ ? 0 : PartitionOf(key);
  if (!sorter_.Add(partition, key, value, rest)) [[unlikely]]
    AddSlow(partition, key, value, rest);
}

void SegmentOutput::AddSlow(uint32_t partition, std::string_view key, std::string_view value,
                            std::string_view rest) {
  if (context_->stopped()) return;
  absl::Status status = Spill();
  if (status.ok() && !sorter_.Add(partition, key, value, rest)) {
    // Larger than the arena: a spill of its own, at its place in the order of adding.
    std::string path;
    auto writer = NewSpill(&path);
    status = writer.status();
    if (status.ok()) {
      (*writer)->BeginRun(by_key_ ? PartitionOf(key) : partition);
      (*writer)->Append(key, rest.empty() ? value : StrCat(value, rest));
      status = (*writer)->EndRun();
      if (status.ok()) status = CloseSpill(*std::move(writer), path);
    }
  }
  Check(status);
}

bool SegmentOutput::EnsureWriter() {
  if (writer_ != nullptr) return true;
  SegmentWriterOptions options;
  options.partitions = partitions();
  options.lz4 = options_.lz4;
  auto writer = SegmentWriter::Create(options_.segment_path, options);
  if (!writer.ok()) {
    Check(writer.status());
    return false;
  }
  writer_ = *std::move(writer);
  return true;
}

void SegmentOutput::BeginRun() { in_generation_ = EnsureWriter(); }

void SegmentOutput::Append(uint32_t partition, std::string_view key, std::string_view value) {
  if (!in_generation_ || !Accept(key.size() + value.size())) return;
  if (!partition_open_ || open_partition_ != partition) [[unlikely]] {
    if (partition_open_) {
      if (partition < open_partition_) {
        context_->FailInternal("a combiner brought its partitions out of order");
        return;
      }
      Check(writer_->EndRun());
    }
    writer_->BeginRun(partition);
    partition_open_ = true;
    open_partition_ = partition;
  }
  writer_->Append(key, value);
}

void SegmentOutput::EndRun() {
  if (!in_generation_) return;
  if (partition_open_) Check(writer_->EndRun());
  partition_open_ = false;
  in_generation_ = false;
}

absl::Status SegmentOutput::WriteSorted(SegmentWriter* writer) {
  sorter_.Sort(by_key_ ? 1 : partitions());
  const size_t count = sorter_.size();
  const auto& bounds = options_.target.bounds();
  for (size_t begin = 0, range = 0; begin < count;) {
    size_t end = begin;
    uint32_t partition = 0;
    if (by_key_) {
      partition = static_cast<uint32_t>(range++);
      end = partition < static_cast<uint32_t>(bounds.size()) ? sorter_.LowerBound(bounds[partition]) : count;
    } else {
      partition = sorter_.PartitionAt(begin);
      while (end < count && sorter_.PartitionAt(end) == partition) ++end;
    }
    if (end > begin) {
      const absl::Status status = WriteRun(partition, begin, end, writer);
      if (!status.ok()) return status;
    }
    begin = end;
  }
  sorter_.Clear();
  return absl::OkStatus();
}

absl::Status SegmentOutput::WriteRun(uint32_t partition, size_t begin, size_t end, SegmentWriter* writer) {
  writer->BeginRun(partition);
  for (size_t i = begin; i < end; ++i) {
    sorter_.Prefetch(i + 12);
    size_t logical_bytes;
    const std::string_view record = sorter_.Framed(i, &logical_bytes);
    writer->AppendFramed(record, logical_bytes);
  }
  const absl::Status status = writer->EndRun();
  if (!status.ok()) return status;
  return context_->stopped() ? absl::CancelledError("stopped") : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentOutput::NewSpill(std::string* path) {
  *path = StrCat(options_.spill_path, ".", spill_files_++);
  SegmentWriterOptions options;
  options.partitions = partitions();
  options.digest = false;
  return SegmentWriter::Create(*path, options);
}

absl::Status SegmentOutput::CloseSpill(std::unique_ptr<SegmentWriter> writer, const std::string& path) {
  auto info = writer->Finish();
  if (!info.ok()) return info.status();
  spilled_bytes_ += info->file_bytes;
  auto reader = SegmentReader::Open(path);
  if (!reader.ok()) return reader.status();
  ::unlink(path.c_str());  // lives on under its open file; nothing is left behind by a crash
  spills_.push_back(*std::move(reader));
  return absl::OkStatus();
}

absl::Status SegmentOutput::Spill() {
  if (sorter_.size() == 0) return absl::OkStatus();
  std::string path;
  auto writer = NewSpill(&path);
  if (!writer.ok()) return writer.status();
  const absl::Status status = WriteSorted(writer->get());
  if (!status.ok()) return status;
  return CloseSpill(*std::move(writer), path);
}

// Merges spills [first, first + count) partition by partition. Of equal keys those of the earlier spill
// come first, which is the order of adding.
absl::Status SegmentOutput::MergeSpills(size_t first, size_t count, SegmentWriter* writer) {
  for (uint32_t partition = 0; partition < partitions(); ++partition) {
    std::vector<RunSource> runs;
    for (size_t i = first; i < first + count; ++i) {
      for (RunSource& run : spills_[i]->RunsOf(partition)) runs.push_back(std::move(run));
    }
    if (runs.empty()) continue;
    RunMerger merger(std::move(runs), kSpillBuffer);
    writer->BeginRun(partition);
    while (merger.Next()) writer->Append(merger.key(), merger.value());
    if (!merger.status().ok()) return merger.status();
    const absl::Status status = writer->EndRun();
    if (!status.ok()) return status;
    if (context_->stopped()) return absl::CancelledError("stopped");
  }
  return absl::OkStatus();
}

// Fewer spills, by merging neighbours, until their buffers fit.
absl::Status SegmentOutput::ReduceSpills() {
  const size_t limit = std::max<size_t>(2, options_.merge_bytes / (2 * kSpillBuffer));
  while (spills_.size() > limit) {
    std::vector<std::shared_ptr<const SegmentReader>> merged;
    std::vector<std::shared_ptr<const SegmentReader>> before = spills_;
    for (size_t first = 0; first < before.size(); first += limit) {
      const size_t count = std::min(limit, before.size() - first);
      if (count == 1) {
        merged.push_back(before[first]);
        continue;
      }
      std::string path;
      auto writer = NewSpill(&path);
      if (!writer.ok()) return writer.status();
      absl::Status status = MergeSpills(first, count, writer->get());
      if (status.ok()) status = CloseSpill(*std::move(writer), path);
      if (!status.ok()) return status;
      merged.push_back(spills_.back());
      spills_.pop_back();
      for (size_t i = first; i < first + count; ++i) spills_[i] = before[i] = nullptr;  // gives the disk back
    }
    spills_ = std::move(merged);
  }
  return absl::OkStatus();
}

absl::StatusOr<SegmentInfo> SegmentOutput::Finish() {
  if (!EnsureWriter()) return absl::InternalError("no segment file");
  absl::Status status;
  if (spills_.empty()) {
    if (sorter_.size() > 0) status = WriteSorted(writer_.get());
  } else {
    status = Spill();
    if (status.ok()) status = ReduceSpills();
    if (status.ok()) status = MergeSpills(0, spills_.size(), writer_.get());
    spills_.clear();
  }
  if (!status.ok()) return status;
  return writer_->Finish();
}

}  // namespace millrace
