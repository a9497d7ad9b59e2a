// Which stations does a cluster of households watch more than everybody does?
//
// For a cluster, a subset of its households (by rank: every third, say) and a station that they watched:
//   popularity = 100 * views(cluster, station) / views(cluster)      views of the subset's households
//   general    = 100 * views(station) / views                        of all households, also of unknown ones
//   diff_rank  = popularity - general
// in double precision, in this order; counts are exact. pop_rank and diff_rank_number count from 1, greatest
// first, equal ones by station: as numbers where all stations are numbers, else by bytes. Stations that only
// households outside a subset watched have no row in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/cluster_rank.h"
#include "jobs/ml/lookup.h"

namespace millrace::ml {

// Households are counted in groups: those of one cluster that are in the same subsets. Group 0 is of no
// cluster.
struct Groups {
  std::vector<std::string> clusters;  // in order
  std::vector<uint32_t> divisors;     // subset 0 is all; subset i > 0: ranks that divisors[i - 1] divides
  std::vector<std::string> subset_names;

  uint32_t subsets() const { return static_cast<uint32_t>(divisors.size()) + 1; }
  uint32_t count() const { return 1 + (static_cast<uint32_t>(clusters.size()) << divisors.size()); }
  // Of a household with that rank in the cluster; rank 0: in no subset but all.
  uint32_t Of(uint32_t cluster, uint64_t rank) const;
  // Counts per group -> counts per subset and cluster, subset by subset. O(groups x subsets).
  std::vector<uint64_t> PerCluster(const std::vector<uint64_t>& of_group) const;
};
MR_RECORD(Groups, MR_NAMED(clusters), MR_NAMED(divisors), MR_NAMED(subset_names))

inline constexpr uint32_t kMostClusters = 10'000;

// Subsets are named "all", "third", "seventeenth", "each_21". Ends the job where there are too many clusters.
Groups MakeGroups(Job& job, std::vector<std::string> clusters, const std::vector<uint32_t>& divisors);

// n events of a group on a station; an empty station: the event has none, and is left out everywhere.
struct Watched {
  std::string_view station;
  uint32_t group = 0;
  uint64_t events = 1;
  uint32_t code = 0;  // Value::code() of the station; it does not travel
};
MR_RECORD(Watched, MR_NAMED(station), MR_NAMED(group), MR_NAMED(events))

struct StationViews {
  std::string station;
  std::vector<uint64_t> views;  // per group
};
MR_RECORD(StationViews, MR_NAMED(station), MR_NAMED(views))

// One record per station. A task counts in a table of up to 8 MiB and then sends what it has: per task at
// most stations records of 1 to 10 bytes per group. Memory: that table.
Dataset<StationViews> CountViews(const Dataset<Watched>& watched, uint32_t groups);

// Sums over all stations.
struct ViewTotals {
  std::vector<uint64_t> views;  // per group
  uint64_t stations = 0;
  uint64_t without_station = 0;  // events
  bool numbers = true;           // all stations are numbers
  uint64_t All() const;
};
MR_RECORD(ViewTotals, MR_NAMED(views), MR_NAMED(stations), MR_NAMED(without_station), MR_NAMED(numbers))
ViewTotals TotalViews(const Dataset<StationViews>& views);
ViewTotals TotalViews(const std::vector<StationViews>& views);

struct Popularity {
  uint32_t subset = 0, cluster = 0;
  std::string station;
  uint64_t views = 0, views_of_cluster = 0;
  double popularity = 0, general = 0, diff_rank = 0;
  uint64_t pop_rank = 0, diff_rank_number = 0;
  double number = 0;                                 // of the station, in the order of stations
  double minus_popularity = 0, minus_diff_rank = 0;  // ascending: the greatest first
};
MR_RECORD(Popularity, MR_NAMED(subset), MR_NAMED(cluster), MR_NAMED(station), MR_NAMED(views),
          MR_NAMED(views_of_cluster), MR_NAMED(popularity), MR_NAMED(general), MR_NAMED(diff_rank),
          MR_NAMED(pop_rank), MR_NAMED(diff_rank_number), MR_NAMED(number), MR_NAMED(minus_popularity),
          MR_NAMED(minus_diff_rank))

// One record per subset, cluster and station with views, in the order of subset, cluster and pop_rank. Two
// shuffles of these records; the stations of one (subset, cluster) are numbered by one task that holds one
// record at a time.
Dataset<Popularity> RankStations(const Dataset<StationViews>& views, const Groups& groups,
                                 const ViewTotals& totals);

// The best `top` of each cluster of one subset by diff_rank, of counts that fit into memory: the same rules.
// In the order of cluster and rank. O(stations x clusters).
std::vector<Popularity> BestStations(const std::vector<StationViews>& views, const Groups& groups,
                                     uint32_t subset, uint32_t top);

// station, views, general: in the order of stations.
struct GeneralViews {
  std::string station;
  uint64_t views = 0;
  double general = 0;
};
MR_RECORD(GeneralViews, MR_NAMED(station), MR_NAMED(views), MR_NAMED(general))
Dataset<GeneralViews> General(const Dataset<StationViews>& views, const ViewTotals& totals);

}  // namespace millrace::ml
