// What an operator sees at run time. The templates of common/pipeline are written against these
// interfaces; worker/executor implements them. Records are pushed one by one through typed sinks;
// bytes appear at decode, at the shuffle and at the output only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/sha256.h"
#include "proto/plan.pb.h"
#include "proto/task.pb.h"

namespace millrace {

// The end of a chain that takes records of some type.
class SinkBase {
 public:
  SinkBase() = default;
  SinkBase(const SinkBase&) = delete;
  SinkBase& operator=(const SinkBase&) = delete;
  virtual ~SinkBase() = default;
  // No record follows: emit what is held, then tell the next one.
  virtual void Finish() = 0;
};

template <typename T>
class Sink : public SinkBase {
 public:
  // Views inside `record` are valid during the call only.
  virtual void Push(const T& record) = 0;
};

// Where a task's records go when its stage feeds a shuffle or a cache. Bytes only.
// Order of the output of a map task: runs in order; inside a run (partition, key, order of adding).
class ShuffleOutput {
 public:
  virtual ~ShuffleOutput() = default;
  virtual uint32_t partitions() const = 0;
  // By the target's partitioner: StableHash(key) % partitions, or the number of bounds <= key.
  virtual uint32_t PartitionOf(std::string_view encoded_key) const = 0;

  // Sorting mode: records in any order. All of them become one run, whatever is spilled on the way:
  // slot memory changes the number of spills, never a byte of the result.
  virtual void Add(uint32_t partition, std::string_view key, std::string_view value) = 0;
  // The same with the partition of the whole key, which ranges leave until the keys are in order, and with a
  // value in two pieces. An output is filled by Add or by AddByKey, not by both.
  virtual void AddByKey(std::string_view key, std::string_view value, std::string_view rest) = 0;

  // Generation mode (combiners, caches): the caller brings each run sorted by (partition, key).
  virtual void BeginRun() = 0;
  virtual void Append(uint32_t partition, std::string_view key, std::string_view value) = 0;
  virtual void EndRun() = 0;
};

// The merged input of a reduce task, or the stream of an aligned (cached) input.
// Merged order: (key bytes, tag, map task, run, position); a forward-only stream in bounded memory.
class ShuffleInput {
 public:
  virtual ~ShuffleInput() = default;
  // Moves to the next record; false at the end or when the task has failed. Views of the record
  // before are dead then.
  virtual bool Next() = 0;
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  uint32_t tag() const { return tag_; }  // index into StageSource.stages

 protected:
  std::string_view key_, value_;
  uint32_t tag_ = 0;
};

// One part file, written under a temporary name; its SHA-256 is taken on the way.
class FileOutput {
 public:
  virtual ~FileOutput() = default;
  // The first `hashed` of the bytes are in hash() already: it is cheaper while they are in the cache.
  virtual void Write(std::string_view bytes, uint64_t records, size_t hashed) = 0;
  virtual Sha256& hash() = 0;
};

// The number of the first part of a table that is written in several goes (WriteOptions::first_part).
uint32_t FirstPart(const pb::WriteTarget& target);

// Per-operator counts of the ledger. Plain integers: one task thread writes them.
struct OperatorCounts {
  uint64_t in = 0, out = 0, dropped = 0;
};

// One attempt of one task, as its operators see it. Used from the task's thread only, except Stop().
class TaskContext {
 public:
  virtual ~TaskContext() = default;

  virtual const pb::Stage& stage() const = 0;
  virtual const pb::Branch& branch() const = 0;
  virtual const pb::TaskOptions& options() const = 0;
  virtual uint32_t task() const = 0;            // within the stage: also the map order of what it emits
  virtual uint32_t task_in_branch() const = 0;  // split, value partition or shuffle partition to read
  virtual uint64_t memory_bytes() const = 0;    // of the slot, fetch buffers included
  virtual bool in_driver() const { return false; }

  virtual ShuffleOutput& shuffle_output() = 0;      // stages with a shuffle or cache target
  virtual ShuffleInput& shuffle_input() = 0;        // branches with an upstream source
  virtual FileOutput& file_output() = 0;            // stages with a write target
  virtual void SetResult(std::string encoded) = 0;  // stages with a result target
  // A value that the plan names instead of holding it; valid for the task's life. Empty, and the task has
  // failed, when it cannot be had.
  virtual const std::string& SharedValue(const std::string& digest) = 0;

  // The first error wins; the task stops at the next record. `error.kind` says who is to blame.
  virtual void Fail(pb::ErrorInfo error) = 0;
  void FailInput(std::string message);     // BAD_INPUT: deterministic, the job fails at once
  void FailInternal(std::string message);  // INTERNAL
  // True once the task failed or was cancelled: sources and long loops look at it.
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }
  void Stop() { stop_.store(true, std::memory_order_relaxed); }

  virtual OperatorCounts& counts(uint32_t operator_id) = 0;  // stable reference for the task's life
  virtual int64_t& counter(std::string_view name) = 0;       // user counter; stable reference
  virtual pb::TaskLedger& ledger() = 0;
  // The record at hand, for error messages: called by sources per block or record; the view must outlive the
  // push.
  std::string_view current_record;
  // Keeps the record at hand for the message of an exception that leaves the loop which owns its bytes.
  virtual void KeepRecord() {}
  // Liveness and progress; sources call it now and then.
  std::atomic<uint64_t> progress_records{0}, progress_bytes{0};
  // A record of the input that could not be used. With on_bad_record = skip it goes to the reject
  // file and counts; otherwise the task fails with `message`.
  virtual void BadRecord(std::string message, std::string_view raw) = 0;

 private:
  std::atomic<bool> stop_{false};
};

inline void TaskContext::FailInput(std::string message) {
  pb::ErrorInfo error;
  error.set_kind(pb::ErrorInfo::BAD_INPUT);
  error.set_deterministic(true);
  error.set_message(std::move(message));
  Fail(std::move(error));
}

inline void TaskContext::FailInternal(std::string message) {
  pb::ErrorInfo error;
  error.set_kind(pb::ErrorInfo::INTERNAL);
  error.set_message(std::move(message));
  Fail(std::move(error));
}

}  // namespace millrace
