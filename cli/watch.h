// Waiting for a job of a fleet: progress, lost connections, Ctrl-C, --timeout.
#pragma once

#include <memory>
#include <string>

#include "cli/client.h"
#include "cli/options.h"
#include "proto/client.pb.h"

namespace millrace::cli {

// Shows the job until it ends and prints its end (a summary, or the error's sentence); with json the final
// status as JSON on standard output. Returns the exit code: 0 succeeded or detached, 1 failed, 2 failed
// before its first task, 3 killed, 4 coordinator gone for good, 124 timed out. Ctrl-C asks whether to detach
// or to kill; without a terminal it detaches.
// `succeeded`, where given, tells a job that succeeded from one that was detached from.
int WatchToEnd(std::shared_ptr<Client> client, const std::string& id, const Options& options,
               bool* succeeded = nullptr);

// Keeps SIGINT and SIGTERM for WatchToEnd to read. Call it before the Client is made: gRPC's threads inherit
// the mask, and one without it would die of the signal.
void HoldSignals();

// Exit code of an ended job.
int ExitCodeOf(const pb::JobStatus& job);

}  // namespace millrace::cli
