// What a person sees while a job runs in local mode: one line per stage on stderr.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proto/client.pb.h"

namespace millrace {

class LocalProgress {
 public:
  // `mode`: "auto" (a line in place on a terminal, else plain), "plain", "none".
  LocalProgress(const std::string& mode, int64_t now_ms);
  void Update(const pb::JobStatus& job, int64_t now_ms);
  void Clear();  // the line in place goes

 private:
  enum class Mode { kNone, kPlain, kTerminal };
  Mode mode_;
  bool drawn_ = false;
  int64_t begin_ms_, last_ms_;
  std::map<uint32_t, bool> done_;
};

// "wordcount succeeded in 1.2 s ..." for stdout.
std::string LocalSummary(const std::string& program, const pb::JobStatus& job, double seconds);

}  // namespace millrace
