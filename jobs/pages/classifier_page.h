// The pages of classifiers: logistic-regression and churn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "common/report/page.h"
#include "jobs/ml/evaluation.h"
#include "jobs/ml/logistic_regression.h"

namespace millrace::report {

// What is found out about a classifier for its page.
struct ClassifierFacts {
  std::string positive, negative;  // what the classes are called
  std::vector<std::string> features;
  uint64_t train_rows = 0, test_rows = 0;
  ml::LogisticModel model;
  ml::Confusion confusion;
  double auc = kNone;
  std::vector<ml::RocPoint> roc;  // some points
  ml::ScoreBands bands;
};

// The same from stages: three small passes over scores and curve.
ClassifierFacts FactsOfClassifier(const ml::Samples& samples, const ml::LogisticModel& model,
                                  const Dataset<ml::Scored>& scored, const ml::Confusion& confusion,
                                  const ml::Roc& roc);

// Figures, ROC curve, confusion matrix, score bands with the share of positives in each, the heaviest
// coefficients, and how the fit converged.
Page LogisticPage(const ClassifierFacts& facts);

// What is done about some customers.
struct ActionLine {
  std::string action, rule;  // "offer", "from 0.8 on"
  uint64_t customers = 0, left = 0;
};

// The same for customers, with a table of actions and those likeliest to leave.
Page ChurnPage(const ClassifierFacts& facts, const std::vector<ActionLine>& actions,
               const std::vector<ml::Scored>& likeliest);

}  // namespace millrace::report
