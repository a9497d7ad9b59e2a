// What jobs with a classifier write: tables of coefficients and scores, figures for summary.json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/evaluation.h"
#include "jobs/ml/logistic_regression.h"

namespace millrace::ml {

// feature, train_mean, train_population_std and the coefficients under the name given; the last
// row is (intercept).
Table ScaledCoefficientsTable(Job& job, const Samples& samples, const ScaleParameters& scale,
                              const LogisticModel& model, const std::string& column);
// feature, coefficient; the last row is (intercept).
Table CoefficientsTable(Job& job, const Samples& samples, const LogisticModel& model);

// row, the id where there is one, target, linear_score, probability.
Table ScoresTable(const Samples& samples, const Dataset<Scored>& scored);

// intercept, objective, largest_gradient_entry, iterations, halvings, features, train_rows, test_rows.
nlohmann::ordered_json ModelJson(const Samples& samples, const LogisticModel& model);
// confusion, auc, margins (how near a decision was to another one), log_loss.
void AddEvaluation(const Confusion& confusion, const Roc& roc, nlohmann::ordered_json* summary);

}  // namespace millrace::ml
