#include <algorithm>

#include "coordinator/journal/journal.h"

namespace millrace {

absl::Status MemoryJournal::Append(std::span<const pb::JournalEntry> entries) {
  std::lock_guard<std::mutex> lock(store_->mutex);
  for (const pb::JournalEntry& entry : entries) store_->entries.push_back(entry.SerializeAsString());
  return absl::OkStatus();
}

absl::Status MemoryJournal::Sync() {
  std::lock_guard<std::mutex> lock(store_->mutex);
  store_->synced = store_->entries.size();
  return absl::OkStatus();
}

absl::Status MemoryJournal::Replay(const std::function<absl::Status(const pb::JournalEntry&)>& fn) {
  std::vector<std::string> entries;
  {
    std::lock_guard<std::mutex> lock(store_->mutex);
    entries = store_->entries;
  }
  for (const std::string& bytes : entries) {
    pb::JournalEntry entry;
    if (!entry.ParseFromString(bytes)) return absl::DataLossError("the journal in memory does not parse");
    absl::Status status = fn(entry);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemoryJournal::Forget(uint64_t job) {
  std::lock_guard<std::mutex> lock(store_->mutex);
  std::erase_if(store_->entries, [job](const std::string& bytes) {
    pb::JournalEntry entry;
    return entry.ParseFromString(bytes) && ForgettableJob(entry) == job;
  });
  store_->synced = std::min(store_->synced, store_->entries.size());
  return absl::OkStatus();
}

uint64_t ForgettableJob(const pb::JournalEntry& entry) {
  switch (entry.entry_case()) {
    case pb::JournalEntry::kActionPlanned:
      return entry.action_planned().job();
    case pb::JournalEntry::kWinner:
      return entry.winner().id().job();
    case pb::JournalEntry::kActionDone:
      return entry.action_done().job();
    case pb::JournalEntry::kDriverLeased:
      return entry.driver_leased().job();
    case pb::JournalEntry::kLedgered:
      return entry.ledgered().id().job();
    case pb::JournalEntry::kShared:
      return entry.shared().job();
    default:
      return 0;
  }
}

}  // namespace millrace
