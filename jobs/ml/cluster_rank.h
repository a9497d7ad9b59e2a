// The members of each cluster by their distance to its centre.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans_kernel.h"

namespace millrace::ml {

struct RankedMember {
  std::string id;
  uint32_t cluster = 0;
  uint64_t rank = 0;           // in its cluster, from 1
  double distance_single = 0;  // the squared distance to the centre, rounded to single precision
  double distance = 0;
};
MR_RECORD(RankedMember, MR_FIELD(id, "household_id"), MR_NAMED(cluster), MR_NAMED(rank),
          MR_NAMED(distance_single), MR_NAMED(distance))

// A member, and how clearly it comes behind the one before it in its cluster.
struct RankStep {
  RankedMember member;
  // (d - d') / d of the distances in single precision, in single precision; infinity where both are equal,
  // and for the first one.
  double gap = std::numeric_limits<double>::infinity();
  std::string close_to;  // the member before, where distances differ by less than 1e-9 but features differ
};
MR_RECORD(RankStep, MR_NAMED(member), MR_NAMED(gap), MR_NAMED(close_to))

// Every point with its nearest centre and its rank there: nearest first by distance_single, equal ones by id,
// as numbers where all ids are numbers, else by bytes. In the order of cluster and rank. One pass that looks
// at the ids, one that assigns, and a shuffle of n records (some 50 bytes and the id each); a cluster is
// numbered by one task that holds one record at a time. Needs features with ids.
Dataset<RankStep> RankInClusters(const Features& features, const Centres& centres);
Dataset<RankedMember> Members(const Dataset<RankStep>& ranked);

// Whether rounding could have changed a rank: one pass over the ranks.
struct RankMargins {
  double gap = std::numeric_limits<double>::infinity();  // the least one
  uint64_t close_pairs = 0;                              // steps with close_to
  std::vector<RankStep> sample;                          // the first five of them by cluster and rank
};
MR_RECORD(RankMargins, MR_NAMED(gap), MR_NAMED(close_pairs), MR_NAMED(sample))
RankMargins FindMargins(const Dataset<RankStep>& ranked);
// As rank_gap, close_pairs_of_different_features and close_pairs_sample ([cluster, id, id, distance]).
void AddMargins(const RankMargins& margins, nlohmann::ordered_json* summary);

}  // namespace millrace::ml
