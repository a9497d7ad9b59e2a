#include "jobs/ml/popularity.h"

#include <algorithm>
#include <numeric>

#include "jobs/ml/order.h"

namespace millrace::ml {
namespace {

constexpr size_t kCounterBytes = 8 << 20;

using ByStation = KeyValue<std::string, std::vector<uint64_t>>;

// Counts of a task: a row of numbers per station. When it is full, what it has is sent on: a function of the
// task's records alone.
class StationCounter {
 public:
  void Add(uint32_t groups, const Watched& watched, Emitter<ByStation>& out) {
    if (watched.code == 0) {
      Count(groups, RowOf(groups, watched, out), watched);
    } else {
      if (by_code_[watched.code] == TextLookup::kNone) {
        const uint32_t row = RowOf(groups, watched, out);  // may empty the table
        by_code_[watched.code] = row;
      }
      Count(groups, by_code_[watched.code], watched);
    }
  }
  void Flush(uint32_t groups, Emitter<ByStation>& out) {
    for (size_t row = 0; row < stations_.size(); ++row) {
      const auto first = counts_.begin() + static_cast<int64_t>(row * groups);
      out({stations_[row], {first, first + groups}});
    }
    *this = StationCounter();
  }

 private:
  void Count(uint32_t groups, uint32_t row, const Watched& watched) {
    counts_[size_t{row} * groups + watched.group] += watched.events;
  }
  uint32_t RowOf(uint32_t groups, const Watched& watched, Emitter<ByStation>& out) {
    uint32_t row = rows_.Find(watched.station);
    if (row == TextLookup::kNone) {
      if (bytes_ >= kCounterBytes) Flush(groups, out);
      row = static_cast<uint32_t>(stations_.size());
      rows_.Add(watched.station, row);
      stations_.emplace_back(watched.station);
      counts_.resize(counts_.size() + groups);
      bytes_ += watched.station.size() + 96 + groups * sizeof(uint64_t);
    }
    return row;
  }

  TextLookup rows_;
  CodeTable by_code_;  // of the same rows
  std::vector<std::string> stations_;
  std::vector<uint64_t> counts_;
  size_t bytes_ = 0;
};

void AddTo(const std::vector<uint64_t>& from, std::vector<uint64_t>* into) {
  if (into->size() < from.size()) into->resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) (*into)[i] += from[i];
}

uint64_t SumOf(const std::vector<uint64_t>& views) {
  return std::accumulate(views.begin(), views.end(), uint64_t{0});
}

struct AddTotals {
  void operator()(ViewTotals& into, const ViewTotals& more) const {
    AddTo(more.views, &into.views);
    into.stations += more.stations;
    into.without_station += more.without_station;
    into.numbers = into.numbers && more.numbers;
  }
};

ViewTotals TotalOf(const StationViews& station) {
  ViewTotals total;
  if (station.station.empty()) {
    total.views.resize(station.views.size());
    total.without_station = SumOf(station.views);
  } else {
    total.views = station.views;
    total.stations = 1;
    total.numbers = IsNumber(station.station);
  }
  return total;
}

// What a station's rows need to know beside its own counts.
struct Scale {
  Groups groups;
  uint64_t all = 0;
  std::vector<uint64_t> of_cluster;  // per subset and cluster
  bool numbers = false;
};
MR_RECORD(Scale, MR_NAMED(groups), MR_NAMED(all), MR_NAMED(of_cluster), MR_NAMED(numbers))

Scale ScaleOf(const Groups& groups, const ViewTotals& totals) {
  return {groups, totals.All(), groups.PerCluster(totals.views), totals.numbers};
}

double Percent(uint64_t part, uint64_t whole) {
  return static_cast<double>(100 * part) / static_cast<double>(whole);
}

// The rows of a station, one per subset and cluster where it has views.
std::vector<Popularity> RowsOf(const Scale& scale, const StationViews& station) {
  std::vector<Popularity> rows;
  if (station.station.empty()) return rows;
  const double general = Percent(SumOf(station.views), scale.all);
  const std::vector<uint64_t> views = scale.groups.PerCluster(station.views);
  const auto clusters = static_cast<uint32_t>(scale.groups.clusters.size());
  for (uint32_t i = 0; i < views.size(); ++i) {
    if (views[i] == 0) continue;
    Popularity& row = rows.emplace_back();
    row.subset = i / clusters;
    row.cluster = i % clusters;
    row.station = station.station;
    row.views = views[i];
    row.views_of_cluster = scale.of_cluster[i];
    row.popularity = Percent(row.views, row.views_of_cluster);
    row.general = general;
    row.diff_rank = row.popularity - row.general;
    row.number = NumberKey(scale.numbers, station.station);
    row.minus_popularity = -row.popularity;
    row.minus_diff_rank = -row.diff_rank;
  }
  return rows;
}

std::string SubsetName(uint32_t divisor) {
  constexpr const char* kNames[] = {"first",     "second",      "third",      "fourth",     "fifth",
                                    "sixth",     "seventh",     "eighth",     "ninth",      "tenth",
                                    "eleventh",  "twelfth",     "thirteenth", "fourteenth", "fifteenth",
                                    "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"};
  return divisor <= std::size(kNames) ? kNames[divisor - 1] : StrCat("each_", divisor);
}

}  // namespace

uint32_t Groups::Of(uint32_t cluster, uint64_t rank) const {
  uint32_t mask = 0;
  for (size_t i = 0; i < divisors.size(); ++i)
    if (rank > 0 && rank % divisors[i] == 0) mask |= 1u << i;
  return 1 + (cluster << divisors.size() | mask);
}

