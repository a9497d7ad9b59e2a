// Where k-means starts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/kmeans.h"

namespace millrace::ml {
namespace {

constexpr int kRounds = 5;           // of sampling
constexpr double kOversampling = 2;  // candidates per round, times the largest k
constexpr int kTries = 8;            // of the weighted k-means++ on the candidates; the best one counts

// A number in [0, 1) that belongs to a row, whoever asks.
double RowChance(uint64_t seed, uint64_t round, uint64_t block, uint32_t row) {
  SplitMix64 random(seed ^ (round * 0x9e3779b97f4a7c15ull) ^ (block << 20) ^ row);
  random.Next();
  return static_cast<double>(random.Next() >> 11) * 0x1p-53;
}

struct Sampling {
  Centres candidates;
  double factor = 0;  // chance of a row = factor x squared distance to the nearest candidate
  uint64_t seed = 0, round = 0;
};
MR_RECORD(Sampling, MR_NAMED(candidates), MR_NAMED(factor), MR_NAMED(seed), MR_NAMED(round))

void SampleBlock(const Sampling& sampling, const Numbered<FeatureBlock>& block,
                 Emitter<std::vector<double>>& out) {
  std::vector<uint32_t> labels(block.record.rows);
  std::vector<double> cost(block.record.rows);
  NearestCentre(sampling.candidates)
      .Assign(block.record.values.data(), block.record.rows, labels.data(), cost.data());
  for (uint32_t i = 0; i < block.record.rows; ++i) {
    if (RowChance(sampling.seed, sampling.round, block.row, i) >= sampling.factor * cost[i]) continue;
    out(std::vector<double>(block.record.row(i), block.record.row(i) + block.record.columns));
  }
}

Centres Candidates(const Features& features, uint32_t largest_k, uint64_t seed) {
  const uint32_t columns = static_cast<uint32_t>(features.names.size());
  const uint64_t first = SplitMix64(seed).Next() % features.rows;
  Centres candidates{1, columns, FetchRows(features, {features.Place(first)})[0]};
  for (int round = 1; round <= kRounds; ++round) {
    const double cost = TallyAll(features, {candidates})[0].cost;
    if (!(cost > 0)) break;
    const Sampling sampling{candidates, kOversampling * largest_k / cost, seed, static_cast<uint64_t>(round)};
    const auto chosen = features.numbered
                            .FlatMap<std::vector<double>>(
                                With(sampling),
                                [](const Sampling& s, const Numbered<FeatureBlock>& block,
                                   Emitter<std::vector<double>>& out) { SampleBlock(s, block, out); },
                                "SampleCandidates")
                            .Collect();
    for (const auto& row : chosen) candidates.values.insert(candidates.values.end(), row.begin(), row.end());
    candidates.k += static_cast<uint32_t>(chosen.size());
  }
  return candidates;
}

// k-means++ over weighted points: each next centre with a chance of weight x squared distance.
Centres WeightedPlusPlus(const Centres& points, const std::vector<double>& weights, uint32_t k,
                         SplitMix64* random) {
  Centres centres{0, points.columns, {}};
  std::vector<double> distance(points.k, 1.0);
  while (centres.k < k) {
    double total = 0;
    for (uint32_t i = 0; i < points.k; ++i) total += weights[i] * distance[i];
    double left = static_cast<double>(random->Next() >> 11) * 0x1p-53 * total;
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < points.k; ++i) {
      if (!(weights[i] * distance[i] > 0)) continue;
      chosen = i;
      left -= weights[i] * distance[i];
      if (left < 0) break;
    }
    centres.values.insert(centres.values.end(), points.row(chosen), points.row(chosen) + points.columns);
    ++centres.k;
    for (uint32_t i = 0; i < points.k; ++i) {
      const double d = SquaredDistance(points.row(i), points.row(chosen), points.columns);
      distance[i] = centres.k == 1 ? d : std::min(distance[i], d);
    }
  }
  return centres;
}

// Lloyd's iterations over weighted points; the cost at the end.
double WeightedLloyd(const Centres& points, const std::vector<double>& weights, Centres* centres) {
  double cost = std::numeric_limits<double>::infinity();
  for (int iteration = 0; iteration < 30; ++iteration) {
    std::vector<uint32_t> labels(points.k);
    std::vector<double> distance(points.k);
    NearestCentre(*centres).Assign(points.values.data(), points.k, labels.data(), distance.data());
    std::vector<double> sums(centres->values.size()), total(centres->k);
    double now = 0;
    for (uint32_t i = 0; i < points.k; ++i) {
      now += weights[i] * distance[i];
      total[labels[i]] += weights[i];
      for (uint32_t d = 0; d < points.columns; ++d)
        sums[size_t{labels[i]} * points.columns + d] += weights[i] * points.row(i)[d];
    }
    if (!(now < cost)) break;
    cost = now;
    for (uint32_t c = 0; c < centres->k; ++c) {
      if (!(total[c] > 0)) continue;
      for (uint32_t d = 0; d < points.columns; ++d)
        centres->row(c)[d] = sums[size_t{c} * points.columns + d] / total[c];
    }
  }
  return cost;
}

std::vector<Centres> Parallel(const Features& features, const std::vector<uint32_t>& ks, uint64_t seed) {
  const Centres candidates = Candidates(features, *std::max_element(ks.begin(), ks.end()), seed);
  std::vector<double> weights;
  const Tally tally = TallyAll(features, {candidates})[0];
  for (uint64_t count : tally.counts) weights.push_back(static_cast<double>(count));
  std::vector<Centres> all;
  for (uint32_t k : ks) {
    Centres best;
    double best_cost = std::numeric_limits<double>::infinity();
    for (int attempt = 0; attempt < kTries; ++attempt) {
      SplitMix64 random(seed ^ (uint64_t{k} << 32) ^ static_cast<uint64_t>(attempt + 1));
      Centres centres = WeightedPlusPlus(candidates, weights, k, &random);
      const double cost = WeightedLloyd(candidates, weights, &centres);
      if (cost < best_cost || attempt == 0) {
        best_cost = cost;
        best = std::move(centres);
      }
    }
    all.push_back(std::move(best));
  }
  return all;
}

}  // namespace

