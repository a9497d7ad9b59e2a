// What a person sees of a running job: one line per stage, in place on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "proto/client.pb.h"

namespace millrace::cli {

// "stage 3 reduce: 5/8 tasks, 1.2M records, 34 MiB, 12 MiB/s, 3 s left". `seconds` since the stage was first
// seen running; rates and time left need some of it.
std::string StageLine(const pb::StageStatus& stage, double seconds);

// What `status` prints above its stages: "j-3 wordcount: running, 4 tasks" or "pending: no worker is
// connected".
std::string JobLine(const pb::JobStatus& job);

// The lines at the end of a job: time, records, output, the next command to try.
std::string Summary(const pb::JobStatus& job);

class Progress {
 public:
  enum class Mode { kNone, kPlain, kTerminal };
  // "auto": kTerminal when `out` is one and TERM is not "dumb", else kPlain.
  static Mode ModeOf(const std::string& word, FILE* out);

  Progress(Mode mode, FILE* out) : mode_(mode), out_(out) {}
  // `now_ms` of any steady clock.
  void Update(const pb::JobStatus& job, int64_t now_ms);
  // A line that stays.
  void Note(const std::string& line);
  // Takes the lines in place away.
  void Clear();

 private:
  struct Seen {
    int64_t since_ms = -1;  // first running
    int64_t printed_ms = 0;
    bool done = false;
  };
  void Draw(const pb::JobStatus& job, int64_t now_ms);

  Mode mode_;
  FILE* out_;
  std::map<uint32_t, Seen> stages_;
  std::string pending_, pending_told_;
  int64_t pending_ms_ = 0;  // since when it is this reason
  uint32_t lines_ = 0;      // in place at the moment
  uint32_t finished_ = 0;   // stages
  int64_t plain_ms_ = 0;
};

}  // namespace millrace::cli
