// The page of station-popularity.
#pragma once

#include <vector>

#include "common/report/page.h"
#include "jobs/ml/popularity.h"
#include "jobs/ml/popularity_tables.h"

namespace millrace::report {

// The best stations of every subset and of each of its first clusters, against what everybody watches.
// `best`: from ml::BestOf. `arrivals`: the best stations after some batches, or none.
Page PopularityPage(const ml::Groups& groups, const ml::ViewTotals& totals,
                    const std::vector<ml::Popularity>& best, const std::vector<ml::Arrival>& arrivals);

// Of `triggers` batches those that are drawn: every so many, 20 at most, and the last one. Batches
// count from 0.
bool IsDrawnTrigger(uint64_t trigger, uint64_t triggers);

}  // namespace millrace::report
