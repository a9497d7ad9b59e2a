// Linear least squares with an intercept.
//
// Minimises sum (y - a - b.x)^2 over the train rows by a QR decomposition of the centred and scaled columns,
// [Z y'] = Q R: R b' = Q^T y' is the last column of R, and the squared corner of R the sum of squared
// residuals. The condition of Z, not its square as with normal equations, decides how exact that is. R is
// built row by row (Householder), task by task, and the tasks' R are folded in the order of the input.
// Source: Golub, Van Loan, Matrix Computations, 4th edition, 5.3 and 6.5; TSQR as in Demmel, Grigori,
// Hoemmen, Langou, Communication-optimal parallel and sequential QR and LU (2012).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/evaluation.h"
#include "jobs/ml/samples.h"

namespace millrace::ml {

struct LinearModel {
  double intercept = 0;
  std::vector<double> coefficients;  // per feature, in the units of target / feature
  // Standard deviation of the residuals, sqrt(sum of squares / (rows - features - 1)), and standard errors of
  // the coefficients under independent errors of one variance; NaN where rows = features + 1.
  double residual_std = 0, intercept_error = 0;
  std::vector<double> errors;
  double Predict(const double* row) const;  // intercept + sum b_i x_i, in the order of the columns
};
MR_RECORD(LinearModel, MR_NAMED(intercept), MR_NAMED(coefficients), MR_NAMED(residual_std),
          MR_NAMED(intercept_error), MR_NAMED(errors))

// Three passes over the train rows: means, deviations, R. A pass costs 2 d^2 products per row; each task
// sends d^2 numbers (d features). Ends the job with a sentence where there are fewer train rows than
// coefficients, where a feature is constant or follows from the others (to 1e-11 of its spread).
LinearModel FitLinear(Job& job, const Samples& samples);

// Metrics of the train rows or, test = true, of the test rows. One pass.
RegressionTally EvaluateLinear(const Samples& samples, const LinearModel& model, bool test);

// row, the id where there is one, target, prediction, residual (target - prediction), of the evaluated rows
// in the order of the input.
Table PredictionsTable(const Samples& samples, const LinearModel& model);
// feature, coefficient, standard_error, t (their quotient); the last row is (intercept).
Table LinearCoefficientsTable(Job& job, const Samples& samples, const LinearModel& model);
// About `most` evaluated rows (fewer than twice as many), chosen by a hash of their numbers, in the order of
// these: the same whatever the splits.
struct ShownPrediction {
  uint64_t row = 0;
  double target = 0, prediction = 0;
};
MR_RECORD(ShownPrediction, MR_NAMED(row), MR_NAMED(target), MR_NAMED(prediction))
std::vector<ShownPrediction> SamplePredictions(const Samples& samples, const LinearModel& model,
                                               uint64_t most);
// Evaluated rows by residual, in `bins` bins of equal width from `from` to `to` (> from); the outermost ones
// hold what lies beyond as well. One pass; each task sends one list.
std::vector<uint64_t> CountResiduals(const Samples& samples, const LinearModel& model, double from, double to,
                                     uint32_t bins);
// Predictions of rows 0 to n - 1 of the input.
std::vector<double> FirstPredictions(const Samples& samples, const LinearModel& model, uint64_t n);

// R of a QR decomposition that grows: the upper triangle of the columns seen so far, and rows not yet in it.
struct GrowingR {
  uint32_t columns = 0;
  std::vector<double> r;     // columns x columns, row by row; empty before the first rows are taken in
  std::vector<double> rows;  // row by row
  void TakeIn();             // rows into r
  void Append(const GrowingR& more);
};
MR_RECORD(GrowingR, MR_NAMED(columns), MR_NAMED(r), MR_NAMED(rows))

}  // namespace millrace::ml
