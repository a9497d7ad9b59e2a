// Which stations does each cluster of households watch more than everybody does? Features of households ->
// k-means -> rank in the cluster -> subsets -> join with the events -> popularity -> difference -> ranks ->
// the best ones.
//
//   mrsubmit run --local station-popularity --households=demographics.csv --events=events.csv
//     --station=store_id --output=popularity           (the events have store_id and household_id)
//   ... --products=products.csv --station=department   (the events have product_id; products department)
//   ... --batches                                      (the events as they arrive: see dynamic/)
//   ... --clusters=clusters.csv                        (instead of --households: household_id and cluster)
//
// The rules are in jobs/ml: households.h, kmeans.h, cluster_rank.h, popularity.h, audience.h. Events without
// a station are left out everywhere; events of unknown households count in what everybody watches.
//
// Output: centres/, ranked_households/, general/, popularity/ (by subset, cluster, pop_rank), top7/ (named so
// whatever --top is: per cluster and rank, the subsets side by side), summary.json; dynamic/ with --batches:
// after each batch of events the best stations of the first subset, over all events so far. With --clusters
// there are no ranks, hence no subsets; top7/ has cluster, rank, station_num, popularity, general, difference
// then. report.json has the same for people.
//
// Stages, for n events, h households, s stations, k clusters, m subsets. Households: what kmeans.h says, and
// one shuffle of h records. Events: one pass; each task sends at most s records of k 2^m counts. A household
// file of up to --broadcast-bytes travels to the tasks (20 to 40 bytes an entry there); a larger one is
// joined by a shuffle of at most n records. Stations: two shuffles of s k (m + 1) rows at most.
//
// With --batches a trigger reads the splits that hold its batch (1 MiB each) and counts them: nothing that
// came before is read again. The loop's state are the counts so far, one per station and group of households
// (a cluster and the subsets that a household is in): s (k 2^m + 1) numbers at most. So it grows with
// stations x groups, not with the events; it has to fit the driver's memory, and each trigger commits all of
// it and ranks all of its stations.
//
// Besides that the driver gets the totals of the groups, k 2^m + 1 counts, which EventsSummary() adds up for
// summary.json, and the best stations, --top per cluster and subset.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/audience.h"
#include "jobs/ml/cluster_rank.h"
#include "jobs/ml/features.h"
#include "jobs/ml/households.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/popularity.h"
#include "jobs/ml/popularity_tables.h"
#include "jobs/pages/popularity_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct StationPopularityOptions : OutputOptions {
  std::string households, events = kRequired, products, station = kRequired, clusters;
  uint32_t k = 6;
  std::string init = "first_k";
  double tolerance = 1e-4;
  uint32_t max_iterations = 20;
  std::vector<uint32_t> subsets = {3, 17};
  uint32_t top = 7;
  bool batches = false;
  uint64_t batch = 5000;
  uint32_t triggers = 5;
  uint64_t broadcast_bytes = 4 << 20;
  std::string report;
};
MR_OPTIONS(
    StationPopularityOptions,
    MR_OPTION(households, "path", "CSV: household_id, age, income, home_ownership, marital_status, ..."),
    MR_OPTION(events, "path", "CSV: household_id, and the station or product_id"),
    MR_OPTION(products, "path", "CSV: product_id and the station; empty = the events have it"),
    MR_OPTION(station, "column", "The column of the stations"),
    MR_OPTION(clusters, "path", "CSV: household_id, cluster; instead of --households"),
    MR_OPTION(k, "integer", "Number of clusters"),
    MR_OPTION(init, "first_k|spaced_k", "The rows where the centres start"),
    MR_OPTION(tolerance, "number", "k-means stops when no centre moves farther than that"),
    MR_OPTION(max_iterations, "integer", "k-means stops after that many iterations"),
    MR_OPTION(subsets, "integers", "3 = every third household of a cluster by its rank, and so on"),
    MR_OPTION(top, "integer", "Stations per cluster and subset that are listed"),
    MR_OPTION(batches, "flag", "Also the best stations after each batch of events"),
    MR_OPTION(batch, "integer", "Events of a batch"), MR_OPTION(triggers, "integer", "Batches at most"),
    MR_OPTION(broadcast_bytes, "integer", "Households or products of larger files are joined by a shuffle"),
    MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kBatchSplitBytes = 1 << 20;

// --households: clusters by k-means, ranks by distance, and what is known of them.
ml::GivenClusters FindClusters(Job& job, const StationPopularityOptions& options, Json* summary) {
  const ml::Features features = ml::HouseholdFeatures(job, options.households);
  const ml::Centres initial = ml::InitialCentres(job, features, options.init, {options.k}, 0)[0];
  const ml::KMeansRun run = ml::Lloyd(features, {initial}, {options.tolerance, options.max_iterations})[0];
  ml::CentresTable(job, features, run.centres).Write(options.output + "/centres");
  const auto ranked = ml::RankInClusters(features, run.centres).Cache();
  ml::Members(ranked).Write(options.output + "/ranked_households");

  std::vector<std::string> names;
  for (uint32_t c = 0; c < options.k; ++c) names.push_back(std::to_string(c));
  const ml::Groups groups = ml::MakeGroups(job, names, options.subsets);
  const auto members = ranked.Map(
      With(groups),
      [](const ml::Groups& g, const ml::RankStep& step) {
        return ml::Member{step.member.id, g.Of(step.member.cluster, step.member.rank)};
      },
      "Groups");
  (*summary)["households"] = features.rows;
  (*summary)["cluster_sizes"] = run.final_sizes;
  (*summary)["kmeans_final_cost"] = run.final_cost;
  ml::AddMargins(ml::FindMargins(ranked), summary);
  Json in_subset;
  for (uint32_t subset = 0; subset < groups.subsets(); ++subset) {
    uint64_t count = 0;
    for (const uint64_t size : run.final_sizes)
      count += subset == 0 ? size : size / options.subsets[subset - 1];
    in_subset[groups.subset_names[subset]] = count;
  }
  (*summary)["households_in_subset"] = in_subset;
  return {groups, ml::MakeAudience(job, members, options.broadcast_bytes, options.households)};
}

// All that a later trigger must know of the batches so far.
struct Arrived {
  uint64_t events = 0;
  std::vector<ml::StationViews> views;
  std::vector<ml::Arrival> drawn;  // in the report
};
MR_RECORD(Arrived, MR_NAMED(events), MR_NAMED(views), MR_NAMED(drawn))

// The best stations after each batch, as dynamic/ and as the report has them.
std::vector<ml::Arrival> WatchArrivals(Job& job, const StationPopularityOptions& options,
                                       const Dataset<ml::Watched>& events, const ml::Groups& groups) {
  const auto watched = events.Filter([](const ml::Watched& event) { return !event.station.empty(); });
  const std::vector<uint64_t> counts = watched.CountPerTask();
  uint64_t rows = 0;
  for (const uint64_t count : counts) rows += count;
  const uint64_t triggers = std::min<uint64_t>(options.triggers, (rows + options.batch - 1) / options.batch);
  const uint32_t subset = groups.subsets() > 1 ? 1 : 0;

  const auto watch = [&](Arrived& arrived, uint64_t t) {
    const auto batch = watched.Slice(counts, t * options.batch, options.batch);
    ml::MergeViews(ml::CountViews(batch, groups.count()).Collect(), &arrived.views);
    arrived.events = std::min(rows, (t + 1) * options.batch);
    std::vector<ml::Arrival> best;
    for (const ml::Popularity& row : ml::BestStations(arrived.views, groups, subset, options.top))
      best.push_back({t + 1, arrived.events, groups.clusters[row.cluster], row.diff_rank_number, row.station,
                      row.views, row.views_of_cluster, row.diff_rank});
    job.Values<ml::Arrival>(best).Write(options.output + "/dynamic",
                                        {.first_part = static_cast<uint32_t>(t)});
    if (report::IsDrawnTrigger(t, triggers))
      arrived.drawn.insert(arrived.drawn.end(), best.begin(), best.end());
    return true;
  };
  return job.Loop("triggers", Arrived{}, triggers, watch).drawn;
}

}  // namespace

