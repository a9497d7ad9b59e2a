#include "common/pipeline/counter.h"

#include <stdexcept>

#include "common/base/strings.h"
#include "common/pipeline/runtime.h"

namespace millrace {
namespace {

thread_local TaskContext* current_task = nullptr;

}  // namespace

void AddToCounter(std::string_view name, int64_t n) {
  if (current_task == nullptr)
    throw std::logic_error(StrCat("AddToCounter(\"", name,
                                  "\") was called outside of a task; call it in a function that a ",
                                  "data set is given, or Collect() what there is to count"));
  current_task->counter(name) += n;
}

namespace internal {

CountingFor::CountingFor(TaskContext* context) { current_task = context; }
CountingFor::~CountingFor() { current_task = nullptr; }

}  // namespace internal
}  // namespace millrace
