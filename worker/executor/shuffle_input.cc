#include "worker/executor/shuffle_input.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "worker/executor/shuffle_output.h"

namespace millrace {
namespace {

constexpr size_t kRunBuffer = 128 * 1024;

// Memory that reading a run takes: what is read ahead, and a block when it is compressed.
size_t BufferCost(const RunSource& run) {
  const size_t ahead = run.memory != nullptr ? 0 : std::min<uint64_t>(kRunBuffer, run.disk_bytes);
  return ahead + std::min<uint64_t>(kRunBuffer / 2, run.disk_bytes);
}

pb::SegmentRef RefOf(const pb::MapLocation& map) {
  pb::SegmentRef ref;
  ref.set_task(map.task());
  ref.set_attempt(map.attempt());
  ref.set_path(map.path());
  return ref;
}

}  // namespace

MergedInput::MergedInput(ShuffleInputOptions options, TaskContext* context)
    : options_(std::move(options)), context_(context), fetch_left_(options_.fetch_bytes) {}

MergedInput::~MergedInput() = default;

void MergedInput::Missing(uint32_t tag, int map, std::string reason, bool corrupt) {
  const pb::Manifest& manifest = *options_.manifests[tag];
  const pb::MapLocation& location = manifest.maps(map);
  pb::MissingInput missing;
  missing.set_stage(manifest.stage());
  missing.set_task(location.task());
  missing.set_attempt(location.attempt());
  missing.set_version(manifest.version());
  missing.set_reason(std::move(reason));
  missing.set_corrupt(corrupt);
  missing_.push_back(std::move(missing));
}

// A run that broke while it was read: the map is run again, unless the damage is in a file of ours.
void MergedInput::RunFailed(const Input& input, const absl::Status& status) {
  failed_ = true;
  if (input.map < 0) {
    context_->Fail(SystemError(status));
    return;
  }
  Missing(input.tag, input.map, MessageOf(status), status.code() == absl::StatusCode::kDataLoss);
  options_.on_missing(std::move(missing_));
}

bool MergedInput::Fetch(uint32_t tag, uint32_t worker, const std::vector<int>& maps,
                        std::vector<FetchedSegment>* segments) {
  const pb::Manifest& manifest = *options_.manifests[tag];
  pb::FetchRequest request;
  request.set_job(options_.job);
  request.set_stage(manifest.stage());
  request.set_partition(options_.aligned ? 0 : options_.partition);
  request.set_version(manifest.version());
  request.set_whole(options_.aligned);
  for (const int map : maps) *request.add_segments() = RefOf(manifest.maps(map));
  if (worker == options_.worker) {
    for (const pb::SegmentRef& ref : request.segments()) {
      segments->push_back(OpenLocalSegment(options_.work_dir, request, ref, options_.segments));
    }
    return true;
  }
  std::string address;
  for (const pb::WorkerAddress& entry : manifest.workers()) {
    if (entry.worker() == worker) address = entry.bulk_address();
  }
  if (address.empty()) {
    for (const int map : maps) Missing(tag, map, StrCat("worker ", worker, " has no address"), false);
    segments->resize(maps.size());
    return true;
  }
  FetchOptions fetch;
  fetch.memory_budget_bytes = fetch_left_;
  fetch.temporary_path = StrCat(options_.temporary, ".fetch", temporaries_++);
  fetch.cancelled = [context = context_] { return context->stopped(); };
  auto result = options_.fetcher()->Fetch(address, request, fetch);
  if (!result.ok()) {
    context_->Fail(SystemError(result.status()));
    return false;
  }
  fetch_left_ -= std::min<uint64_t>(fetch_left_, result->memory_bytes);
  *segments = std::move(result->segments);
  return true;
}

// One request per worker that holds maps of the stage; the runs are put down in map order.
bool MergedInput::GatherStage(uint32_t tag) {
  const pb::Manifest& manifest = *options_.manifests[tag];
  std::map<uint32_t, std::vector<int>> by_worker;
  for (int i = 0; i < manifest.maps_size(); ++i) {
    if (manifest.maps(i).records() == 0) continue;
    if (options_.aligned && manifest.maps(i).task() != options_.partition) continue;
    by_worker[manifest.maps(i).worker()].push_back(i);
  }
  std::vector<std::vector<RunSource>> runs(manifest.maps_size());
  for (const auto& [worker, maps] : by_worker) {
    std::vector<FetchedSegment> segments;
    if (!Fetch(tag, worker, maps, &segments)) return false;
    for (size_t i = 0; i < maps.size() && i < segments.size(); ++i) {
      if (!segments[i].missing.empty()) Missing(tag, maps[i], segments[i].missing, segments[i].corrupt);
      runs[maps[i]] = std::move(segments[i].runs);
    }
    if (context_->stopped()) return false;
  }
  for (int i = 0; i < manifest.maps_size(); ++i) {
    for (RunSource& run : runs[i]) inputs_.push_back({std::move(run), tag, i});
  }
  return true;
}

bool MergedInput::Gather() {
  for (uint32_t tag = 0; tag < options_.manifests.size(); ++tag) {
    if (!GatherStage(tag)) return false;
  }
  if (missing_.empty()) return true;
  options_.on_missing(std::move(missing_));
  return false;
}

// Merges inputs [first, first + count), all of one tag, into a file.
bool MergedInput::MergeGroup(size_t first, size_t count, Input* merged) {
  std::vector<RunSource> sources;
  for (size_t i = first; i < first + count; ++i) sources.push_back(inputs_[i].source);
  const std::string path = StrCat(options_.temporary, ".merge", temporaries_++);
  SegmentWriterOptions writer_options;
  writer_options.digest = false;
  auto writer = SegmentWriter::Create(path, writer_options);
  if (!writer.ok()) {
    context_->Fail(SystemError(writer.status()));
    return false;
  }
  RunMerger merger(std::move(sources), kRunBuffer);
  (*writer)->BeginRun(0);
  uint64_t records = 0;
  while (merger.Next()) {
    (*writer)->Append(merger.key(), merger.value());
    if ((++records & 4095) == 0) {
      if (context_->stopped()) return false;
      context_->progress_records.store(records, std::memory_order_relaxed);
    }
  }
  if (!merger.status().ok()) {
    RunFailed(inputs_[first + merger.failed_run()], merger.status());
    return false;
  }
  absl::Status status = (*writer)->EndRun();
  if (status.ok()) status = (*writer)->Finish().status();
  auto reader =
      status.ok() ? SegmentReader::Open(path) : absl::StatusOr<std::shared_ptr<const SegmentReader>>(status);
  if (!reader.ok()) {
    context_->Fail(SystemError(reader.status()));
    return false;
  }
  ::unlink(path.c_str());
  merged_bytes_ += (*reader)->info().file_bytes;
  auto runs = (*reader)->AllRuns();
  *merged = {runs.empty() ? RunSource{} : std::move(runs[0]), inputs_[first].tag, -1};
  return true;
}

// Neighbours are merged, so that the order (tag, map, run) of equal keys is kept.
bool MergedInput::MergeUntilFewEnough() {
  for (;;) {
    size_t cost = 0;
    for (const Input& input : inputs_) cost += BufferCost(input.source);
    if (cost <= options_.merge_bytes || inputs_.size() <= 2) return true;
    std::vector<Input> next;
    for (size_t first = 0; first < inputs_.size();) {
      size_t count = 1, group_cost = BufferCost(inputs_[first].source);
      for (; first + count < inputs_.size() && inputs_[first + count].tag == inputs_[first].tag; ++count) {
        group_cost += BufferCost(inputs_[first + count].source);
        if (group_cost > options_.merge_bytes && count >= 2) break;
      }
      if (count == 1) {
        next.push_back(inputs_[first]);
      } else {
        Input merged;
        if (!MergeGroup(first, count, &merged)) return false;
        for (size_t i = first; i < first + count; ++i)
          inputs_[i].source = RunSource{};  // frees what was fetched
        next.push_back(std::move(merged));
      }
      first += count;
    }
    if (next.size() == inputs_.size()) return true;  // more tags than buffers: cannot get fewer
    inputs_ = std::move(next);
  }
}

bool MergedInput::Open() {
  opened_ = true;
  if (!Gather()) return false;
  if (options_.aligned) return true;
  if (!MergeUntilFewEnough()) return false;
  if (inputs_.size() == 1) {
    reader_.emplace(inputs_[0].source, kRunBuffer);
    return true;
  }
  std::vector<RunSource> sources;
  for (const Input& input : inputs_) sources.push_back(input.source);
  merger_.emplace(std::move(sources), kRunBuffer);
  return true;
}

bool MergedInput::NextAligned() {
  for (;;) {
    if (reader_) {
      if (reader_->Next()) return true;
      if (!reader_->status().ok()) {
        RunFailed(inputs_[next_aligned_ - 1], reader_->status());
        return false;
      }
    }
    if (next_aligned_ == inputs_.size()) return false;
    reader_.emplace(inputs_[next_aligned_++].source, kRunBuffer);
  }
}

bool MergedInput::Next() {
  if (failed_ || context_->stopped()) return false;
  if (!opened_ && !Open()) {
    failed_ = true;
    return false;
  }
  if (merger_) {
    if (!merger_->Next()) {
      if (!merger_->status().ok()) RunFailed(inputs_[merger_->failed_run()], merger_->status());
      return false;
    }
    key_ = merger_->key();
    value_ = merger_->value();
    tag_ = inputs_[merger_->run()].tag;
  } else if (options_.aligned) {
    if (!NextAligned()) return false;
    key_ = reader_->key();
    value_ = reader_->value();
  } else {
    if (!reader_) return false;  // no input at all
    if (!reader_->Next()) {
      if (!reader_->status().ok()) RunFailed(inputs_[0], reader_->status());
      return false;
    }
    key_ = reader_->key();
    value_ = reader_->value();
    tag_ = inputs_[0].tag;
  }
  ++records_;
  bytes_ += key_.size() + value_.size();
  if ((records_ & 1023) == 0) [[unlikely]] {
    context_->progress_records.store(records_, std::memory_order_relaxed);
    context_->progress_bytes.store(bytes_, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace millrace
