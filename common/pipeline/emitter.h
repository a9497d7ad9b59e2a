// Where functions put what they make.
#pragma once

#include "common/pipeline/bad_input.h"
#include "common/pipeline/runtime.h"

namespace millrace {

// Hands records to the next operator at once; nothing is kept. Views in a record need to live for the
// duration of the call only.
template <typename U>
class Emitter {
 public:
  Emitter(Sink<U>* down, OperatorCounts* counts) : down_(down), counts_(counts) {}
  void operator()(const U& record) {
    ++counts_->out;
    down_->Push(record);
  }
  void Emit(const U& record) { (*this)(record); }

 private:
  Sink<U>* down_;
  OperatorCounts* counts_;
};

}  // namespace millrace
