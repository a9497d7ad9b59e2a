// Named places of the protocol at which a test may stop this process. For tests only; switched off, which is
// the rule, a place costs a load and a branch.
//
//   MILLRACE_FAILPOINT=PLACE:COUNT   at the COUNT-th passage of PLACE in this process: tell it and stop
//                                    (SIGSTOP), so that a test can kill whom it wants at exactly this point
//   MILLRACE_FAILPOINT=PLACE         the same at every passage of PLACE, in every process
//   MILLRACE_FAILPOINT=*             tell every passage, stop at none: the list of the places there are
//   MILLRACE_FAILPOINT_TELL=FILE     where it is told: one line "PID PLACE COUNT" each. Of the processes that
//                                    share FILE only the first one stops at COUNT: it makes FILE.taken
//
// A worker's executors inherit both variables. tests/e2e/crash_points.py walks all places.
#pragma once

namespace google::protobuf {
class Message;
}

namespace millrace {

namespace internal {
class Failpoints;
extern const Failpoints* const failpoints;  // null: off
void PassFailpoint(const char* place);
void PassFailpoint(const char* place, const google::protobuf::Message& message);
}  // namespace internal

// The place has the name `place`.
inline void Failpoint(const char* place) {
  if (internal::failpoints != nullptr) [[unlikely]]
    internal::PassFailpoint(place);
}

// One place "PLACE.FIELD" for each field that is set in `message`, in the order of their numbers.
inline void Failpoint(const char* place, const google::protobuf::Message& message) {
  if (internal::failpoints != nullptr) [[unlikely]]
    internal::PassFailpoint(place, message);
}

}  // namespace millrace