void StationPopularity(Job& job, const StationPopularityOptions& options) {
  if (options.households.empty() == options.clusters.empty())
    job.Fail("give either --households, to be clustered, or --clusters, which are used as they are");
  if (options.batch == 0 || options.triggers == 0)
    job.Fail("--batch and --triggers must be 1 at least: a batch without events tells nothing");
  if (options.top == 0) job.Fail("--top must be 1 at least");
  ml::CheckSubsets(job, options.subsets);
  const auto rows = ml::OpenEvents(job, options.events, options.products, options.station,
                                   options.batches ? kBatchSplitBytes : 0);
  Json summary;
  const bool given = !options.clusters.empty();
  const auto [groups, audience] = given ? ml::ReadClusters(job, options.clusters, options.broadcast_bytes)
                                        : FindClusters(job, options, &summary);
  const auto watched = ml::JoinEvents(job, rows, audience, options.broadcast_bytes, options.batches);
  const auto views = ml::CountViews(watched, groups.count()).Cache();
  const ml::ViewTotals totals = ml::TotalViews(views);

  auto general = ml::General(views, totals).StartWrite(options.output + "/general");
  const auto popularity = ml::RankStations(views, groups, totals).Cache();
  auto table = ml::PopularityTable(popularity, groups).StartWrite(options.output + "/popularity");
  const std::vector<ml::Popularity> best = ml::BestOf(popularity, options.top);
  (given ? ml::TopTable(job, best, groups) : ml::TopTableOfSubsets(job, best, groups))
      .Write(options.output + "/top7");
  std::vector<ml::Arrival> arrivals;
  if (options.batches) arrivals = WatchArrivals(job, options, watched, groups);

  if (given) {
    summary["households"] = audience.households;
    summary["households_in_subset"] = {{groups.subset_names[0], audience.households}};
  }
  summary["events"] = ml::EventsSummary(groups, totals);
  summary["events"]["households_in_subset"] = summary["households_in_subset"];
  job.WriteFile("summary.json", summary.dump(1) + "\n");
  WriteReport(job, report::PopularityPage(groups, totals, best, arrivals));
}
MR_JOB("station-popularity", StationPopularity,
       "Stations that clusters of households watch more than everybody does")

}  // namespace millrace
