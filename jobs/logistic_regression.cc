// Logistic regression of a 0/1 column: the rules are in jobs/ml/logistic_regression.h and evaluation.h.
//
//   mrsubmit run --local logistic-regression --input=cells.csv --output=fit --target=malignant --c=1
//     --intercept=free --threshold=0.5 --test-rows=test.csv
//
// Features are standardised by mean and population deviation of the train rows (a constant one becomes 0 and
// gets no weight). --c weighs the loss against the penalty 1/2 w.w; --intercept=penalised puts the intercept
// into the penalty. --derive and --test-rows are those of linear-regression. Without --test-rows the model is
// judged by the rows it was fitted to.
// Output: coefficients/ (feature, train_mean, train_population_std, intercept_free or intercept_penalised),
// test_scores/ (row, the id, target, linear_score, probability; train_scores/ without --test-rows), roc/
// (threshold, tp, fp, fpr, tpr: all distinct linear scores, descending), summary.json, report.json.
//
// Refused with a sentence: missing or infinite cells, targets other than 0 and 1, one class only among the
// train rows, no convergence within --max-iterations. Separable classes have their minimum as well, for the
// penalty keeps the weights finite. AUC and rates are null or missing where the test rows are of one class.
//
// Stages, for n rows of d features: parsing into cached blocks and the shuffle of the test rows as in
// linear-regression; two passes for the scaler, one per Newton iteration, a loop of the job (each task sends
// d^2 / 2 numbers); one for confusion and log loss; one that shuffles the scores into order (10 to 30 bytes
// per distinct score and split) and caches them, five small ones over these for ROC and AUC, one for the
// report. Memory: one d x d triangle and one block of 256 KiB per slot.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/classification_report.h"
#include "jobs/ml/logistic_regression.h"
#include "jobs/pages/classifier_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct LogisticRegressionOptions : CommonOptions {
  std::string target = kRequired;
  std::vector<std::string> features;
  std::string id;
  std::string derive;
  std::string test_rows;
  double c = 1;
  std::string intercept = "free";
  double threshold = 0.5;
  uint32_t max_iterations = 100;
  std::string report;
};
MR_OPTIONS(LogisticRegressionOptions,
           MR_OPTION(target, "column", "The column of 0 and 1 to predict; 1 is positive"),
           MR_OPTION(features, "columns", "The columns to predict by; empty = all other numeric ones"),
           MR_OPTION(id, "column", "The column that names the rows; it is kept as it is"),
           MR_OPTION(derive, "expressions", "New columns: name=arithmetic on columns, comma-separated"),
           MR_OPTION(test_rows, "path", "A csv with a column row: rows that are kept back for the test"),
           MR_OPTION(c, "number", "Weight of the loss against the penalty 1/2 w.w"),
           MR_OPTION(intercept, "free|penalised", "Whether the penalty leaves the intercept out"),
           MR_OPTION(threshold, "number", "Rows of a greater probability are taken for positive"),
           MR_OPTION(max_iterations, "integer", "Newton steps after which the job gives up"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

void LogisticRegression(Job& job, const LogisticRegressionOptions& options) {
  const ml::Samples samples = ml::ReadSamples(
      job, options.input, {options.target, options.features, options.id, options.derive, options.test_rows});
  const ml::ScaleParameters scale = ml::FitTrainScaler(samples);
  const ml::LogisticModel model =
      ml::FitLogistic(job, samples, scale.Shift(), scale.Factor(),
                      {options.c, options.intercept == "penalised", options.max_iterations});
  const Dataset<ml::Scored> scored = ml::ScoreSamples(samples, model);
  const ml::Roc roc = ml::MakeRoc(scored);

  ml::ScaledCoefficientsTable(job, samples, scale, model, "intercept_" + options.intercept)
      .Write(options.output + "/coefficients");
  ml::ScoresTable(samples, scored)
      .Write(options.output + (samples.HasTest() ? "/test_scores" : "/train_scores"));
  roc.points.Write(options.output + "/roc");
  nlohmann::ordered_json summary = ml::ModelJson(samples, model);
  const ml::Confusion confusion = ml::MakeConfusion(scored, options.threshold);
  ml::AddEvaluation(confusion, roc, &summary);
  job.WriteFile("summary.json", summary.dump(1) + "\n");
  WriteReport(job, report::LogisticPage(report::FactsOfClassifier(samples, model, scored, confusion, roc)));
}
MR_JOB("logistic-regression", LogisticRegression, "The probability of one of two classes, from numbers")

}  // namespace millrace
