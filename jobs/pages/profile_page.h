// The page of a profile.
#pragma once

#include "common/report/page.h"
#include "jobs/ml/profile_stages.h"

namespace millrace::report {

// Warnings (constant, empty, mostly missing, duplicated and strongly associated columns), a line per
// column, how the columns go together, and of each of the first 60 columns a histogram, figures and the
// most frequent values.
Page ProfilePage(const ml::ProfileSpec& spec, const ml::Profile& profile);

}  // namespace millrace::report
