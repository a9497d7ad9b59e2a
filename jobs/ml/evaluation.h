// How good predictions are: regression metrics, confusion matrix, log loss, ROC curve and AUC.
//
// y the targets, f the predictions, n rows. MSE = sum (y-f)^2 / n, RMSE its root, MAE = sum |y-f| / n,
// R2 = 1 - sum (y-f)^2 / sum (y-mean y)^2 about the mean of the evaluated rows. A row is taken for positive
// where its probability is above the threshold; precision = tp/(tp+fp), recall = tp/(tp+fn), f1 =
// 2 tp/(2 tp+fp+fn), accuracy = (tp+tn)/n. Log loss = the mean of -ln(probability of the row's own class).
// ROC: for all distinct scores in descending order the true and false positives when rows from that score on
// are taken for positive; the first point is (0, 0). AUC = (concordant pairs + tied pairs / 2) / (P N), from
// counts. What has no value (a quotient by 0) is null in JSON and missing in tables.
// Source: Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27 (2006).
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/exact.h"

namespace millrace::ml {

// ---- regression ----

// Rows of targets and predictions, added up. The spread of the targets is kept about their mean (Chan, Golub,
// LeVeque 1983), so that nothing cancels.
struct RegressionTally {
  uint64_t rows = 0;
  double mean = 0, spread = 0;  // of the targets: mean, sum (y-mean)^2
  CompensatedSum squares, magnitudes, residuals;
  double least = 0, greatest = 0;  // residual y - f
  void Add(const double* targets, const double* predictions, size_t n);
  void Merge(const RegressionTally& more);
};
MR_RECORD(RegressionTally, MR_NAMED(rows), MR_NAMED(mean), MR_NAMED(spread), MR_NAMED(squares),
          MR_NAMED(magnitudes), MR_NAMED(residuals), MR_NAMED(least), MR_NAMED(greatest))

struct MergeTallies {
  void operator()(RegressionTally& into, const RegressionTally& more) const { into.Merge(more); }
};

// {"n", "R2", "MSE", "RMSE", "MAE"}; R2 is null where the targets are all one value.
nlohmann::ordered_json RegressionMetrics(const RegressionTally& tally);

// ---- classification ----

struct Scored {
  uint64_t row = 0;
  std::string id;
  bool positive = false;  // what it is
  double score = 0;       // greater = likelier positive
  double probability = 0;
};
MR_RECORD(Scored, MR_NAMED(row), MR_NAMED(id), MR_NAMED(positive), MR_NAMED(score), MR_NAMED(probability))

struct Confusion {
  double threshold = 0.5;
  uint64_t tp = 0, fp = 0, fn = 0, tn = 0;
  CompensatedSum log_loss;                                   // not yet divided by the rows
  double nearest = std::numeric_limits<double>::infinity();  // least |probability - threshold|
  uint64_t rows() const { return tp + fp + fn + tn; }
  double LogLoss() const { return log_loss.Total() / static_cast<double>(rows()); }
  nlohmann::ordered_json Json() const;  // tp, fp, fn, tn, precision, recall, f1, accuracy
};
MR_RECORD(Confusion, MR_NAMED(threshold), MR_NAMED(tp), MR_NAMED(fp), MR_NAMED(fn), MR_NAMED(tn),
          MR_NAMED(log_loss), MR_NAMED(nearest))

// The n rows of the highest probabilities in descending order, equal ones by the bytes of their ids, then in
// the order of the data set. One pass; each task sends n records.
std::vector<Scored> Likeliest(const Dataset<Scored>& scored, uint64_t n);

// One pass; each task sends one record. Log loss is taken from the score as log-odds.
Confusion MakeConfusion(const Dataset<Scored>& scored, double threshold);

struct RocPoint {
  double threshold = 0;  // the score; infinity for the first point
  uint64_t tp = 0, fp = 0;
  std::optional<double> fpr, tpr;
};
MR_RECORD(RocPoint, MR_NAMED(threshold), MR_NAMED(tp), MR_NAMED(fp), MR_NAMED(fpr), MR_NAMED(tpr))

struct Roc {
  Dataset<RocPoint> points;
  uint64_t distinct_scores = 0;
  double smallest_gap = std::numeric_limits<double>::infinity();  // of neighbouring distinct scores
  std::optional<double> auc;                                      // nothing where all rows are of one class
};

// Scores are shuffled into descending order, equal ones counted together (9 to 30 bytes per distinct score
// and split), and cached; the counts before each task come from one action, the AUC from another. No task
// holds more than a slot's memory, whatever the number of rows.
Roc MakeRoc(const Dataset<Scored>& scored);

// About `most` points of the curve, spread evenly over its scores, the first and the last among them; none
// where all rows are of one class. Two passes over the points.
std::vector<RocPoint> RocSample(const Roc& roc, uint64_t most);

// Rows by probability, in bands of equal width: band i of n holds i/n <= probability < (i+1)/n, the last one
// 1 as well.
struct ScoreBands {
  std::vector<uint64_t> positives, negatives;
};
MR_RECORD(ScoreBands, MR_NAMED(positives), MR_NAMED(negatives))
// One pass; each task sends one record.
ScoreBands CountBands(const Dataset<Scored>& scored, uint32_t bands);

// v where it is a number, else null: infinities and NaN have no JSON.
nlohmann::ordered_json JsonNumber(double v);

}  // namespace millrace::ml
