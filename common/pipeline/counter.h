// Counters of a job's own, beside those of records.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

class TaskContext;

// Adds to a counter of the job, which `mrsubmit counters`, the web page and _SUCCESS show. For functions that
// run in tasks (of Map, Filter, GroupBy, ...); elsewhere it throws std::logic_error.
//
// What a task counted comes with its success: a task that is tried again, here or elsewhere, counts once.
// What the job computes twice counts twice: a data set of two actions without Cache(), the sample of a sort.
// A function that adds values up runs as often as there are pieces, which memory has a say in: do not count
// there. O(log counters) a call: gather where calls are many.
void AddToCounter(std::string_view name, int64_t n = 1);

namespace internal {

// While it lives, this thread runs `context`'s task.
class CountingFor {
 public:
  explicit CountingFor(TaskContext* context);
  CountingFor(const CountingFor&) = delete;
  CountingFor& operator=(const CountingFor&) = delete;
  ~CountingFor();
};

}  // namespace internal
}  // namespace millrace