std::vector<uint64_t> Groups::PerCluster(const std::vector<uint64_t>& of_group) const {
  std::vector<uint64_t> sums(subsets() * clusters.size());
  for (size_t group = 1; group < of_group.size(); ++group) {
    const size_t cluster = (group - 1) >> divisors.size();
    for (uint32_t subset = 0; subset < subsets(); ++subset)
      if (subset == 0 || ((group - 1) >> (subset - 1) & 1) != 0)
        sums[subset * clusters.size() + cluster] += of_group[group];
  }
  return sums;
}

Groups MakeGroups(Job& job, std::vector<std::string> clusters, const std::vector<uint32_t>& divisors) {
  if (clusters.size() > kMostClusters)
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat("there are more than the ", kMostClusters,
                    " clusters that are counted side by side; is it the right column?"));
  Groups groups{std::move(clusters), divisors, {"all"}};
  for (const uint32_t divisor : divisors) groups.subset_names.push_back(SubsetName(divisor));
  return groups;
}

Dataset<StationViews> CountViews(const Dataset<Watched>& watched, uint32_t groups) {
  return Keyed<std::string, std::vector<uint64_t>>(
             watched.Accumulate<ByStation, StationCounter>(
                 With(groups),
                 [](uint32_t n, StationCounter& counter, const Watched& event, Emitter<ByStation>& out) {
                   counter.Add(n, event, out);
                 },
                 [](uint32_t n, StationCounter& counter, Emitter<ByStation>& out) { counter.Flush(n, out); },
                 "Count"))
      .GroupByKey<StationViews>(
          [](const std::string& station, Rows<std::vector<uint64_t>> counts, Emitter<StationViews>& out) {
            StationViews sum{station, {}};
            for (const std::vector<uint64_t>& count : counts) AddTo(count, &sum.views);
            out(sum);
          },
          "AddCounts");
}

uint64_t ViewTotals::All() const { return SumOf(views); }

ViewTotals TotalViews(const Dataset<StationViews>& views) {
  return views.Map([](const StationViews& station) { return TotalOf(station); }, "Totals")
      .Aggregate(AddTotals{});
}

ViewTotals TotalViews(const std::vector<StationViews>& views) {
  ViewTotals totals;
  for (const StationViews& station : views) AddTotals{}(totals, TotalOf(station));
  return totals;
}

Dataset<Popularity> RankStations(const Dataset<StationViews>& views, const Groups& groups,
                                 const ViewTotals& totals) {
  const auto by_cluster = [](const Popularity& row) { return std::tuple(row.subset, row.cluster); };
  using Key = std::tuple<uint32_t, uint32_t>;
  return views
      .FlatMap<Popularity>(
          With(ScaleOf(groups, totals)),
          [](const Scale& scale, const StationViews& station, Emitter<Popularity>& out) {
            for (const Popularity& row : RowsOf(scale, station)) out(row);
          },
          "Popularity")
      .KeyBy(by_cluster)
      .GroupSorted<Popularity, &Popularity::minus_diff_rank, &Popularity::number, &Popularity::station>(
          [](const Key&, Rows<Popularity> rows, Emitter<Popularity>& out) {
            uint64_t number = 0;
            for (Popularity row : rows) {
              row.diff_rank_number = ++number;
              out(row);
            }
          },
          "DiffRank")
      .KeyBy(by_cluster)
      .InKeyOrder()
      .GroupSorted<Popularity, &Popularity::minus_popularity, &Popularity::number, &Popularity::station>(
          [](const Key&, Rows<Popularity> rows, Emitter<Popularity>& out) {
            uint64_t number = 0;
            for (Popularity row : rows) {
              row.pop_rank = ++number;
              out(row);
            }
          },
          "PopRank");
}

std::vector<Popularity> BestStations(const std::vector<StationViews>& views, const Groups& groups,
                                     uint32_t subset, uint32_t top) {
  const Scale scale = ScaleOf(groups, TotalViews(views));
  std::vector<std::vector<Popularity>> rows(groups.clusters.size());
  for (const StationViews& station : views)
    for (Popularity& row : RowsOf(scale, station))
      if (row.subset == subset) rows[row.cluster].push_back(std::move(row));
  std::vector<Popularity> best;
  for (std::vector<Popularity>& of_cluster : rows) {
    const size_t kept = std::min<size_t>(top, of_cluster.size());
    std::partial_sort(of_cluster.begin(), of_cluster.begin() + static_cast<int64_t>(kept), of_cluster.end(),
                      [](const Popularity& a, const Popularity& b) {
                        return std::tie(a.minus_diff_rank, a.number, a.station) <
                               std::tie(b.minus_diff_rank, b.number, b.station);
                      });
    for (size_t i = 0; i < kept; ++i) {
      of_cluster[i].diff_rank_number = i + 1;
      best.push_back(std::move(of_cluster[i]));
    }
  }
  return best;
}

Dataset<GeneralViews> General(const Dataset<StationViews>& views, const ViewTotals& totals) {
  return views.Filter([](const StationViews& station) { return !station.station.empty(); })
      .Map(
          With(totals.All()),
          [](uint64_t all, const StationViews& station) {
            const uint64_t sum = SumOf(station.views);
            return GeneralViews{station.station, sum, Percent(sum, all)};
          },
          "General")
      .SortBy(With(totals.numbers), [](bool numbers, const GeneralViews& row) {
        return std::tuple(NumberKey(numbers, row.station), row.station);
      });
}

}  // namespace millrace::ml