std::vector<uint64_t> InitialRows(const std::string& method, uint32_t k, uint64_t rows) {
  std::vector<uint64_t> places;
  if (method == "kmeans-parallel") return places;
  for (uint64_t i = 0; i < k; ++i) places.push_back(method == "first_k" ? i : i * rows / k);
  return places;
}

std::vector<Centres> InitialCentres(Job& job, const Features& features, const std::string& method,
                                    const std::vector<uint32_t>& ks, uint64_t seed) {
  for (uint32_t k : ks) {
    if (k == 0) job.Fail("k must be 1 at least");
    if (k > features.rows)
      job.Fail(pb::ErrorInfo::BAD_INPUT,
               StrCat("k = ", k, " clusters are more than the ", features.rows,
                      features.rows == 1 ? " row" : " rows", " of the input; choose a smaller k"));
  }
  if (method == "kmeans-parallel") return Parallel(features, ks, seed);
  std::vector<RowPlace> places;
  for (uint32_t k : ks)
    for (const uint64_t row : InitialRows(method, k, features.rows)) places.push_back(features.Place(row));
  const std::vector<std::vector<double>> rows = FetchRows(features, places);
  std::vector<Centres> all;
  size_t next = 0;
  for (uint32_t k : ks) {
    Centres centres{k, static_cast<uint32_t>(features.names.size()), {}};
    for (uint32_t i = 0; i < k; ++i, ++next)
      centres.values.insert(centres.values.end(), rows[next].begin(), rows[next].end());
    all.push_back(std::move(centres));
  }
  return all;
}

Centres ReadCentres(Job& job, const Features& features, const std::string& path) {
  const Table table = ReadFeatureTable(job, path, "", features.names);
  Centres centres{0, static_cast<uint32_t>(features.names.size()), {}};
  for (const Row& row : table.rows.Collect()) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (!row[i].is_number() || !(std::abs(row[i].AsDouble()) <= kMostMagnitude))
        job.Fail(pb::ErrorInfo::BAD_INPUT,
                 StrCat(path, ": the value of column '", features.names[i], "' of centre ", centres.k,
                        " (counted from 0) is missing, no number or too large"));
      centres.values.push_back(row[i].AsDouble());
    }
    ++centres.k;
  }
  return centres;
}

}  // namespace millrace::ml
