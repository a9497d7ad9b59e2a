// The executor as a process of its own: frames over a socket pair from and to its worker.
#pragma once

#include <string>

namespace millrace {

// Serves frames on `fd` until it is closed or a frame asks for the shutdown; returns the exit code. User
// code that does not stop within two seconds of that is left behind by _exit.
int RunExecutorProcess(int fd, const std::string& bundle_name);

}  // namespace millrace
