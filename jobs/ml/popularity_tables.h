// The popularity of stations as it is written.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/popularity.h"

namespace millrace::ml {

// Ends the job with a sentence when one is 0, or there are more than eight.
void CheckSubsets(Job& job, const std::vector<uint32_t>& divisors);

struct PopularityRow {
  std::string subset, cluster, station;
  uint64_t views = 0, views_of_cluster = 0;
  double popularity = 0, general = 0, diff_rank = 0;
  uint64_t pop_rank = 0, diff_rank_number = 0;
};
MR_RECORD(PopularityRow, MR_NAMED(subset), MR_NAMED(cluster), MR_NAMED(station), MR_NAMED(views),
          MR_NAMED(views_of_cluster), MR_NAMED(popularity), MR_NAMED(general), MR_NAMED(diff_rank),
          MR_NAMED(pop_rank), MR_NAMED(diff_rank_number))
Dataset<PopularityRow> PopularityTable(const Dataset<Popularity>& popularity, const Groups& groups);

// The best `top` of every subset and cluster, in the order of subset, cluster and diff_rank_number.
std::vector<Popularity> BestOf(const Dataset<Popularity>& popularity, uint32_t top);

// cluster, rank, then per subset station_NAME and diff_rank_NAME, empty where it has fewer stations.
Table TopTableOfSubsets(Job& job, const std::vector<Popularity>& best, const Groups& groups);
// cluster, rank, station_num, popularity, general, difference: of all households.
Table TopTable(Job& job, const std::vector<Popularity>& best, const Groups& groups);

// A row of dynamic/: one of the best stations after a batch of events, over all events so far.
struct Arrival {
  uint64_t trigger = 0, events = 0;
  std::string cluster;
  uint64_t rank = 0;
  std::string station;
  uint64_t views = 0, views_of_cluster = 0;
  double diff_rank = 0;
};
MR_RECORD(Arrival, MR_NAMED(trigger), MR_NAMED(events), MR_NAMED(cluster), MR_NAMED(rank), MR_NAMED(station),
          MR_NAMED(views), MR_NAMED(views_of_cluster), MR_NAMED(diff_rank))

// Numbers of events: all (with a station), without_station, stations, and joined per subset.
nlohmann::ordered_json EventsSummary(const Groups& groups, const ViewTotals& totals);

// Adds the counts of some stations to those of others; both in byte order of the stations.
void MergeViews(std::vector<StationViews> more, std::vector<StationViews>* views);

}  // namespace millrace::ml
