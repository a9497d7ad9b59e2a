// `BUNDLE plan JOB ...`: runs the job function against a link that prints plans instead of running them.
#pragma once

#include "worker/bundle/options.h"

namespace millrace {

// Prints up to the first action whose result decides what comes next. Returns the exit code.
int PrintPlan(const LocalOptions& options);

}  // namespace millrace
