// Values of the scheduler: plain structs, no protobuf. They mirror proto/ids.proto, task.proto and
// plan.proto as far as the scheduler looks at them (shape, sums, digests; never user data).
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::scheduler {

using JobId = uint64_t;
using StageId = uint32_t;   // unique within the job, rising in planning order
using TaskId = uint32_t;    // 0-based within the stage
using ActionId = uint32_t;  // 1, 2, ... in program order
using WorkerId =
    uint32_t;  // 0 = none. Given by the server, one per worker name, not recycled in an incarnation.
using Epoch = uint64_t;  // of one connection of a worker: strictly rising over all connections
using DriverEpoch = uint64_t;
using Version = uint64_t;   // of a stage's manifest: (incarnation << 32) + changes, so it never recycles
using Bytes = std::string;  // opaque bytes: fingerprints

// One attempt of one task. `attempt` counts from 0 within (incarnation, job, stage, task).
struct AttemptId {
  uint64_t incarnation = 0;
  JobId job = 0;
  ActionId action = 0;
  StageId stage = 0;
  TaskId task = 0;
  uint32_t attempt = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};
// "j-3 s2 t17 a0 i1": job, stage, task, attempt, incarnation.
std::string Text(const AttemptId& id);

// Digest of a task's logical output: the same for every attempt of the task.
struct Digest {
  uint64_t high = 0, low = 0;
  friend auto operator<=>(const Digest&, const Digest&) = default;
  // The 16 bytes of pb::MapOutput.digest; shorter ones are padded with zeros.
  static Digest FromBytes(std::string_view bytes) {
    char raw[16] = {};
    std::memcpy(raw, bytes.data(), bytes.size() < 16 ? bytes.size() : 16);
    Digest digest;
    std::memcpy(&digest.high, raw, 8);
    std::memcpy(&digest.low, raw + 8, 8);
    return digest;
  }
  std::string ToBytes() const {
    std::string raw(16, '\0');
    std::memcpy(raw.data(), &high, 8);
    std::memcpy(raw.data() + 8, &low, 8);
    return raw;
  }
};

// The digests of all outputs of a stage that readers have consumed.
struct StageDigests {
  StageId stage = 0;
  std::vector<Digest> digests;  // by task
};

enum class OutputKind : uint8_t {
  kShuffle,  // held on the worker, re-learned at registration
  kCache,    // the same, for later actions too
  kWrite,    // a temporary file; the winner is journaled and final
  kResult,   // bytes in the report; the winner is journaled and final
};
inline bool IsHeld(OutputKind kind) { return kind == OutputKind::kShuffle || kind == OutputKind::kCache; }

enum class Outcome : uint8_t {
  kOk,
  kFailed,       // charged to the task
  kCrashed,      // charged: this task was the culprit
  kLost,         // innocent: requeued uncharged
  kFetchFailed,  // an input is missing, stale or corrupt (`missing` says which): requeued uncharged
  kCancelled,    // after Cancel; without one it counts as kLost
};

// Same numbers as pb::ErrorInfo::Kind.
enum class ErrorKind : uint8_t { kNone, kUsage, kBadInput, kUserCode, kSystem, kKilled, kInternal };

struct ErrorFacts {
  ErrorKind kind = ErrorKind::kNone;
  std::string message;         // one sentence for the user
  bool deterministic = false;  // the same input would fail the same way: never retried
  // What makes two failures "the same": the server joins operator, record, signal and message. Empty = never
  // the same.
  std::string signature;
  // The attempt whose report brought it (job 0 = none): the server finds stack and record there.
  AttemptId cause;
};

// The part of a winner's ledger that the scheduler balances.
struct TaskSums {
  uint64_t records_sent = 0, bytes_sent = 0;          // to the shuffle or cache
  uint64_t records_received = 0, bytes_received = 0;  // from the shuffle or cache
  friend bool operator==(const TaskSums&, const TaskSums&) = default;
};

// Tasks [first_task, first_task + tasks) of the reading stage (one branch of it) read `stage`:
// shuffled (task p reads partition p - first_task of every map) or aligned (reads the whole output
// of task p - first_task). A branch with several input stages has one entry for each.
struct StageInput {
  StageId stage = 0;
  bool aligned = false;
  TaskId first_task = 0;
  uint32_t tasks = 0;  // 0 = all tasks of the reading stage
};

struct StageShape {
  StageId id = 0;
  uint32_t tasks = 0;
  OutputKind output = OutputKind::kShuffle;
  std::vector<StageInput> inputs;  // stages of this plan that stand before it, or of earlier actions
  bool speculate = true;           // false where a second attempt would be seen outside (Kafka)
};

enum class JobState : uint8_t {
  kPending,  // no driver was placed yet
  kRunning,
  kPublishing,  // the driver is done; renames are under way
  kAborting,    // failed or killed; attempts are being stopped and temporaries removed. Clients see RUNNING.
  kSucceeded,
  kFailed,
  kKilled,
};
inline bool IsFinal(JobState state) { return state >= JobState::kSucceeded; }
const char* Name(JobState state);

struct JobOptions {
  uint32_t max_attempts = 4;  // charged failures of one task before the job fails
  std::string profile;        // numeric profile that the job insists on; empty = that of its first worker
};

// TEST ONLY: rules broken on purpose, to show that the simulator's checkers notice.
enum class BrokenRule : uint8_t {
  kNone,
  kAcceptStaleEpoch,       // reports of an earlier connection or of a cancelled attempt count
  kTellBeforeJournal,      // the driver hears of a result before it is durable
  kNeverRequeueLost,       // tasks of a lost worker are forgotten
  kIgnoreManifestVersion,  // a fetch failure invalidates whatever is current
  kDoubleWinner,           // a second winner replaces the first
  kIgnoreCredits,          // grants beyond slots + credits
  kPublishEarly,           // publishes while actions are still running
  kSkipDigestCheck,        // a re-run may differ from what was consumed
};

struct Options {
  int64_t lease_ms = 10'000;           // a worker silent for this long is down
  int64_t grace_ms = 2'000;            // after a restart recovered jobs wait this long for workers to return
  int64_t speculation_min_ms = 5'000;  // younger attempts are never doubled
  int64_t speculation_percent = 150;   // of the median of the stage's finished tasks
  int64_t queue_ahead_ms = 20;         // of work that may wait at a worker behind its slots
  uint32_t max_uncharged = 100;        // lost or fetch-failed attempts of one task before the job fails
  uint32_t max_driver_losses = 8;      // executors lost under the driver with no action done in between
  uint32_t max_publish_attempts = 5;   // of one file list
  uint32_t drivers_per_slot = 4;       // further jobs wait
  int64_t abort_wait_ms = 5'000;       // for attempts of a failed job to stop before its temporaries go
  int64_t abort_give_up_ms = 60'000;   // with no worker that could remove them
  uint32_t finished_jobs = 1'000;      // remembered for status after their end (at least 1)
  bool task_stories = true;            // a Story line per grant and report
  BrokenRule broken = BrokenRule::kNone;
};

}  // namespace millrace::scheduler
