#include "tests/sim/checkers.h"

namespace millrace::sim {

using scheduler::ErrorKind;
using scheduler::JobState;
using scheduler::Outcome;

bool Checkers::IsWinner(const AttemptId& id) const {
  auto job = jobs_.find(id.job);
  if (job == jobs_.end()) return false;
  auto it = job->second.winners.find({id.stage, id.task});
  return it != job->second.winners.end() && it->second == id;
}

bool Checkers::Settled(JobId job) const {
  auto it = jobs_.find(job);
  return it != jobs_.end() && it->second.settled;
}

bool Checkers::Aborted(JobId job) const {
  auto it = jobs_.find(job);
  return it != jobs_.end() && it->second.decided;
}

bool Checkers::AllSettled() const {
  for (const JobModel& job : scenario_.jobs) {
    if (!Settled(job.id)) return false;
  }
  return true;
}

void Checkers::OnResult(const JobModel& job, const ActionModel& action, const std::vector<uint64_t>& values) {
  if (action.recorded || job.unsteady_stage != 0) return;
  if (job.stages.at(action.final_stage).tasks != values.size())
    Complain("a result has a wrong number of parts");
  for (TaskId task = 0; task < values.size(); ++task) {
    if (values[task] != job.Expected(action.final_stage, task)) {
      Complain("a wrong result: job " + std::to_string(job.id) + " action " + std::to_string(action.id) +
               " task " + std::to_string(task));
    }
  }
}

// Empty where the failure had a good reason.
std::string Checkers::FailureReason(const JobModel& job, const JobBook& book) const {
  if (book.state == JobState::kKilled) return job.kill_ms >= 0 ? "" : "killed though nobody asked";
  if (book.error.kind == ErrorKind::kKilled) return "it failed as if killed";
  if (job.MayFail()) return "";
  return "it failed without a reason: " + book.error.message;
}

void Checkers::AtEnd(const JobModel& job, const std::map<TaskRef, uint64_t>& published, bool aborted,
                     const std::map<TaskRef, uint64_t>& conflicts) {
  const std::string name = "job " + std::to_string(job.id) + ": ";
  auto it = jobs_.find(job.id);
  if (it == jobs_.end() || !it->second.settled) {
    Complain(name + "it never ended");
    return;
  }
  const JobBook& book = it->second;
  if (!conflicts.empty()) {
    Complain(name + "winners used different outputs of stage " +
             std::to_string(conflicts.begin()->first.first) + " task " +
             std::to_string(conflicts.begin()->first.second));
  }
  if (!book.succeeded) {
    const std::string wrong = FailureReason(job, book);
    if (!wrong.empty()) Complain(name + wrong);
    if (book.wrote && !aborted) Complain(name + "its temporaries were never removed");
    return;
  }
  if (job.MustFail() || book.differed) Complain(name + "it succeeded, but cannot have");
  for (const auto& [id, shape] : job.stages) {
    if (shape.output != OutputKind::kWrite || job.unsteady_stage != 0) continue;
    for (TaskId task = 0; task < shape.tasks; ++task) {
      auto part = published.find({id, task});
      if (part == published.end()) {
        Complain(name + "a part is missing");
      } else if (part->second != job.Expected(id, task)) {
        Complain(name + "a part is wrong");
      }
    }
  }
}

}  // namespace millrace::sim
