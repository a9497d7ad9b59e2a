// What a reduce task reads: the runs of its partition from every map of every upstream stage, merged by
// (key bytes, tag, map task, run, position), in bounded memory. Segments of this worker are read in place,
// those of others are fetched once per worker. An aligned (cached) input is the runs of one map, in order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/runtime.h"
#include "worker/executor/run_merger.h"
#include "worker/shuffle/fetcher.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {

struct ShuffleInputOptions {
  uint64_t job = 0;
  std::vector<std::shared_ptr<const pb::Manifest>> manifests;  // by tag
  bool aligned = false;
  uint32_t partition = 0;             // aligned: the map task whose output is read
  uint32_t worker = 0;                // ours: its segments are files here
  std::string work_dir;               // of the worker; paths of local segments are relative to it
  SegmentCache* segments = nullptr;   // local segments that are open already; may be null
  std::string temporary;              // prefix of the files of fetches and of merges in several passes
  size_t merge_bytes = 8 << 20;       // read buffers of one merge
  size_t fetch_bytes = 8 << 20;       // fetched data kept in memory; the rest goes to a file
  std::function<Fetcher*()> fetcher;  // made when it is needed
  // Segments that are missing, stale or damaged. The task ends after it.
  std::function<void(std::vector<pb::MissingInput>)> on_missing;
};

class MergedInput final : public ShuffleInput {
 public:
  MergedInput(ShuffleInputOptions options, TaskContext* context);
  ~MergedInput() override;

  bool Next() override;  // opens the inputs at the first call

  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t merged_bytes() const { return merged_bytes_; }  // written for merges in several passes

 private:
  // A run to merge: from map `map` of manifest `tag`, or the result of an earlier pass (map < 0).
  struct Input {
    RunSource source;
    uint32_t tag = 0;
    int map = -1;
  };
  bool Open();
  bool Gather();
  bool GatherStage(uint32_t tag);
  bool Fetch(uint32_t tag, uint32_t worker, const std::vector<int>& maps,
             std::vector<FetchedSegment>* segments);
  bool MergeUntilFewEnough();
  bool MergeGroup(size_t first, size_t count, Input* merged);
  bool NextAligned();
  void Missing(uint32_t tag, int map, std::string reason, bool corrupt);
  void RunFailed(const Input& input, const absl::Status& status);

  const ShuffleInputOptions options_;
  TaskContext* context_;
  std::vector<Input> inputs_;
  std::vector<pb::MissingInput> missing_;
  std::optional<RunMerger> merger_;
  std::optional<RunReader> reader_;  // aligned, or a single run
  size_t next_aligned_ = 0;
  bool opened_ = false, failed_ = false;
  size_t fetch_left_ = 0;
  uint64_t records_ = 0, bytes_ = 0, merged_bytes_ = 0;
  size_t temporaries_ = 0;
};

}  // namespace millrace
