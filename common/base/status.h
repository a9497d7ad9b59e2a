// absl::Status with messages made by StrCat. A message for users is one sentence: what was wrong,
// where, what to do.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/strings.h"

namespace millrace {

#define MR_DEFINE_STATUS_MAKER(Name)                   \
  template <typename... Args>                          \
  absl::Status Name(const Args&... args) {             \
    return absl::Name##Error(ToAbsl(StrCat(args...))); \
  }
MR_DEFINE_STATUS_MAKER(Aborted)
MR_DEFINE_STATUS_MAKER(AlreadyExists)
MR_DEFINE_STATUS_MAKER(Cancelled)
MR_DEFINE_STATUS_MAKER(DataLoss)
MR_DEFINE_STATUS_MAKER(DeadlineExceeded)
MR_DEFINE_STATUS_MAKER(FailedPrecondition)
MR_DEFINE_STATUS_MAKER(Internal)
MR_DEFINE_STATUS_MAKER(InvalidArgument)
MR_DEFINE_STATUS_MAKER(NotFound)
MR_DEFINE_STATUS_MAKER(OutOfRange)
MR_DEFINE_STATUS_MAKER(PermissionDenied)
MR_DEFINE_STATUS_MAKER(ResourceExhausted)
MR_DEFINE_STATUS_MAKER(Unauthenticated)
MR_DEFINE_STATUS_MAKER(Unavailable)
MR_DEFINE_STATUS_MAKER(Unimplemented)
#undef MR_DEFINE_STATUS_MAKER

// The message as std::string.
inline std::string MessageOf(const absl::Status& status) { return std::string(ToStd(status.message())); }

// The same code, "prefix: message". OK stays OK.
inline absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  return absl::Status(status.code(), ToAbsl(StrCat(prefix, ": ", status.message())));
}

// For errno `error` at doing `action` ("open", "write to") to `path`. A full disk is kResourceExhausted,
// "the disk is full while writing PATH"; others: "cannot ACTION 'PATH': TEXT OF ERRNO".
absl::Status ErrnoStatus(int error, std::string_view action, std::string_view path);

namespace internal {
inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& status) {
  return status.status();
}
}  // namespace internal

}  // namespace millrace

#define MR_CONCAT_INNER(a, b) a##b
#define MR_CONCAT(a, b) MR_CONCAT_INNER(a, b)

// Returns from the function with the status of `expr` (Status or StatusOr) unless it is OK.
#define MR_RETURN_IF_ERROR(expr)                                                         \
  do {                                                                                   \
    if (const auto& mr_status = (expr); !::millrace::internal::AsStatus(mr_status).ok()) \
      return ::millrace::internal::AsStatus(mr_status);                                  \
  } while (false)

// MR_ASSIGN_OR_RETURN(auto x, F()): the value of a StatusOr, or returns its status.
#define MR_ASSIGN_OR_RETURN(lhs, expr) \
  MR_ASSIGN_OR_RETURN_INNER(MR_CONCAT(mr_result_, __COUNTER__), lhs, expr)
#define MR_ASSIGN_OR_RETURN_INNER(result, lhs, expr) \
  auto result = (expr);                              \
  if (!result.ok()) return result.status();          \
  lhs = std::move(result).value()
