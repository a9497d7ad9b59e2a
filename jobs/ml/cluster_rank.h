// The members of each cluster by their distance to its centre.
#pragma once

#include <cstdint>
#include <string>

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

// Every point with its nearest centre and its rank there: nearest first by distance_single, equal ones by id,
// as numbers where all ids are numbers, else by bytes. In the order of cluster and rank. One pass that looks
// at the ids, one that assigns, and a shuffle of n records (some 40 bytes and the id each); a cluster is
// numbered by one task that holds one record at a time. Needs features with ids.
Dataset<RankedMember> RankInClusters(const Features& features, const Centres& centres);

}  // namespace millrace::ml
