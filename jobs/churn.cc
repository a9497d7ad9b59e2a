// Who is about to leave: a logistic regression on customers, and what to do about each.
//
//   mrsubmit run --local churn --input=telco_customer_churn.csv --output=churn --test-rows=test.csv --c=1
//     --offer=0.8 --watch=0.6
//
// The columns are those of IBM's telco file unless the options say otherwise. --numeric columns are
// standardised by the train rows (population deviation); a blank number is 0 and is counted. --flags are
// numbers taken as they are. Of each --categorical column the kinds, in byte order, become 0/1 columns
// without the first. Customers of --target = --positive have left. A probability from --offer on gets an
// offer, from --watch on a watchful eye. Without --test-rows all customers are fitted to and listed.
// Output: coefficients/ (feature, coefficient), test_scores/ (row, id, churn, probability, action;
// train_scores/ without --test-rows), top_risk/ (the --top likeliest to leave: rank, row, id, probability,
// churn, action; equal ones by id), roc/, summary.json, report.json.
//
// Refused with a sentence: a target of one kind or more than two, categorical columns with missing cells or
// over 1,000 kinds, numbers that are none; a customer whose id occurs twice is two customers.
//
// Stages, for n customers with d encoded features: one pass that counts kinds in combiners (at most the kinds
// of each column per split are shuffled), one that counts blanks, one that encodes into cached blocks; then
// those of logistic-regression. The likeliest are kept per task (--top records each), so they cost no sort.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/classification_report.h"
#include "jobs/ml/encoders.h"
#include "jobs/ml/logistic_regression.h"
#include "jobs/pages/classifier_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct ChurnOptions : CommonOptions {
  std::string test_rows;
  double c = 1;
  double offer = 0.8;
  double watch = 0.6;
  uint32_t top = 50;
  std::string id = "customerID";
  std::string target = "Churn";
  std::string positive = "Yes";
  std::vector<std::string> numeric = {"tenure", "MonthlyCharges", "TotalCharges"};
  std::vector<std::string> flags = {"SeniorCitizen"};
  std::vector<std::string> categorical = {
      "gender",          "Partner",         "Dependents",   "PhoneService",     "MultipleLines",
      "InternetService", "OnlineSecurity",  "OnlineBackup", "DeviceProtection", "TechSupport",
      "StreamingTV",     "StreamingMovies", "Contract",     "PaperlessBilling", "PaymentMethod"};
  std::string report;
};
MR_OPTIONS(ChurnOptions,
           MR_OPTION(test_rows, "path", "A csv with a column row: customers that are kept back for the test"),
           MR_OPTION(c, "number", "Weight of the loss against the penalty 1/2 w.w"),
           MR_OPTION(offer, "number", "Customers of this probability or more get an offer"),
           MR_OPTION(watch, "number", "Customers of this probability or more are watched"),
           MR_OPTION(top, "integer", "Customers in top_risk"),
           MR_OPTION(id, "column", "The column that names the customers"),
           MR_OPTION(target, "column", "The column that says who has left"),
           MR_OPTION(positive, "text", "What it says then"),
           MR_OPTION(numeric, "columns", "Numbers, standardised; a blank is 0"),
           MR_OPTION(flags, "columns", "Numbers that are taken as they are; a blank is 0"),
           MR_OPTION(categorical, "columns", "Columns of kinds, one 0/1 column for each kind but the first"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

namespace {

constexpr const char* kActions[] = {"offer", "watch", "none"};

struct Actions {
  double offer = 0, watch = 0;
  size_t Number(double probability) const { return probability >= offer ? 0 : probability >= watch ? 1 : 2; }
  const char* Of(double probability) const { return kActions[Number(probability)]; }
};
MR_RECORD(Actions, MR_NAMED(offer), MR_NAMED(watch))

struct ActionTally {
  std::vector<uint64_t> customers = {0, 0, 0}, left = {0, 0, 0};  // by action, and those of them who left
  double nearest = std::numeric_limits<double>::infinity();       // least distance from one of the two limits
};
MR_RECORD(ActionTally, MR_NAMED(customers), MR_NAMED(left), MR_NAMED(nearest))

struct AddTallies {
  void operator()(ActionTally& into, const ActionTally& more) const {
    for (size_t i = 0; i < more.customers.size(); ++i) {
      into.customers[i] += more.customers[i];
      into.left[i] += more.left[i];
    }
    into.nearest = std::min(into.nearest, more.nearest);
  }
};

// The encoded table: id, numbers, 0/1 columns, and the target as the column "Churn=Yes".
struct Encoded {
  Table table;
  std::vector<std::string> features;
  std::string target;
  std::vector<uint64_t> blanks;  // per numeric column
};

Encoded Encode(Job& job, const ChurnOptions& options) {
  std::vector<std::string> numbers = options.numeric;
  numbers.insert(numbers.end(), options.flags.begin(), options.flags.end());
  std::vector<std::string> kinds_of = options.categorical;
  kinds_of.push_back(options.target);
  TableOptions read;
  read.columns = {options.id};
  read.columns.insert(read.columns.end(), numbers.begin(), numbers.end());
  read.columns.insert(read.columns.end(), kinds_of.begin(), kinds_of.end());
  read.text = read.columns;
  const Table table = job.ReadTable(options.input, read);

  auto categories = ml::FitCategories(job, table, kinds_of, {ml::CategoryOrder::kBytes});
  const ml::Categories target = categories.back();
  categories.pop_back();
  if (target.kinds.size() > 2 ||
      std::find(target.kinds.begin(), target.kinds.end(), options.positive) == target.kinds.end())
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat("column '", options.target, "' says ", ml::SomeOf(target.kinds), "; it should say '",
                    options.positive, "' of customers who have left and one other thing of those who stay"));
  const Table encoded = ml::OneHotTable(
      ml::OneHotTable(ml::NumberTable(job, table, numbers, 0.0), categories, ml::Drop::kFirst), {target},
      ml::Drop::kNone);
  std::vector<std::string> features = numbers;
  for (const ml::Categories& column : categories)
    for (const uint32_t kind : column.Encoded(ml::Drop::kFirst))
      features.push_back(StrCat(column.column, "=", column.kinds[kind]));
  return {encoded, features, StrCat(options.target, "=", options.positive),
          ml::CountBlanks(job, table, options.numeric)};
}

ActionTally CountActions(const Dataset<ml::Scored>& scored, const Actions& actions) {
  return scored
      .Map(
          With(actions),
          [](const Actions& a, const ml::Scored& row) {
            ActionTally tally;
            const size_t action = a.Number(row.probability);
            tally.customers[action] = 1;
            tally.left[action] = row.positive ? 1 : 0;
            tally.nearest =
                std::min(std::abs(row.probability - a.offer), std::abs(row.probability - a.watch));
            return tally;
          },
          "Actions")
      .Aggregate(AddTallies{});
}

Table ScoresTable(const Dataset<ml::Scored>& scored, const std::string& id, const Actions& actions) {
  const Schema schema({{"row", ValueType::kInt64},
                       {id, ValueType::kText},
                       {"churn", ValueType::kInt64},
                       {"probability", ValueType::kDouble},
                       {"action", ValueType::kText}});
  return {schema, scored.Map(
                      With(actions),
                      [](const Actions& a, const ml::Scored& s) {
                        return Row{Value::Int64(static_cast<int64_t>(s.row)), Value::Text(s.id),
                                   Value::Int64(s.positive ? 1 : 0), Value::Double(s.probability),
                                   Value::Text(a.Of(s.probability))};
                      },
                      "Scores")};
}

Table TopTable(Job& job, const std::vector<ml::Scored>& likeliest, const std::string& id,
               const Actions& actions) {
  const Schema schema({{"rank", ValueType::kInt64},
                       {"row", ValueType::kInt64},
                       {id, ValueType::kText},
                       {"probability", ValueType::kDouble},
                       {"churn", ValueType::kInt64},
                       {"action", ValueType::kText}});
  std::vector<Row> rows;
  for (const ml::Scored& s : likeliest)
    rows.push_back(Row{Value::Int64(static_cast<int64_t>(rows.size() + 1)),
                       Value::Int64(static_cast<int64_t>(s.row)), Value::Text(s.id),
                       Value::Double(s.probability), Value::Int64(s.positive ? 1 : 0),
                       Value::Text(actions.Of(s.probability))});
  return {schema, job.Values<Row>(rows)};
}

std::vector<report::ActionLine> ActionLines(const Actions& actions, const ActionTally& tally) {
  const std::string rules[] = {StrCat("from ", actions.offer, " on"), StrCat("from ", actions.watch, " on"),
                               "below"};
  std::vector<report::ActionLine> lines;
  for (size_t i = 0; i < tally.customers.size(); ++i)
    lines.push_back({kActions[i], rules[i], tally.customers[i], tally.left[i]});
  return lines;
}

// Between neighbours of different features: equal ones have one and the same probability.
double SmallestGap(const std::vector<ml::Scored>& likeliest) {
  double gap = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < likeliest.size(); ++i) {
    const double between = likeliest[i - 1].probability - likeliest[i].probability;
    if (between > 0) gap = std::min(gap, between);
  }
  return gap;
}

}  // namespace

