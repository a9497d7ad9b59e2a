#include "jobs/ml/popularity_tables.h"

#include <algorithm>

namespace millrace::ml {

void CheckSubsets(Job& job, const std::vector<uint32_t>& divisors) {
  constexpr size_t kMost = 8;
  if (divisors.size() > kMost) job.Fail(StrCat("--subsets: at most ", kMost, " numbers"));
  for (const uint32_t divisor : divisors)
    if (divisor == 0)
      job.Fail("--subsets: every 0th household is none; 3,17 takes every third and every seventeenth");
}

Dataset<PopularityRow> PopularityTable(const Dataset<Popularity>& popularity, const Groups& groups) {
  return popularity.Map(
      With(groups),
      [](const Groups& g, const Popularity& row) {
        return PopularityRow{g.subset_names[row.subset],
                             g.clusters[row.cluster],
                             row.station,
                             row.views,
                             row.views_of_cluster,
                             row.popularity,
                             row.general,
                             row.diff_rank,
                             row.pop_rank,
                             row.diff_rank_number};
      },
      "Rows");
}

std::vector<Popularity> BestOf(const Dataset<Popularity>& popularity, uint32_t top) {
  std::vector<Popularity> best =
      popularity
          .Filter(
              With(top), [](uint32_t n, const Popularity& row) { return row.diff_rank_number <= n; }, "Best")
          .Collect();
  std::sort(best.begin(), best.end(), [](const Popularity& a, const Popularity& b) {
    return std::tie(a.subset, a.cluster, a.diff_rank_number) <
           std::tie(b.subset, b.cluster, b.diff_rank_number);
  });
  return best;
}

Table TopTableOfSubsets(Job& job, const std::vector<Popularity>& best, const Groups& groups) {
  Schema schema;
  schema.Add("cluster", ValueType::kText);
  schema.Add("rank", ValueType::kInt64);
  for (const std::string& name : groups.subset_names) {
    schema.Add("station_" + name, ValueType::kText);
    schema.Add("diff_rank_" + name, ValueType::kDouble);
  }
  // By cluster and rank; a row stands where at least one subset has that many stations.
  std::map<std::pair<uint32_t, uint64_t>, Row> rows;
  for (const Popularity& station : best) {
    auto [at, fresh] = rows.try_emplace({station.cluster, station.diff_rank_number}, schema.size());
    Row& row = at->second;
    if (fresh) {
      row.SetText(0, groups.clusters[station.cluster]);
      row[1] = Value::Int64(static_cast<int64_t>(station.diff_rank_number));
    }
    row.SetText(2 + 2 * station.subset, station.station);
    row[3 + 2 * station.subset] = Value::Double(station.diff_rank);
  }
  std::vector<Row> list;
  for (auto& [place, row] : rows) list.push_back(std::move(row));
  return {schema, job.Values<Row>(list)};
}

Table TopTable(Job& job, const std::vector<Popularity>& best, const Groups& groups) {
  Schema schema;
  schema.Add("cluster", ValueType::kText);
  schema.Add("rank", ValueType::kInt64);
  schema.Add("station_num", ValueType::kText);
  for (const char* name : {"popularity", "general", "difference"}) schema.Add(name, ValueType::kDouble);
  std::vector<Row> rows;
  for (const Popularity& station : best) {
    if (station.subset != 0) continue;
    Row& row = rows.emplace_back(schema.size());
    row.SetText(0, groups.clusters[station.cluster]);
    row[1] = Value::Int64(static_cast<int64_t>(station.diff_rank_number));
    row.SetText(2, station.station);
    row[3] = Value::Double(station.popularity);
    row[4] = Value::Double(station.general);
    row[5] = Value::Double(station.diff_rank);
  }
  return {schema, job.Values<Row>(rows)};
}

nlohmann::ordered_json EventsSummary(const Groups& groups, const ViewTotals& totals) {
  nlohmann::ordered_json summary;
  summary["all"] = totals.All();
  summary["stations"] = totals.stations;
  summary["without_station"] = totals.without_station;
  const std::vector<uint64_t> views = groups.PerCluster(totals.views);
  for (uint32_t subset = 0; subset < groups.subsets(); ++subset) {
    uint64_t joined = 0;
    for (size_t c = 0; c < groups.clusters.size(); ++c) joined += views[subset * groups.clusters.size() + c];
    summary["joined"][groups.subset_names[subset]] = joined;
  }
  return summary;
}

void MergeViews(std::vector<StationViews> more, std::vector<StationViews>* views) {
  const auto by_name = [](const StationViews& a, const StationViews& b) { return a.station < b.station; };
  std::sort(more.begin(), more.end(), by_name);  // partitions are not in order
  std::vector<StationViews> merged;
  merged.reserve(views->size() + more.size());
  std::merge(std::make_move_iterator(views->begin()), std::make_move_iterator(views->end()),
             std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()),
             std::back_inserter(merged), by_name);
  size_t kept = 0;
  for (size_t i = 0; i < merged.size(); ++i) {
    if (kept > 0 && merged[kept - 1].station == merged[i].station) {
      std::vector<uint64_t>& sums = merged[kept - 1].views;
      if (sums.size() < merged[i].views.size()) sums.resize(merged[i].views.size());
      for (size_t g = 0; g < merged[i].views.size(); ++g) sums[g] += merged[i].views[g];
    } else {
      if (kept != i) merged[kept] = std::move(merged[i]);
      ++kept;
    }
  }
  merged.resize(kept);
  *views = std::move(merged);
}

}  // namespace millrace::ml
