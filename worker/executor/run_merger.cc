#include "worker/executor/run_merger.h"

#include <algorithm>

namespace millrace {

RunMerger::RunMerger(std::vector<RunSource> runs, size_t buffer_bytes) {
  runs_.reserve(runs.size());
  for (RunSource& run : runs) {
    const size_t buffer = std::min<uint64_t>(buffer_bytes, run.disk_bytes);  // short runs need little
    runs_.push_back(Run{RunReader(std::move(run), buffer)});
  }
}

RunMerger::Entry RunMerger::Advance(uint32_t run) {
  Run& r = runs_[run];
  if (r.reader.Next()) return {KeyPrefix(r.reader.key()), run};
  r.done = true;
  if (!r.reader.status().ok() && status_.ok()) {
    status_ = r.reader.status();
    failed_run_ = run;
  }
  return {UINT64_MAX, run};
}

bool RunMerger::BeforeInFull(uint32_t a, uint32_t b) const {
  const Run& x = runs_[a];
  const Run& y = runs_[b];
  if (x.done != y.done) return y.done;
  if (x.done) return a < b;
  const int order = x.reader.key().compare(y.reader.key());
  return order != 0 ? order < 0 : a < b;
}

// Leaves are n..2n-1 (leaf i is node n + i), inner node k plays its children 2k and 2k+1.
void RunMerger::Build() {
  const size_t n = runs_.size();
  std::vector<Entry> winners(2 * n);
  losers_.assign(n, {});
  for (uint32_t i = 0; i < n; ++i) winners[n + i] = Advance(i);
  for (size_t node = n - 1; node >= 1; --node) {
    const Entry left = winners[2 * node], right = winners[2 * node + 1];
    const bool left_wins = Before(left, right);
    winners[node] = left_wins ? left : right;
    losers_[node] = left_wins ? right : left;
  }
  winner_ = winners[1];  // also where there is one run only
}

bool RunMerger::Next() {
  if (runs_.empty() || !status_.ok()) return false;
  if (!started_) [[unlikely]] {
    started_ = true;
    Build();
  } else {
    Entry winner = Advance(winner_.run);
    for (size_t node = (runs_.size() + winner.run) / 2; node >= 1; node /= 2) {
      // Which of the two wins cannot be foretold: no branch on it.
      const Entry loser = losers_[node];
      const bool swaps = Before(loser, winner);
      losers_[node].prefix = swaps ? winner.prefix : loser.prefix;
      losers_[node].run = swaps ? winner.run : loser.run;
      winner.prefix = swaps ? loser.prefix : winner.prefix;
      winner.run = swaps ? loser.run : winner.run;
    }
    winner_ = winner;
  }
  return status_.ok() && !runs_[winner_.run].done;
}

}  // namespace millrace
