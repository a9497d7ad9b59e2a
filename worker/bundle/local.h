// Local mode: coordinator, worker and executor in this process, joined by direct calls. The same code as on
// a fleet, the same encoding, no sockets.
#pragma once

#include <atomic>
#include <string>

#include "worker/bundle/options.h"

namespace millrace {

// Runs the job to its end: progress and errors on stderr, the summary on stdout. Returns the exit code: 0, 1
// (failed), 2 (usage), 3 (killed by SIGINT or SIGTERM). `work_dir` exists. May not return (_exit) when user
// code is stuck. `said` is set when a crash of user code was put in a sentence; may be null.
int RunLocal(const LocalOptions& options, const std::string& work_dir, std::atomic<int>* said);

// RunLocal in a child process, so that a crash of user code ends in a sentence, exit code 1 and a clean
// folder. Makes and removes the work-dir.
int RunLocalSupervised(const LocalOptions& options);

}  // namespace millrace