void Churn(Job& job, const ChurnOptions& options) {
  const Actions actions{options.offer, options.watch};
  if (!(options.watch <= options.offer))
    job.Fail(StrCat("--watch=", options.watch, " is above --offer=", options.offer,
                    ": who gets an offer is watched as well"));
  const Encoded encoded = Encode(job, options);
  const ml::Samples samples =
      ml::MakeSamples(job, encoded.table, options.id, encoded.features, encoded.target, options.test_rows);
  const ml::ScaleParameters scale = ml::FitTrainScaler(samples);
  std::vector<double> shift = scale.Shift(), factor = scale.Factor();
  for (size_t i = options.numeric.size(); i < shift.size(); ++i) shift[i] = 0, factor[i] = 1;
  const ml::LogisticModel model = ml::FitLogistic(job, samples, shift, factor, {options.c});
  const Dataset<ml::Scored> scored = ml::ScoreSamples(samples, model);
  const ml::Roc roc = ml::MakeRoc(scored);
  const std::vector<ml::Scored> likeliest = ml::Likeliest(scored, options.top);

  ml::CoefficientsTable(job, samples, model).Write(options.output + "/coefficients");
  ScoresTable(scored, options.id, actions)
      .Write(options.output + (samples.HasTest() ? "/test_scores" : "/train_scores"));
  TopTable(job, likeliest, options.id, actions).Write(options.output + "/top_risk");
  roc.points.Write(options.output + "/roc");

  nlohmann::ordered_json summary = {{"rows", samples.train_rows + samples.test_rows}};
  for (size_t i = 0; i < options.numeric.size(); ++i) {
    summary["blank_" + options.numeric[i]] = encoded.blanks[i];
    summary["train_mean"][options.numeric[i]] = scale.mean[i];
    summary["train_population_std"][options.numeric[i]] = scale.std[i];
  }
  summary.update(ml::ModelJson(samples, model));
  const ml::Confusion confusion = ml::MakeConfusion(scored, 0.5);
  ml::AddEvaluation(confusion, roc, &summary);
  const ActionTally tally = CountActions(scored, actions);
  summary[samples.HasTest() ? "actions_in_test" : "actions_in_train"] = {
      {"offer", tally.customers[0]}, {"watch", tally.customers[1]}, {"none", tally.customers[2]}};
  summary["smallest_distance_from_action_thresholds"] = ml::JsonNumber(tally.nearest);
  summary[StrCat("smallest_gap_in_top_", options.top, "_of_different_features")] =
      ml::JsonNumber(SmallestGap(likeliest));
  job.WriteFile("summary.json", summary.dump(1) + "\n");
  report::ClassifierFacts facts = report::FactsOfClassifier(samples, model, scored, confusion, roc);
  facts.positive = "gone", facts.negative = "here";
  WriteReport(job, report::ChurnPage(facts, ActionLines(actions, tally), likeliest));
}
MR_JOB("churn", Churn, "Customers by their probability to leave, and what to do about each")

}  // namespace millrace
