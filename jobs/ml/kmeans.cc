#include "jobs/ml/kmeans.h"

#include <algorithm>
#include <cmath>

namespace millrace::ml {
namespace {

Tally TallyBlock(const Centres& centres, const FeatureBlock& block, bool with_margin) {
  Tally tally;
  tally.sums.assign(size_t{centres.k} * centres.columns, 0.0);
  tally.counts.assign(centres.k, 0);
  std::vector<uint32_t> labels(block.rows);
  std::vector<double> cost(block.rows);
  NearestCentre(centres).Assign(block.values.data(), block.rows, labels.data(), cost.data());
  for (uint32_t i = 0; i < block.rows; ++i) {
    tally.cost += cost[i];
    ++tally.counts[labels[i]];
    AddTo(block.row(i), block.columns, tally.sums.data() + size_t{labels[i]} * block.columns);
    if (with_margin)
      tally.margin = std::min(tally.margin, SecondDistance(centres, block.row(i), labels[i]) - cost[i]);
  }
  return tally;
}

struct AddTallies {
  void operator()(std::vector<Tally>& into, const std::vector<Tally>& tallies) const {
    for (size_t s = 0; s < into.size(); ++s) {
      into[s].cost += tallies[s].cost;
      into[s].margin = std::min(into[s].margin, tallies[s].margin);
      AddTo(tallies[s].sums.data(), tallies[s].sums.size(), into[s].sums.data());
      for (size_t c = 0; c < into[s].counts.size(); ++c) into[s].counts[c] += tallies[s].counts[c];
    }
  }
};

// Moves the centres to the means of their points; the largest squared distance that one moved.
double Update(const Tally& tally, Centres* centres) {
  double farthest = 0;
  for (uint32_t c = 0; c < centres->k; ++c) {
    if (tally.counts[c] == 0) continue;
    std::vector<double> mean(centres->columns);
    for (uint32_t d = 0; d < centres->columns; ++d)
      mean[d] = tally.sums[size_t{c} * centres->columns + d] / static_cast<double>(tally.counts[c]);
    farthest = std::max(farthest, SquaredDistance(mean.data(), centres->row(c), centres->columns));
    std::copy(mean.begin(), mean.end(), centres->row(c));
  }
  return farthest;
}

// What Silhouettes() needs of every cluster.
struct ClusterShape {
  Centres means;
  std::vector<uint64_t> counts;
  std::vector<double> spreads;  // mean squared distance to the mean
};
MR_RECORD(ClusterShape, MR_NAMED(means), MR_NAMED(counts), MR_NAMED(spreads))

// The mean squared distance from x to the points of a cluster is |x - mean|^2 + spread: no term is negative.
double SilhouetteOf(const ClusterShape& shape, const double* x, uint32_t own) {
  const double own_count = static_cast<double>(shape.counts[own]);
  if (shape.counts[own] == 1) return 0;
  double a = 0, b = std::numeric_limits<double>::infinity();
  for (uint32_t c = 0; c < shape.means.k; ++c) {
    if (shape.counts[c] == 0) continue;
    const double mean = SquaredDistance(x, shape.means.row(c), shape.means.columns) + shape.spreads[c];
    if (c == own) {
      a = mean * own_count / (own_count - 1);
    } else {
      b = std::min(b, mean);
    }
  }
  if (!std::isfinite(b) || a == b) return 0;
  return a < b ? 1 - a / b : b / a - 1;
}

struct LabelledBlock {
  std::vector<uint32_t> labels;
  std::vector<double> cost;
  LabelledBlock(const Centres& centres, const FeatureBlock& block) : labels(block.rows), cost(block.rows) {
    NearestCentre(centres).Assign(block.values.data(), block.rows, labels.data(), cost.data());
  }
};

struct AddVectors {
  void operator()(std::vector<double>& into, const std::vector<double>& more) const {
    AddTo(more.data(), more.size(), into.data());
  }
};

struct AddLists {
  void operator()(std::vector<std::vector<double>>& into,
                  const std::vector<std::vector<double>>& more) const {
    for (size_t i = 0; i < into.size(); ++i) AddVectors{}(into[i], more[i]);
  }
};

// Per cluster the squared distances of the block's points to the cluster's mean, added up.
std::vector<double> SpreadsOf(const Centres& centres, const Centres& means, const FeatureBlock& block) {
  const LabelledBlock labelled(centres, block);
  std::vector<double> sums(centres.k);
  for (uint32_t i = 0; i < block.rows; ++i) {
    const uint32_t label = labelled.labels[i];
    sums[label] += SquaredDistance(block.row(i), means.row(label), block.columns);
  }
  return sums;
}

double SilhouetteSum(const Centres& centres, const ClusterShape& shape, const FeatureBlock& block) {
  const LabelledBlock labelled(centres, block);
  double total = 0;
  for (uint32_t i = 0; i < block.rows; ++i) total += SilhouetteOf(shape, block.row(i), labelled.labels[i]);
  return total;
}

}  // namespace

std::vector<Tally> TallyAll(const Features& features, const std::vector<Centres>& sets, bool first_margin) {
  return features.blocks
      .Map(
          With(sets, first_margin),
          [](const std::vector<Centres>& all, bool margin, const FeatureBlock& block) {
            std::vector<Tally> tallies;
            for (const Centres& centres : all)
              tallies.push_back(TallyBlock(centres, block, margin && tallies.empty()));
            return tallies;
          },
          "Assign")
      .Aggregate(AddTallies{});
}

std::vector<KMeansRun> Lloyd(const Features& features, const std::vector<Centres>& initial,
                             const KMeansOptions& options) {
  std::vector<KMeansRun> start;
  for (const Centres& centres : initial) start.emplace_back().centres = centres;
  const auto stopped = [&](const KMeansRun& run) {
    return run.converged || run.iterations >= options.max_iterations;
  };
  // The last pass of a run finds its final labels.
  return features.blocks.job().Loop(
      "lloyd", start, options.max_iterations + uint64_t{1}, [&](std::vector<KMeansRun>& runs, uint64_t) {
        std::vector<KMeansRun*> open;
        std::vector<Centres> sets;
        for (KMeansRun& run : runs) {
          if (!run.final_sizes.empty()) continue;
          open.push_back(&run);
          sets.push_back(run.centres);
        }
        const bool margin = options.label_margin && open[0] == &runs[0];
        const std::vector<Tally> tallies = TallyAll(features, sets, margin);
        if (margin) runs[0].label_margin = std::min(runs[0].label_margin, std::max(tallies[0].margin, 0.0));
        bool more = false;
        for (size_t at = 0; at < open.size(); ++at) {
          KMeansRun& run = *open[at];
          const Tally& tally = tallies[at];
          if (stopped(run)) {
            run.final_cost = tally.cost;
            run.final_sizes = tally.counts;
            continue;
          }
          run.cost_per_iteration.push_back(tally.cost);
          run.sizes_per_iteration.push_back(tally.counts);
          ++run.iterations;
          run.max_moved_squared_per_iteration.push_back(Update(tally, &run.centres));
          run.converged = run.max_moved_squared_per_iteration.back() <= options.tolerance * options.tolerance;
          more = true;
        }
        return more;
      });
}

std::vector<double> Silhouettes(const Features& features, const std::vector<Centres>& sets) {
  const std::vector<Tally> tallies = TallyAll(features, sets);
  std::vector<ClusterShape> shapes;
  for (size_t s = 0; s < sets.size(); ++s) {
    shapes.push_back({sets[s], tallies[s].counts, {}});
    Update(tallies[s], &shapes[s].means);
  }
  std::vector<std::vector<double>> spreads =
      features.blocks
          .Map(
              With(sets, shapes),
              [](const std::vector<Centres>& all, const std::vector<ClusterShape>& s,
                 const FeatureBlock& block) {
                std::vector<std::vector<double>> sums;
                for (size_t i = 0; i < all.size(); ++i) sums.push_back(SpreadsOf(all[i], s[i].means, block));
                return sums;
              },
              "Spreads")
          .Aggregate(AddLists{});
  for (size_t s = 0; s < sets.size(); ++s) {
    shapes[s].spreads = std::move(spreads[s]);
    for (uint32_t c = 0; c < sets[s].k; ++c)
      if (shapes[s].counts[c] > 0) shapes[s].spreads[c] /= static_cast<double>(shapes[s].counts[c]);
  }
  std::vector<double> means = features.blocks
                                  .Map(
                                      With(sets, shapes),
                                      [](const std::vector<Centres>& all, const std::vector<ClusterShape>& s,
                                         const FeatureBlock& block) {
                                        std::vector<double> sums;
                                        for (size_t i = 0; i < all.size(); ++i)
                                          sums.push_back(SilhouetteSum(all[i], s[i], block));
                                        return sums;
                                      },
                                      "Silhouette")
                                  .Aggregate(AddVectors{});
  for (double& mean : means) mean /= static_cast<double>(features.rows);
  return means;
}

double Silhouette(const Features& features, const Centres& centres) {
  return Silhouettes(features, {centres})[0];
}

Dataset<Label> Labels(const Features& features, const Centres& centres) {
  const std::vector<uint64_t> first_rows = features.has_id ? std::vector<uint64_t>() : features.FirstRows();
  return features.numbered.FlatMap<Label>(
      With(centres, first_rows),
      [](const Centres& c, const std::vector<uint64_t>& first, const Numbered<FeatureBlock>& block,
         Emitter<Label>& out) {
        const LabelledBlock labelled(c, block.record);
        Label label;
        for (uint32_t i = 0; i < block.record.rows; ++i) {
          label.id = first.empty() ? block.record.ids[i] : std::to_string(first[block.row] + i);
          label.cluster = labelled.labels[i];
          out(label);
        }
      },
      "Labels");
}

Table CentresTable(Job& job, const Features& features, const Centres& centres) {
  Schema schema;
  schema.Add("cluster", ValueType::kInt64);
  for (const std::string& name : features.names) schema.Add(name, ValueType::kDouble);
  std::vector<Row> rows;
  for (uint32_t c = 0; c < centres.k; ++c) {
    Row row{Value::Int64(c)};
    for (uint32_t d = 0; d < centres.columns; ++d) row.Add(Value::Double(centres.row(c)[d]));
    rows.push_back(std::move(row));
  }
  return {schema, job.Values<Row>(rows)};
}

}  // namespace millrace::ml
