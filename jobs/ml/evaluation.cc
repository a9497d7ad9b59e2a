#include "jobs/ml/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace millrace::ml {
namespace {

struct MergeConfusions {
  void operator()(Confusion& into, const Confusion& more) const {
    into.tp += more.tp;
    into.fp += more.fp;
    into.fn += more.fn;
    into.tn += more.tn;
    into.log_loss.Add(more.log_loss);
    into.nearest = std::min(into.nearest, more.nearest);
  }
};

struct AddBands {
  void operator()(ScoreBands& into, const ScoreBands& more) const {
    for (size_t i = 0; i < more.positives.size(); ++i) {
      into.positives[i] += more.positives[i];
      into.negatives[i] += more.negatives[i];
    }
  }
};

struct TopRows {
  uint64_t limit = 0;
  std::vector<Scored> rows;
};
MR_RECORD(TopRows, MR_NAMED(limit), MR_NAMED(rows))

struct MergeTop {
  void operator()(TopRows& into, const TopRows& more) const {
    into.rows.insert(into.rows.end(), more.rows.begin(), more.rows.end());
    std::stable_sort(into.rows.begin(), into.rows.end(), [](const Scored& a, const Scored& b) {
      return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
    });
    if (into.rows.size() > into.limit) into.rows.resize(into.limit);
  }
};

// Rows of one score, or of all scores so far.
struct ClassCounts {
  uint64_t positives = 0, negatives = 0;
};
MR_RECORD(ClassCounts, MR_NAMED(positives), MR_NAMED(negatives))

struct AddCounts {
  void operator()(ClassCounts& into, const ClassCounts& more) const {
    into.positives += more.positives;
    into.negatives += more.negatives;
  }
};

struct RocStep {
  double score = 0;
  ClassCounts rows;
};
MR_RECORD(RocStep, MR_NAMED(score), MR_NAMED(rows))

using RunningStep = Running<ClassCounts, RocStep>;

// What the whole curve comes to: 2 x concordant pairs + ties as a number of 128 bits, for P N may pass 2^64.
struct RocTally {
  uint64_t high = 0, low = 0;
  uint64_t scores = 0;
  double first = 0, last = 0;  // scores, descending
  double gap = std::numeric_limits<double>::infinity();
};
MR_RECORD(RocTally, MR_NAMED(high), MR_NAMED(low), MR_NAMED(scores), MR_NAMED(first), MR_NAMED(last),
          MR_NAMED(gap))

struct AppendTally {
  void operator()(RocTally& into, const RocTally& more) const {
    into.gap = std::min({into.gap, more.gap, into.last - more.first});
    into.last = more.last;
    into.scores += more.scores;
    into.low += more.low;
    into.high += more.high + (into.low < more.low ? 1 : 0);
  }
};

// Twice the pairs that these positives win against negatives of a lower score, and the ties once.
RocTally TallyStep(uint64_t all_negatives, const RunningStep& step) {
  const ClassCounts& rows = step.record.rows;
  const uint64_t lower = all_negatives - step.total.negatives;
  const unsigned __int128 pairs = static_cast<unsigned __int128>(rows.positives) *
                                  (2 * static_cast<unsigned __int128>(lower) + rows.negatives);
  return {static_cast<uint64_t>(pairs >> 64),
          static_cast<uint64_t>(pairs),
          1,
          step.record.score,
          step.record.score,
          std::numeric_limits<double>::infinity()};
}

std::optional<double> Rate(uint64_t part, uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

RocPoint PointOf(const ClassCounts& all, double threshold, const ClassCounts& taken) {
  return {threshold, taken.positives, taken.negatives, Rate(taken.negatives, all.negatives),
          Rate(taken.positives, all.positives)};
}

nlohmann::ordered_json JsonRate(uint64_t part, uint64_t whole) {
  const auto rate = Rate(part, whole);
  return rate.has_value() ? nlohmann::ordered_json(*rate) : nlohmann::ordered_json();
}

// i with i / n <= probability < (i + 1) / n; the product alone is a band off where it is rounded.
size_t BandOf(double probability, size_t n) {
  const double bands = static_cast<double>(n);
  const size_t band = std::min(static_cast<size_t>(probability * bands), n - 1);
  if (probability < static_cast<double>(band) / bands) return band - 1;
  return band + 1 < n && probability >= static_cast<double>(band + 1) / bands ? band + 1 : band;
}

}  // namespace

void RegressionTally::Add(const double* targets, const double* predictions, size_t n) {
  if (n == 0) return;
  RegressionTally block;
  block.rows = n;
  block.least = std::numeric_limits<double>::infinity();
  block.greatest = -block.least;
  CompensatedSum sum, spread;
  for (size_t i = 0; i < n; ++i) sum.Add(targets[i]);
  block.mean = sum.Total() / static_cast<double>(n);
  for (size_t i = 0; i < n; ++i) {
    const double residual = targets[i] - predictions[i], distance = targets[i] - block.mean;
    spread.Add(distance * distance);
    block.squares.Add(residual * residual);
    block.magnitudes.Add(std::abs(residual));
    block.residuals.Add(residual);
    block.least = std::min(block.least, residual);
    block.greatest = std::max(block.greatest, residual);
  }
  block.spread = spread.Total();
  Merge(block);
}

void RegressionTally::Merge(const RegressionTally& more) {
  if (more.rows == 0) return;
  if (rows == 0) {
    *this = more;
    return;
  }
  const double a = static_cast<double>(rows), b = static_cast<double>(more.rows), delta = more.mean - mean;
  spread += more.spread + delta * delta * (a * b / (a + b));
  mean += delta * (b / (a + b));
  rows += more.rows;
  squares.Add(more.squares);
  magnitudes.Add(more.magnitudes);
  residuals.Add(more.residuals);
  least = std::min(least, more.least);
  greatest = std::max(greatest, more.greatest);
}

nlohmann::ordered_json JsonNumber(double v) {
  return std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json();
}

nlohmann::ordered_json RegressionMetrics(const RegressionTally& tally) {
  const double n = static_cast<double>(tally.rows), mse = tally.squares.Total() / n;
  nlohmann::ordered_json json;
  json["n"] = tally.rows;
  json["R2"] = JsonNumber(tally.spread == 0 ? std::nan("") : 1 - tally.squares.Total() / tally.spread);
  json["MSE"] = JsonNumber(mse);
  json["RMSE"] = JsonNumber(std::sqrt(mse));
  json["MAE"] = JsonNumber(tally.magnitudes.Total() / n);
  return json;
}

nlohmann::ordered_json Confusion::Json() const {
  nlohmann::ordered_json json;
  json["tp"] = tp;
  json["fp"] = fp;
  json["fn"] = fn;
  json["tn"] = tn;
  json["precision"] = JsonRate(tp, tp + fp);
  json["recall"] = JsonRate(tp, tp + fn);
  json["f1"] = JsonRate(2 * tp, 2 * tp + fp + fn);
  json["accuracy"] = JsonRate(tp + tn, rows());
  return json;
}

Confusion MakeConfusion(const Dataset<Scored>& scored, double threshold) {
  return scored
      .Map(
          With(threshold),
          [](double limit, const Scored& row) {
            Confusion one;
            one.threshold = limit;
            const bool taken = row.probability > limit;
            (row.positive ? (taken ? one.tp : one.fn) : (taken ? one.fp : one.tn)) = 1;
            // -ln p and -ln(1 - p) of p = 1 / (1 + e^-score), without the cancellation in 1 - p.
            const double against = row.positive ? -row.score : row.score;
            one.log_loss.Add(against > 0 ? against + std::log1p(std::exp(-against))
                                         : std::log1p(std::exp(against)));
            one.nearest = std::abs(row.probability - limit);
            return one;
          },
          "Confusion")
      .Aggregate(MergeConfusions{});
}

std::vector<Scored> Likeliest(const Dataset<Scored>& scored, uint64_t n) {
  constexpr uint32_t kBatchRows = 4096;
  return scored
      .MapBatch<TopRows>(
          kBatchRows, With(n),
          [](uint64_t limit, std::span<const Scored> batch, Emitter<TopRows>& out) {
            TopRows best{limit, {}};
            MergeTop{}(best, {limit, {batch.begin(), batch.end()}});
            out(best);
          },
          "Likeliest")
      .Aggregate(MergeTop{})
      .rows;
}

Roc MakeRoc(const Dataset<Scored>& scored) {
  const auto steps = scored
                         .KeyBy([](const Scored& row) { return Descending<double>{row.score}; },
                                [](const Scored& row) {
                                  return ClassCounts{row.positive ? 1u : 0u, row.positive ? 0u : 1u};
                                })
                         .InKeyOrder()
                         .ReduceByKey(AddCounts{}, "CountScores")
                         .Pairs()
                         .Map([](const KeyValue<Descending<double>, ClassCounts>& step) {
                           return RocStep{step.key.value, step.value};
                         })
                         .Cache();
  const ClassCounts all =
      steps.Map([](const RocStep& step) { return step.rows; }, "Classes").Aggregate(AddCounts{});
  const auto running = steps.WithRunningTotal([](const RocStep& step) { return step.rows; }, AddCounts{});
  const RocTally tally =
      running
          .Map(
              With(all.negatives),
              [](uint64_t negatives, const RunningStep& step) { return TallyStep(negatives, step); }, "Pairs")
          .Aggregate(AppendTally{});
  Roc roc{running.FlatMap<RocPoint>(
              With(all),
              [](const ClassCounts& rows, const RunningStep& step, Emitter<RocPoint>& out) {
                const ClassCounts& own = step.record.rows;
                const bool first =
                    step.total.positives == own.positives && step.total.negatives == own.negatives;
                if (first) out(PointOf(rows, std::numeric_limits<double>::infinity(), {}));
                out(PointOf(rows, step.record.score, step.total));
              },
              "Points"),
          tally.scores, tally.gap, std::nullopt};
  if (all.positives > 0 && all.negatives > 0) {
    const unsigned __int128 pairs = (static_cast<unsigned __int128>(tally.high) << 64) + tally.low;
    const unsigned __int128 possible = static_cast<unsigned __int128>(all.positives) * all.negatives;
    roc.auc = static_cast<double>(pairs) / 2 / static_cast<double>(possible);
  }
  return roc;
}

std::vector<RocPoint> RocSample(const Roc& roc, uint64_t most) {
  if (!roc.auc.has_value()) return {};
  const uint64_t points = roc.distinct_scores + 1, each = (points + most - 1) / most;
  return roc.points.WithRowNumber()
      .Filter(With(each, points),
              [](uint64_t step, uint64_t rows, const Numbered<RocPoint>& point) {
                return point.row % step == 0 || point.row + 1 == rows;
              })
      .Map([](const Numbered<RocPoint>& point) { return point.record; })
      .Collect();
}

ScoreBands CountBands(const Dataset<Scored>& scored, uint32_t bands) {
  constexpr uint32_t kBatchRows = 4096;
  const ScoreBands none{std::vector<uint64_t>(bands), std::vector<uint64_t>(bands)};
  return scored
      .MapBatch<ScoreBands>(
          kBatchRows, With(none),
          [](const ScoreBands& empty, std::span<const Scored> batch, Emitter<ScoreBands>& out) {
            ScoreBands counts = empty;
            const size_t n = empty.positives.size();
            for (const Scored& row : batch)
              ++(row.positive ? counts.positives : counts.negatives)[BandOf(row.probability, n)];
            out(counts);
          },
          "Bands")
      .Aggregate(AddBands{}, none);
}

}  // namespace millrace::ml
