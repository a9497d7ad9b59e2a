// Merges sorted runs into one ordered stream: (key bytes, number of the run). A loser tree over
// eight-byte prefixes; one comparison per level and record.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/shuffle/segment.h"

namespace millrace {

// First eight bytes of a key as a number that orders like them.
inline uint64_t KeyPrefix(std::string_view key) {
  uint64_t word = 0;
  if (key.size() >= 8) {
    std::memcpy(&word, key.data(), 8);
  } else if (!key.empty()) {
    std::memcpy(&word, key.data(), key.size());
  }
  return __builtin_bswap64(word);
}

class RunMerger {
 public:
  // Of equal keys the run named first comes first. Each reader holds `buffer_bytes`, or the run if that is
  // less.
  RunMerger(std::vector<RunSource> runs, size_t buffer_bytes);
  RunMerger(RunMerger&&) = default;

  // False at the end and on an error; views of the record before are dead then.
  bool Next();
  std::string_view key() const { return runs_[winner_.run].reader.key(); }
  std::string_view value() const { return runs_[winner_.run].reader.value(); }
  size_t run() const { return winner_.run; }
  const absl::Status& status() const { return status_; }
  size_t failed_run() const { return failed_run_; }  // when status() is not OK

 private:
  struct Run {
    RunReader reader;
    bool done = false;
  };
  // Most comparisons need nothing but this. The prefix of a run at its end is the greatest one.
  struct Entry {
    uint64_t prefix = 0;
    uint32_t run = 0;
  };
  Entry Advance(uint32_t run);
  bool Before(const Entry& a, const Entry& b) const {
    if (a.prefix != b.prefix) [[likely]]
      return a.prefix < b.prefix;
    return BeforeInFull(a.run, b.run);
  }
  bool BeforeInFull(uint32_t a, uint32_t b) const;
  void Build();

  std::vector<Run> runs_;
  std::vector<Entry> losers_;  // inner nodes 1..n-1; the winner is apart
  Entry winner_;
  bool started_ = false;
  absl::Status status_;
  size_t failed_run_ = 0;
};

}  // namespace millrace
