// `mrsubmit run --local`: the bundle runs by hand as a child and is supervised, so that a crash of user code
// ends in a sentence and a clean folder too.
#pragma once

#include <map>
#include <string>

#include "cli/bundle.h"
#include "cli/options.h"

namespace millrace::cli {

// Runs `BUNDLE JOB --name=value ...` with standard streams handed on. SIGINT and SIGTERM are passed on, a
// second one kills;
// --timeout stops it with exit code 124. Otherwise its exit code, or 1 with a sentence when a signal ended
// it: then what it left of its output is removed.
int RunLocally(const Bundle& bundle, const std::string& job,
               const std::map<std::string, std::string>& job_options, const Options& options);

}  // namespace millrace::cli
