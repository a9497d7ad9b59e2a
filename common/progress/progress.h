// What a person sees of a running job, on a fleet and in local mode: one line per stage, in place on a
// terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "proto/client.pb.h"

namespace millrace {

// "stage 3 reduce: 5/8 tasks, 1.2M records, 34 MiB, 12 MiB/s, 3 s left". `seconds` since the stage was first
// seen running; rates and time left need some of it.
std::string StageLine(const pb::StageStatus& stage, double seconds);

// What `status` prints above its stages: "j-3 wordcount: running, 4 tasks" or "pending: no worker is
// connected".
std::string JobLine(const pb::JobStatus& job);

bool Ended(const pb::JobStatus& job);  // succeeded, failed or killed

// The lines at the end of a job: `title`, time, records, output, the next command to try (`next` where there
// is no output to verify).
std::string Summary(const pb::JobStatus& job, double seconds, const std::string& title,
                    const std::string& next);

class Progress {
 public:
  enum class Mode { kNone, kPlain, kTerminal };
  // "auto": kTerminal when `out` is one and TERM is not "dumb", else kPlain.
  static Mode ModeOf(const std::string& word, FILE* out);

  // `with_id`: lines begin with the job's id.
  Progress(Mode mode, FILE* out, bool with_id = true) : mode_(mode), out_(out), with_id_(with_id) {}
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
  std::string Id(const pb::JobStatus& job) const { return with_id_ ? job.id() + " " : std::string(); }
  void Draw(const pb::JobStatus& job, int64_t now_ms);

  Mode mode_;
  FILE* out_;
  const bool with_id_;
  std::map<uint32_t, Seen> stages_;
  std::string pending_, pending_told_;
  int64_t pending_ms_ = 0;  // since when it is this reason
  uint32_t lines_ = 0;      // in place at the moment
  uint32_t finished_ = 0;   // stages
  int64_t plain_ms_ = 0;
};

}  // namespace millrace
