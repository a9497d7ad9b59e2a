// Logistic regression of two classes with a ridge penalty.
//
// With z = (x - shift) * factor, t = 1 for positive rows and -1 for the others, it minimises
//   1/2 w.w (+ 1/2 b^2 where the intercept is penalised) + C sum ln(1 + exp(-t (w.z + b)))
// over the train rows. Where both classes occur the minimiser exists and is unique, for separable classes
// too: the penalty keeps w finite. Newton's method; a step that does not lower the objective is halved. Done
// when the terms of the gradient cancel to 1e-11 of their size.
// Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd edition, 4.4.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/evaluation.h"
#include "jobs/ml/samples.h"
#include "jobs/ml/scaler.h"

namespace millrace::ml {

struct LogisticOptions {
  double c = 1;
  bool penalise_intercept = false;
  uint32_t max_iterations = 100;
  std::vector<double> start = {};  // coefficients, then the intercept, to begin at; empty: zeros
};

struct LogisticModel {
  std::vector<double> shift, factor;      // of the features
  std::vector<double> coefficients;       // w, of the scaled features
  double intercept = 0;                   // b
  double Score(const double* row) const;  // w.z + b, the log-odds, in the order of the columns
  // How the fit went.
  uint64_t iterations = 0, halvings = 0;
  double objective = 0, largest_gradient_entry = 0;
  std::vector<double> objectives;  // at the start and after each iteration
};
MR_RECORD(LogisticModel, MR_NAMED(shift), MR_NAMED(factor), MR_NAMED(coefficients), MR_NAMED(intercept),
          MR_NAMED(iterations), MR_NAMED(halvings), MR_NAMED(objective), MR_NAMED(largest_gradient_entry),
          MR_NAMED(objectives))

// 1 / (1 + exp(-score)).
double Probability(double score);

// Mean and population deviation of the train rows' features, for LogisticModel: two passes.
ScaleParameters FitTrainScaler(const Samples& samples);

// One pass over the train rows per iteration (4 to 10 as a rule), d^2 / 2 products per row; each task sends
// d^2 / 2 numbers. The iterations are a loop of the job. Targets are 0 or 1. Ends the job with a sentence
// where they are not, where there is one class only, and where --max-iterations do not suffice.
LogisticModel FitLogistic(Job& job, const Samples& samples, std::vector<double> shift,
                          std::vector<double> factor, const LogisticOptions& options);

// The evaluated rows with their log-odds and probabilities, in the order of the input.
Dataset<Scored> ScoreSamples(const Samples& samples, const LogisticModel& model);

}  // namespace millrace::ml
