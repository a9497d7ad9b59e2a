// Linear least squares with an intercept: the rules are in jobs/ml/linear_regression.h.
//
//   mrsubmit run --local linear-regression --input=housing.csv --output=fit --target=PRICE
//     --features=median_income,AveRooms --test-rows=test.csv
//     --derive='AveRooms=total_rooms/households, PRICE=median_house_value/100000'
//
// --derive makes columns of others (jobs/ml/expression.h). --test-rows names a csv with a column `row`: rows
// (from 0, in the order of the input) that are kept back and judged by; a row named twice counts once.
// Output: coefficients/ (feature, coefficient, standard_error, t), predictions/ (row, the id, target,
// prediction, residual; of the test rows, or of all rows without --test-rows), summary.json, report.json.
//
// Refused with a sentence: missing or infinite cells, constant features, features that follow from others,
// fewer train rows than coefficients. R2 is null where the targets are all one value.
//
// Stages, for n rows of d features: one pass that parses and derives into cached blocks of numbers; with test
// rows one shuffle of these blocks (8 n (d + 1) bytes, and 11 per test row) that gives every row its part,
// cached; three passes for means, deviations and the triangle R (2 n d^2 products; each task sends d^2
// numbers to the driver); one per evaluation and table, two for the report. Memory: two d x d triangles and
// one block of 256 KiB per slot.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/linear_regression.h"
#include "jobs/pages/regression_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct LinearRegressionOptions : CommonOptions {
  std::string target = kRequired;
  std::vector<std::string> features;
  std::string id;
  std::string derive;
  std::string test_rows;
  std::string report;
};
MR_OPTIONS(LinearRegressionOptions, MR_OPTION(target, "column", "The column to predict"),
           MR_OPTION(features, "columns", "The columns to predict by; empty = all other numeric ones"),
           MR_OPTION(id, "column", "The column that names the rows; it is kept as it is"),
           MR_OPTION(derive, "expressions", "New columns: name=arithmetic on columns, comma-separated"),
           MR_OPTION(test_rows, "path", "A csv with a column row: rows that are kept back for the test"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

void LinearRegression(Job& job, const LinearRegressionOptions& options) {
  constexpr uint64_t kShownPredictions = 5;
  const ml::Samples samples = ml::ReadSamples(
      job, options.input, {options.target, options.features, options.id, options.derive, options.test_rows});
  const ml::LinearModel model = ml::FitLinear(job, samples);
  ml::LinearCoefficientsTable(job, samples, model).Write(options.output + "/coefficients");
  ml::PredictionsTable(samples, model).Write(options.output + "/predictions");

  const ml::RegressionTally train = ml::EvaluateLinear(samples, model, false);
  nlohmann::ordered_json summary;
  summary["target"] = samples.target;
  summary["features"] = samples.names;
  summary["coefficients"] = model.coefficients;
  summary["intercept"] = model.intercept;
  summary["train"] = ml::RegressionMetrics(train);
  const ml::RegressionTally judged = samples.HasTest() ? ml::EvaluateLinear(samples, model, true) : train;
  if (samples.HasTest()) summary["test"] = ml::RegressionMetrics(judged);
  // Of the train rows; the standard error divides by the rows less the coefficients.
  summary["residuals"] = {{"mean", train.residuals.Total() / static_cast<double>(train.rows)},
                          {"standard_error", ml::JsonNumber(model.residual_std)},
                          {"min", train.least},
                          {"max", train.greatest}};
  summary["predictions_of_first_rows"] = ml::FirstPredictions(samples, model, kShownPredictions);
  job.WriteFile("summary.json", summary.dump(1) + "\n");
  WriteReport(job, report::RegressionPage(report::FactsOfRegression(samples, model, train, judged)));
}
MR_JOB("linear-regression", LinearRegression, "Least squares: a number predicted from others")

}  // namespace millrace
