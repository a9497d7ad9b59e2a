// The coordinator's memory across restarts: an append-only sequence of entries, replayed in order.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/journal.pb.h"

namespace millrace {

// Used by one thread at a time, but for the destructor.
class Journal {
 public:
  virtual ~Journal() = default;
  // When it returns OK, all of `entries` outlive this process, otherwise none of them. The machine may lose
  // the newest entries if it loses its power before Sync(): what is left is a beginning of what was appended.
  virtual absl::Status Append(std::span<const pb::JournalEntry> entries) = 0;
  // All that was appended outlives the machine's power.
  virtual absl::Status Sync() = 0;
  // Every entry ever appended, oldest first. Stops at the first error of `fn` and returns it.
  virtual absl::Status Replay(const std::function<absl::Status(const pb::JournalEntry&)>& fn) = 0;
  // Drops the plans, winners, results and ledgers of a job that is over; its submission and its end stay.
  virtual absl::Status Forget(uint64_t job) = 0;
};

// Kept by the process only: local mode and tests. Several journals may share one `Store`, which is
// how a test restarts a coordinator.
class MemoryJournal : public Journal {
 public:
  struct Store {
    std::mutex mutex;
    std::vector<std::string> entries;  // serialized
    size_t synced = 0;                 // of them
  };
  MemoryJournal() : store_(std::make_shared<Store>()) {}
  explicit MemoryJournal(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  absl::Status Append(std::span<const pb::JournalEntry> entries) override;
  absl::Status Sync() override;
  absl::Status Replay(const std::function<absl::Status(const pb::JournalEntry&)>& fn) override;
  absl::Status Forget(uint64_t job) override;

 private:
  std::shared_ptr<Store> store_;
};

// Keeps nothing: for local mode, where the job dies with its process.
class NullJournal : public Journal {
 public:
  absl::Status Append(std::span<const pb::JournalEntry>) override { return absl::OkStatus(); }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Replay(const std::function<absl::Status(const pb::JournalEntry&)>&) override {
    return absl::OkStatus();
  }
  absl::Status Forget(uint64_t) override { return absl::OkStatus(); }
};

// The job that Forget() of it would drop the entry for; 0 for entries that stay.
uint64_t ForgettableJob(const pb::JournalEntry& entry);

// Opens `state_dir`/journal.sqlite (created with its folder when absent): write-ahead log, one
// transaction per Append. Holds a lock on the folder for its life. Errors are sentences:
//   kFailedPrecondition: another coordinator holds the folder, or the journal was written by a newer version;
//   kDataLoss: the file is no journal, or is damaged;  kInternal/kResourceExhausted: the disk.
absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(const std::string& state_dir);

}  // namespace millrace
