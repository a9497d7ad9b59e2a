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

bool RunMerger::Advance(size_t run) {
  Run& r = runs_[run];
  if (r.reader.Next()) {
    r.prefix = KeyPrefix(r.reader.key());
    return true;
  }
  r.done = true;
  if (!r.reader.status().ok() && status_.ok()) {
    status_ = r.reader.status();
    failed_run_ = run;
  }
  return false;
}

bool RunMerger::Before(uint32_t a, uint32_t b) const {
  const Run& x = runs_[a];
  const Run& y = runs_[b];
  if (x.done != y.done) return y.done;
  if (x.done) return a < b;
  if (x.prefix != y.prefix) return x.prefix < y.prefix;
  const int order = x.reader.key().compare(y.reader.key());
  return order != 0 ? order < 0 : a < b;
}

// Leaves are n..2n-1 (leaf i is node n + i), inner node k plays its children 2k and 2k+1.
void RunMerger::Build() {
  const size_t n = runs_.size();
  std::vector<uint32_t> winners(2 * n);
  losers_.assign(n, 0);
  for (size_t i = 0; i < n; ++i) winners[n + i] = static_cast<uint32_t>(i);
  for (size_t node = n - 1; node >= 1; --node) {
    const uint32_t left = winners[2 * node], right = winners[2 * node + 1];
    const bool left_wins = Before(left, right);
    winners[node] = left_wins ? left : right;
    losers_[node] = left_wins ? right : left;
  }
  winner_ = n > 1 ? winners[1] : 0;
}

bool RunMerger::Next() {
  if (runs_.empty() || !status_.ok()) return false;
  if (!started_) [[unlikely]] {
    started_ = true;
    for (size_t i = 0; i < runs_.size(); ++i) Advance(i);
    Build();
  } else {
    Advance(winner_);
    uint32_t winner = winner_;
    for (size_t node = (runs_.size() + winner_) / 2; node >= 1; node /= 2) {
      if (Before(losers_[node], winner)) std::swap(losers_[node], winner);
    }
    winner_ = winner;
  }
  return status_.ok() && !runs_[winner_].done;
}

}  // namespace millrace
