#include "jobs/ml/streaming_kmeans.h"

#include <algorithm>
#include <cmath>

namespace millrace::ml {
namespace {

constexpr uint32_t kBlockRows = 512;

void UpdateSeed(double decay, const BatchSums& batch, StreamingModel* model) {
  Centres& centres = model->centres;
  for (uint32_t j = 0; j < centres.k; ++j) {
    const double old = decay * model->weights[j];
    const double n = static_cast<double>(batch.counts[j]);
    model->weights[j] = old + n;
    if (batch.counts[j] == 0) continue;
    const double* sum = batch.sums.data() + size_t{j} * centres.columns;
    for (uint32_t d = 0; d < centres.columns; ++d)
      centres.row(j)[d] = (old * centres.row(j)[d] + sum[d]) / model->weights[j];
  }
}

void UpdateSpark(double decay, const BatchSums& batch, StreamingModel* model) {
  Centres& centres = model->centres;
  for (uint32_t j = 0; j < centres.k; ++j) {
    model->weights[j] *= decay;
    if (batch.counts[j] == 0) continue;
    const double n = static_cast<double>(batch.counts[j]);
    const double whole = model->weights[j] + n;
    const double share = n / std::max(whole, 1e-16);
    const double* sum = batch.sums.data() + size_t{j} * centres.columns;
    for (uint32_t d = 0; d < centres.columns; ++d)
      centres.row(j)[d] = (1 - share) * centres.row(j)[d] + (share / n) * sum[d];
    model->weights[j] = whole;
  }
}

bool SplitLargest(StreamingModel* model) {
  std::vector<double>& weights = model->weights;
  const auto largest =
      static_cast<size_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  const auto smallest =
      static_cast<size_t>(std::min_element(weights.begin(), weights.end()) - weights.begin());
  if (!(weights[smallest] < 1e-8 * weights[largest])) return false;
  const double half = (weights[largest] + weights[smallest]) / 2;
  weights[largest] = weights[smallest] = half;
  for (uint32_t d = 0; d < model->centres.columns; ++d) {
    const double x = model->centres.row(largest)[d];
    const double p = 1e-14 * std::max(std::abs(x), 1.0);
    model->centres.row(largest)[d] = x + p;
    model->centres.row(smallest)[d] = x - p;
  }
  return true;
}

// Takes points one by one and closes a batch when it is full.
class Follower {
 public:
  Follower(const StreamingOptions& options, const StreamingModel& model)
      : options_(options), model_(model), nearest_(std::in_place, model.centres) {
    Clear();
  }
  void Take(const FeatureBlock& block, Emitter<BatchResult>& out) {
    std::vector<uint32_t> labels(block.rows);
    std::vector<double> distances(block.rows);
    for (uint64_t from = 0; from < block.rows;) {
      const uint64_t rows = std::min(block.rows - from, options_.batch - batch_.points);
      nearest_->Assign(block.row(from), rows, labels.data(), distances.data());
      for (uint64_t i = 0; i < rows; ++i) {
        batch_.cost += distances[i];
        ++batch_.counts[labels[i]];
        batch_.margin = std::min(
            batch_.margin, SecondDistance(model_.centres, block.row(from + i), labels[i]) - distances[i]);
        AddTo(block.row(from + i), block.columns, batch_.sums.data() + size_t{labels[i]} * block.columns);
      }
      batch_.points += rows;
      from += rows;
      if (batch_.points == options_.batch) Close(out);
    }
  }
  void Close(Emitter<BatchResult>& out) {
    if (batch_.points == 0) return;
    const bool split = UpdateModel(options_, batch_, &model_);
    out({batch_.points, batch_.cost, batch_.counts, std::max(batch_.margin, 0.0), model_, split});
    nearest_.emplace(model_.centres);
    Clear();
  }

 private:
  void Clear() {
    batch_ = {};
    batch_.counts.resize(model_.centres.k);
    batch_.sums.resize(model_.centres.values.size());
  }
  const StreamingOptions& options_;
  StreamingModel model_;
  std::optional<NearestCentre> nearest_;
  BatchSums batch_;
};

struct AddVectors {
  void operator()(std::vector<double>& into, const std::vector<double>& more) const {
    AddTo(more.data(), more.size(), into.data());
  }
};

}  // namespace

bool UpdateModel(const StreamingOptions& options, const BatchSums& batch, StreamingModel* model) {
  if (!options.spark) {
    UpdateSeed(options.decay, batch, model);
    return false;
  }
  UpdateSpark(options.decay, batch, model);
  return SplitLargest(model);
}

std::vector<BatchResult> FollowBatches(const Dataset<std::vector<double>>& points,
                                       const StreamingOptions& options, const StreamingModel& model) {
  return points
      .MapBatch<FeatureBlock>(
          kBlockRows,
          [](std::span<const std::vector<double>> rows, Emitter<FeatureBlock>& out) {
            FeatureBlock block{
                static_cast<uint32_t>(rows.size()), static_cast<uint32_t>(rows[0].size()), {}, {}, {}};
            for (const std::vector<double>& row : rows)
              block.values.insert(block.values.end(), row.begin(), row.end());
            out(block);
          },
          "Blocks")
      .KeyBy([](const FeatureBlock&) { return uint32_t{0}; })
      .GroupByKey<BatchResult>(
          With(options, model),
          [](const StreamingOptions& o, const StreamingModel& start, const uint32_t&,
             Rows<FeatureBlock> blocks, Emitter<BatchResult>& out) {
            Follower follower(o, start);
            for (const FeatureBlock& block : blocks) follower.Take(block, out);
            follower.Close(out);
          },
          "FollowBatches")
      .Collect();
}

std::vector<double> TestCosts(const Dataset<Numbered<FeatureBlock>>& blocks,
                              const std::vector<Centres>& models) {
  if (models.empty()) return {};
  return blocks
      .Map(
          With(models),
          [](const std::vector<Centres>& all, const Numbered<FeatureBlock>& numbered) {
            const FeatureBlock& block = numbered.record;
            std::vector<double> costs;
            std::vector<uint32_t> labels(block.rows);
            std::vector<double> distances(block.rows);
            for (const Centres& centres : all) {
              NearestCentre(centres).Assign(block.values.data(), block.rows, labels.data(), distances.data());
              double sum = 0;
              for (const double distance : distances) sum += distance;
              costs.push_back(sum);
            }
            return costs;
          },
          "Costs")
      .Aggregate(AddVectors{}, std::vector<double>(models.size()));
}

Centres DrawCentres(uint32_t k, uint32_t columns, uint64_t seed) {
  SplitMix64 random(seed);
  Centres centres{k, columns, std::vector<double>(size_t{k} * columns)};
  for (double& x : centres.values) {
    for (int i = 0; i < 12; ++i) x += static_cast<double>(random.Next() >> 11) * 0x1p-53;
    x -= 6;
  }
  return centres;
}

}  // namespace millrace::ml
