// Starts executors as child processes: BUNDLE __executor --fd=3, frames over a socket pair
// (proto/executor.proto).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/agent/launcher.h"

namespace millrace {

struct ProcessLauncherOptions {
  std::vector<std::string> arguments = {"__executor", "--fd=3"};  // after the program's name
};

// A child has a process group of its own, which dies with it; no descriptor but 0 to 3; /dev/null as input;
// what it prints comes back as log lines; and of the environment only PATH, GLIBC_TUNABLES and MILLRACE_*,
// with TZ=UTC and LC_ALL=C. One thread per child moves its frames. End of file is the death signal, either
// way.
std::unique_ptr<ExecutorLauncher> MakeProcessLauncher(ProcessLauncherOptions options = {});

// The heap limit that a worker sets by default: no more than four fifths of the machine's memory.
uint64_t ClampToMachine(uint64_t heap_limit_bytes);

}  // namespace millrace
