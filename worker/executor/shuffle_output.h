// What a map task leaves for its reducers: one segment file. In sorting mode the records go through
// the slot's arena; over it they are spilled, and the spills are merged into one run per partition, so that
// the segment is the same whatever the memory. In generation mode the caller's runs are streamed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/pipeline/runtime.h"
#include "worker/executor/record_sorter.h"
#include "worker/shuffle/segment.h"

namespace millrace {

struct ShuffleOutputOptions {
  pb::ShuffleTarget target;  // partitions = 1, SINGLE for a cache
  SlotArena* arena = nullptr;
  size_t sort_bytes = 0;          // of the arena
  size_t merge_bytes = 0;         // for the buffers of a merge of spills
  std::string segment_path;       // the result
  std::string spill_path;         // prefix: ".0", ".1", ... are appended; removed as soon as they are open
  uint64_t max_record_bytes = 0;  // 0 = no limit but the format's
  bool lz4 = false;
};

class SegmentOutput final : public ShuffleOutput {
 public:
  // Errors while adding go to context->Fail and stop the task.
  SegmentOutput(ShuffleOutputOptions options, TaskContext* context);
  ~SegmentOutput() override;

  uint32_t partitions() const override { return options_.target.partitions(); }
  uint32_t PartitionOf(std::string_view encoded_key) const override;
  void Add(uint32_t partition, std::string_view key, std::string_view value) override;
  void AddByKey(std::string_view key, std::string_view value, std::string_view rest) override;
  void BeginRun() override;
  void Append(uint32_t partition, std::string_view key, std::string_view value) override;
  void EndRun() override;

  // Merges what was spilled and completes the file. Not after an error.
  absl::StatusOr<SegmentInfo> Finish();

  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }  // keys and values
  uint64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  bool EnsureWriter();
  void Check(const absl::Status& status);
  bool Accept(uint64_t bytes) {
    if (bytes > limit_) [[unlikely]]
      return TooLarge(bytes);
    ++records_;
    bytes_ += bytes;
    return true;
  }
  bool TooLarge(uint64_t bytes);
  void AddSlow(uint32_t partition, std::string_view key, std::string_view value, std::string_view rest);
  absl::StatusOr<std::unique_ptr<SegmentWriter>> NewSpill(std::string* path);
  absl::Status CloseSpill(std::unique_ptr<SegmentWriter> writer, const std::string& path);
  absl::Status Spill();
  absl::Status WriteSorted(SegmentWriter* writer);
  absl::Status WriteRun(uint32_t partition, size_t begin, size_t end, SegmentWriter* writer);
  absl::Status MergeSpills(size_t first, size_t count, SegmentWriter* writer);
  absl::Status ReduceSpills();

  const ShuffleOutputOptions options_;
  const uint64_t limit_;  // of one record
  const bool ranges_;
  TaskContext* context_;
  RecordSorter sorter_;
  std::vector<uint64_t> bound_prefixes_;  // of a range partition's bounds: most keys need no more
  std::unique_ptr<SegmentWriter> writer_;
  std::vector<std::shared_ptr<const SegmentReader>> spills_;  // in order of adding
  size_t spill_files_ = 0;
  uint64_t records_ = 0, bytes_ = 0, spilled_bytes_ = 0;
  bool by_key_ = false;  // range partitions that are cut out of the sorted records
  bool in_generation_ = false;
  bool partition_open_ = false;
  uint32_t open_partition_ = 0;
};

// A disk's or a segment's status as an error for the job: full disk, lost file, ... are SYSTEM.
pb::ErrorInfo SystemError(const absl::Status& status);

}  // namespace millrace
