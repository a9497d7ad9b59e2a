#include "jobs/ml/cluster_rank.h"

#include "jobs/ml/order.h"

namespace millrace::ml {
namespace {

struct Placed {
  double distance_single = 0, id_number = 0;
  std::string id;
  double distance = 0;
};
MR_RECORD(Placed, MR_NAMED(distance_single), MR_NAMED(id_number), MR_NAMED(id), MR_NAMED(distance))
using ByCluster = KeyValue<uint32_t, Placed>;

void Place(bool numbers, const Centres& centres, const FeatureBlock& block, Emitter<ByCluster>& out) {
  std::vector<uint32_t> labels(block.rows);
  std::vector<double> distance(block.rows);
  NearestCentre(centres).Assign(block.values.data(), block.rows, labels.data(), distance.data());
  for (uint32_t i = 0; i < block.rows; ++i) {
    const double single = static_cast<double>(static_cast<float>(distance[i]));
    out({labels[i], {single, NumberKey(numbers, block.ids[i]), block.ids[i], distance[i]}});
  }
}

bool AllNumbers(const FeatureBlock& block) {
  for (const std::string& id : block.ids)
    if (!IsNumber(id)) return false;
  return true;
}

}  // namespace

Dataset<RankedMember> RankInClusters(const Features& features, const Centres& centres) {
  const bool numbers =
      features.blocks.Map([](const FeatureBlock& block) { return AllNumbers(block); }, "IdType")
          .Aggregate(And{}, true);
  return Keyed<uint32_t, Placed>(features.blocks.FlatMap<ByCluster>(
                                     With(numbers, centres),
                                     [](bool n, const Centres& c, const FeatureBlock& block,
                                        Emitter<ByCluster>& out) { Place(n, c, block, out); },
                                     "Place"))
      .InKeyOrder()
      .GroupSorted<RankedMember, &Placed::distance_single, &Placed::id_number, &Placed::id>(
          [](const uint32_t& cluster, Rows<Placed> members, Emitter<RankedMember>& out) {
            uint64_t rank = 0;
            for (const Placed& member : members)
              out({member.id, cluster, ++rank, member.distance_single, member.distance});
          },
          "Rank");
}

}  // namespace millrace::ml
