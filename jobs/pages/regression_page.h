// The page of linear-regression.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "common/report/page.h"
#include "jobs/ml/linear_regression.h"

namespace millrace::report {

struct RegressionFacts {
  std::string target;
  std::vector<std::string> features;
  bool has_test = false;
  ml::LinearModel model;
  ml::RegressionTally train, judged;  // judged: by the test rows, or by the train rows where there are none
  std::vector<ml::ShownPrediction> shown;
  double least = 0, greatest = 0;  // of the histogram of the residuals
  std::vector<uint64_t> bins;
};

// The same from stages: two passes over the judged rows, some 1,000 of which are drawn. The histogram goes to
// four root mean squares on either side.
RegressionFacts FactsOfRegression(const ml::Samples& samples, const ml::LinearModel& model,
                                  const ml::RegressionTally& train, const ml::RegressionTally& judged);

// Figures, targets by predictions, residuals (histogram, and by prediction) and coefficients.
Page RegressionPage(const RegressionFacts& facts);

}  // namespace millrace::report
