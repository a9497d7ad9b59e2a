// An action under way. Included by dataset.h.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "common/pipeline/job.h"

namespace millrace {

// What Start...() returns. Actions are numbered in the order of their starts and run side by side; Get()
// waits for one. Whoever does not ask lets it run all the same: the job function's end waits for it, and so
// does the end of the step of a loop that started it.
template <typename T>
class Started {
 public:
  using Take = std::function<T(Job&, const pb::ActionResult&)>;
  Started(Job* job, uint32_t action, Take take) : job_(job), action_(action), take_(std::move(take)) {}
  T Get() { return take_(*job_, job_->Await(action_)); }  // once

 private:
  Job* job_;
  uint32_t action_;
  Take take_;
};

}  // namespace millrace
