#include "jobs/ml/cluster_rank.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "jobs/ml/order.h"

namespace millrace::ml {
namespace {

struct Placed {
  double distance_single = 0, id_number = 0;
  std::string id;
  double distance = 0;
  uint64_t features = 0;  // a hash of them
};
MR_RECORD(Placed, MR_NAMED(distance_single), MR_NAMED(id_number), MR_NAMED(id), MR_NAMED(distance),
          MR_NAMED(features))
using ByCluster = KeyValue<uint32_t, Placed>;

constexpr double kClose = 1e-9;
constexpr size_t kClosePairsShown = 5;

uint64_t HashOf(const double* row, size_t columns) {
  std::vector<double> values(row, row + columns);
  for (double& value : values) value += 0.0;  // -0 is 0
  return StableHash({reinterpret_cast<const char*>(values.data()), columns * sizeof(double)});
}

void Place(bool numbers, const Centres& centres, const FeatureBlock& block, Emitter<ByCluster>& out) {
  std::vector<uint32_t> labels(block.rows);
  std::vector<double> distance(block.rows);
  NearestCentre(centres).Assign(block.values.data(), block.rows, labels.data(), distance.data());
  for (uint32_t i = 0; i < block.rows; ++i) {
    const double single = static_cast<double>(static_cast<float>(distance[i]));
    out({labels[i],
         {single, NumberKey(numbers, block.ids[i]), block.ids[i], distance[i],
          HashOf(block.row(i), block.columns)}});
  }
}

bool AllNumbers(const FeatureBlock& block) {
  for (const std::string& id : block.ids)
    if (!IsNumber(id)) return false;
  return true;
}

// Numbers the members of a cluster, which come in order.
void Number(uint32_t cluster, Rows<Placed> members, Emitter<RankStep>& out) {
  uint64_t rank = 0;
  Placed before;
  for (const Placed& member : members) {
    RankStep step;
    step.member = {member.id, cluster, ++rank, member.distance_single, member.distance};
    if (rank > 1) {
      const auto near = static_cast<float>(before.distance_single);
      const auto far = static_cast<float>(member.distance_single);
      if (far > near) step.gap = static_cast<double>((far - near) / far);
      if (std::abs(member.distance - before.distance) < kClose && member.features != before.features)
        step.close_to = before.id;
    }
    before = member;
    out(step);
  }
}

struct AddMargin {
  void operator()(RankMargins& into, const RankMargins& more) const {
    into.gap = std::min(into.gap, more.gap);
    into.close_pairs += more.close_pairs;
    into.sample.insert(into.sample.end(), more.sample.begin(), more.sample.end());
    std::sort(into.sample.begin(), into.sample.end(), [](const RankStep& a, const RankStep& b) {
      return std::tie(a.member.cluster, a.member.rank) < std::tie(b.member.cluster, b.member.rank);
    });
    if (into.sample.size() > kClosePairsShown) into.sample.resize(kClosePairsShown);
  }
};

}  // namespace

Dataset<RankStep> RankInClusters(const Features& features, const Centres& centres) {
  const bool numbers =
      features.blocks.Map([](const FeatureBlock& block) { return AllNumbers(block); }, "IdType")
          .Aggregate(And{}, true);
  return Keyed<uint32_t, Placed>(features.blocks.FlatMap<ByCluster>(
                                     With(numbers, centres),
                                     [](bool n, const Centres& c, const FeatureBlock& block,
                                        Emitter<ByCluster>& out) { Place(n, c, block, out); },
                                     "Place"))
      .InKeyOrder()
      .GroupSorted<RankStep, &Placed::distance_single, &Placed::id_number, &Placed::id>(
          [](const uint32_t& cluster, Rows<Placed> members, Emitter<RankStep>& out) {
            Number(cluster, std::move(members), out);
          },
          "Rank");
}

Dataset<RankedMember> Members(const Dataset<RankStep>& ranked) {
  return ranked.Map([](const RankStep& step) { return step.member; }, "Members");
}

RankMargins FindMargins(const Dataset<RankStep>& ranked) {
  return ranked
      .Map(
          [](const RankStep& step) {
            RankMargins margins{step.gap, 0, {}};
            if (!step.close_to.empty()) margins.close_pairs = 1, margins.sample.push_back(step);
            return margins;
          },
          "Margins")
      .Aggregate(AddMargin{});
}

void AddMargins(const RankMargins& margins, nlohmann::ordered_json* summary) {
  (*summary)["rank_gap"] = std::isfinite(margins.gap) ? nlohmann::ordered_json(margins.gap) : nullptr;
  (*summary)["close_pairs_of_different_features"] = margins.close_pairs;
  (*summary)["close_pairs_sample"] = nlohmann::ordered_json::array();
  for (const RankStep& step : margins.sample)
    (*summary)["close_pairs_sample"].push_back(
        {step.member.cluster, step.close_to, step.member.id, step.member.distance});
}

}  // namespace millrace::ml
