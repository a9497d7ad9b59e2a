// What the coordinator keeps of a job beside the scheduler's books: its submission, plans, the reports
// of winners, results, where map outputs lie, and what people ask about. Owned by the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/scheduler/types.h"
#include "proto/client.pb.h"
#include "proto/control.pb.h"

namespace millrace::coordinator {

// The last `capacity` lines, numbered from 1 since the first.
template <typename Line>
class Ring {
 public:
  void Add(Line line, size_t capacity) {
    lines_.push_back(std::move(line));
    ++last_;
    while (lines_.size() > capacity) lines_.pop_front();
  }
  // Lines numbered above `cursor`, and the number of the last one.
  template <typename Fn>
  uint64_t After(uint64_t cursor, const Fn& fn) const {
    const uint64_t first = last_ - lines_.size() + 1;
    for (uint64_t i = cursor < first ? first : cursor + 1; i <= last_; ++i) fn(lines_[i - first]);
    return last_;
  }
  uint64_t last() const { return last_; }

 private:
  std::deque<Line> lines_;
  uint64_t last_ = 0;
};

// One task's winner, as far as it is needed later.
struct TaskBook {
  bool counted = false;  // its ledger and counters are in the stage's sums: once, whatever is run again
  scheduler::AttemptId winner;
  std::string path;  // map output
  std::string digest;
  uint64_t records = 0, bytes = 0;
  std::string result;  // until the action is done
  std::unique_ptr<pb::OutputFile> file;
};

struct StageBook {
  const pb::Stage* spec = nullptr;  // in JobBook::plans
  uint32_t action = 0;
  std::vector<TaskBook> tasks;
  uint32_t counted = 0;  // tasks
  pb::TaskLedger sums;   // without `operators`
  std::map<uint32_t, pb::OperatorCount> operators;
  std::map<std::string, int64_t> counters;
  std::map<uint32_t, std::string> rejects;  // by task: temporary files of rejected records
  uint64_t result_bytes = 0;
  uint64_t total_bytes = 0;                      // of its splits; 0 when it reads stages
  std::shared_ptr<const pb::Manifest> manifest;  // of the version built last
};

struct JobBook {
  uint64_t id = 0;
  pb::SubmitRequest request;
  int64_t submitted_ms = 0, started_ms = 0, finished_ms = 0;  // wall clock, for people
  uint64_t driver_epoch = 0;                                  // of the last lease
  std::string profile;
  std::map<uint32_t, pb::ActionRequest> plans;   // journaled ones, by action
  std::map<uint32_t, pb::ActionResult> results;  // of the actions that are done, as far as they are needed
  std::set<uint32_t> settled;                    // done, in steps of a loop that nobody will run again
  std::map<std::string, std::string> shared;     // values that plans name, by digest
  std::map<uint32_t, StageBook> stages;
  std::map<scheduler::AttemptId, pb::ErrorInfo> errors;  // the last ones, for stack and record
  std::map<scheduler::AttemptId, pb::TaskProgress> progress;
  Ring<pb::StoryLine> story;
  Ring<pb::LogLine> logs;
  pb::ErrorInfo error;  // why it failed, in full
  bool over = false;
  pb::JobStatus final_status;  // when it is over

  // True when it was not there yet.
  bool AddShared(const pb::SharedValue& value) {
    return shared.emplace(value.digest(), value.value()).second;
  }
  // Enters a plan; its stages that are new get their books.
  void AddPlan(pb::ActionRequest request);
  TaskBook* FindTask(uint32_t stage, uint32_t task);
  // Adds a winner's ledger and counters to its stage's sums, unless the task was counted before.
  // False when it was, or when nobody knows the task.
  bool Count(const scheduler::AttemptId& id, const pb::TaskLedger& ledger,
             const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
             const std::string& rejects_temporary);
  // Remembers the winner of a kWrite or kResult task.
  void SetWinner(const pb::TaskReport& report);
  // Remembers where the output of a map task lies.
  void SetLocation(const scheduler::AttemptId& id, const pb::MapOutput& output);
  // Assembles what the driver is told; 0 as final stage is job.Record().
  pb::ActionResult MakeResult(uint32_t action, uint32_t final_stage) const;
  // Enters it and lets go of what only it needed; the state of a loop settles the steps before it.
  void AddResult(pb::ActionResult result);
  void KeepError(const scheduler::AttemptId& id, const pb::ErrorInfo& error);
  // Lets go of everything but what status, story and logs show. The job is over.
  void Shrink();
  std::map<std::string, int64_t> Counters() const;
  std::string output() const;  // the option, or the first write target's root
};

// Empty, or the sentence that says which law the report of a winner breaks: operator laws, bytes of its
// split.
std::string CheckTaskLedger(const pb::Stage& stage, const pb::TaskReport& report);

// Where two plans of the same action differ first, for people: "operator Map(x) of stage 2 (reduce)"; "" when
// equal.
std::string PlanDifference(const pb::Plan& logged, const pb::Plan& now);

// The list that turns temporaries into the output, _SUCCESS included; with `commit` false the one that
// leaves nothing behind. kInternal when the ledger of the whole job does not balance.
absl::StatusOr<pb::FileList> MakeFileList(const JobBook& book, uint64_t request, bool commit);

}  // namespace millrace::coordinator
