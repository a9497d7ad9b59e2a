#include "common/base/status.h"

#include <cerrno>
#include <system_error>

namespace millrace {

absl::Status ErrnoStatus(int error, std::string_view action, std::string_view path) {
  if (error == ENOSPC || error == EDQUOT) {
    return ResourceExhausted("the disk is full while writing ", path,
                             ": free some space or choose another folder");
  }
  const std::string message =
      StrCat("cannot ", action, " '", path, "': ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFound(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(message);
    case EEXIST:
    case ENOTEMPTY:
      return AlreadyExists(message);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ResourceExhausted(message);
    case EISDIR:
    case ENAMETOOLONG:
    case EINVAL:
      return InvalidArgument(message);
    default:
      return Internal(message);
  }
}

}  // namespace millrace
