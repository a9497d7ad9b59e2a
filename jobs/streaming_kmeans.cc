// k-means that follows a stream: the first rows of a file, batch by batch, and what the centres are worth on
// the other rows.
//
//   mrsubmit run --local streaming-kmeans --input=hours.csv --output=stream --features=temp,hum --k=3
//     --batch=100
//
// Features are standardised with mean and population deviation of all rows ((x - m) / s, 0 where s is 0).
// The first --train-fraction of the rows are the stream, the others the test rows. A batch is --batch rows
// on end, wherever the splits lie; the last one is shorter. Centres start as --centres=FILE has them
// (columns as --features, standardised), or are drawn by --seed. The rules of the update, seed and spark,
// are in jobs/ml/streaming_kmeans.h.
//
// Output: batches/ (batch, points, batch_cost and test_cost before the update, then after it n_J,
// weight_J, centre_J_FEATURE and split), centres/ (the last ones), test_labels/ (row among the test rows,
// label), summary.json, report.json.
//
// Stages, for n rows of d columns, batches of b rows: three passes for features, means and deviations, one
// that caches the test rows as blocks. Then a loop: a step reads the splits (1 MiB) that hold its 65,536 rows
// or one batch if that is more, at most 256 batches; one task follows the batches one after another (8 d
// bytes a row are shuffled to it); then all centres of the step are tried on the test rows in one pass. State
// of the loop: centres, weights and sums, 8 k (d + 1) bytes. Test costs are work for test rows x batches:
// --test-every=10 finds every tenth.
#include <nlohmann/json.hpp>

#include <cmath>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans.h"
#include "jobs/ml/stream_rows.h"
#include "jobs/ml/streaming_kmeans.h"
#include "jobs/pages/streaming_page.h"
#include "jobs/pages/write.h"

namespace millrace {

struct StreamingKMeansOptions : CommonOptions {
  std::vector<std::string> features;
  double train_fraction = 0.8;
  uint32_t k = 3;
  uint64_t batch = 100;
  double decay = 0.8;
  double half_life = 0;
  std::string rule = "seed";
  std::string centres;
  uint64_t seed = 1;
  uint64_t test_every = 1;
  std::string report;
};
MR_OPTIONS(StreamingKMeansOptions,
           MR_OPTION(features, "columns", "The columns to cluster by; empty = all numeric ones"),
           MR_OPTION(train_fraction, "number", "Share of the rows, from the first on, that are the stream"),
           MR_OPTION(k, "integer", "Number of clusters, unless --centres has them"),
           MR_OPTION(batch, "integer", "Rows of a batch"),
           MR_OPTION(decay, "number", "What a weight is multiplied by per batch, 0 to 1"),
           MR_OPTION(half_life, "number",
                     "Batches after which a weight is half; instead of --decay, 0 = not given"),
           MR_OPTION(rule, "seed|spark", "How centres follow a batch"),
           MR_OPTION(centres, "path", "File with the first centres, standardised"),
           MR_OPTION(seed, "integer", "Draws the first centres where no file has them"),
           MR_OPTION(test_every, "integer", "The test cost is found for every so many batches"),
           MR_OPTION(report, "path", "Also a page of the report here, when the job has succeeded"))

namespace {

constexpr uint64_t kRowsPerStep = 65536;
constexpr uint64_t kBatchesPerStep = 256;

constexpr uint64_t kShownBatches = 3;

struct ShownBatch {
  double batch_cost = 0;
  std::optional<double> test_cost;
  std::vector<uint64_t> counts;
};
MR_RECORD(ShownBatch, MR_NAMED(batch_cost), MR_NAMED(test_cost), MR_NAMED(counts))

// What a step leaves to the next one.
struct Progress {
  ml::StreamingModel model;
  double batch_costs = 0, test_costs = 0;  // sums
  double label_margin = std::numeric_limits<double>::infinity();
  std::vector<uint64_t> splits;  // batches that ended with one
  std::vector<ShownBatch> first;
  std::vector<report::DrawnBatch> drawn;
};
MR_RECORD(Progress, MR_NAMED(model), MR_NAMED(batch_costs), MR_NAMED(test_costs), MR_NAMED(label_margin),
          MR_NAMED(splits), MR_NAMED(first), MR_NAMED(drawn))

void CheckOptions(Job& job, const StreamingKMeansOptions& options) {
  if (options.batch == 0) job.Fail("--batch=0: a batch needs a row at least");
  if (options.test_every == 0) job.Fail("--test-every=0: write 1 for every batch");
  if (!(options.train_fraction > 0 && options.train_fraction <= 1))
    job.Fail("--train-fraction must be above 0 and at most 1");
  if (!(options.decay >= 0 && options.decay <= 1))
    job.Fail("--decay must be from 0 (forget all) to 1 (forget nothing)");
  if (!(options.half_life >= 0) || std::isinf(options.half_life))
    job.Fail("--half-life must be a number of batches");
}

ml::Centres FirstCentres(Job& job, const StreamingKMeansOptions& options, const ml::StreamRows& stream) {
  const auto columns = static_cast<uint32_t>(stream.features.names.size());
  ml::Centres centres{options.k, columns, {}};
  if (!options.centres.empty()) centres = ml::ReadCentres(job, stream.features, options.centres);
  if (centres.k == 0) job.Fail("--k must be 1 at least");
  if (centres.k > stream.train_rows)
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat("k = ", centres.k, " clusters are more than the ", stream.train_rows,
                    stream.train_rows == 1 ? " row" : " rows", " of the stream; choose a smaller k"));
  return options.centres.empty() ? ml::DrawCentres(centres.k, columns, options.seed) : centres;
}

Schema BatchSchema(const std::vector<std::string>& names, uint32_t k) {
  Schema schema({{"batch", ValueType::kInt64},
                 {"points", ValueType::kInt64},
                 {"batch_cost", ValueType::kDouble},
                 {"test_cost", ValueType::kDouble}});
  for (uint32_t j = 0; j < k; ++j) schema.Add(StrCat("n_", j), ValueType::kInt64);
  for (uint32_t j = 0; j < k; ++j) schema.Add(StrCat("weight_", j), ValueType::kDouble);
  for (uint32_t j = 0; j < k; ++j)
    for (const std::string& name : names) schema.Add(StrCat("centre_", j, "_", name), ValueType::kDouble);
  schema.Add("split", ValueType::kInt64);
  return schema;
}

Row BatchRow(uint64_t batch, const ml::BatchResult& result, const double* test_cost) {
  const auto number = [](uint64_t n) { return Value::Int64(static_cast<int64_t>(n)); };
  Row row{number(batch), number(result.points), Value::Double(result.cost),
          test_cost == nullptr ? Value::Null() : Value::Double(*test_cost)};
  for (const uint64_t n : result.counts) row.Add(number(n));
  for (const double weight : result.after.weights) row.Add(Value::Double(weight));
  for (const double x : result.after.centres.values) row.Add(Value::Double(x));
  row.Add(number(result.split ? 1 : 0));
  return row;
}

// The rows of some batches on end, `batch` the first; adds up what the summary tells of them.
std::vector<Row> FollowAndTest(const StreamingKMeansOptions& options, const ml::StreamRows& stream,
                               const ml::StreamingOptions& rule, uint64_t batch, uint64_t batches,
                               Progress* state) {
  const uint64_t row = batch * rule.batch;
  const auto points =
      stream.rows.Slice(stream.rows_per_task, row, std::min(batches * rule.batch, stream.train_rows - row));
  const std::vector<ml::BatchResult> results = ml::FollowBatches(points, rule, state->model);
  const auto tested = [&](uint64_t i) {
    return stream.test_rows > 0 && (batch + i) % options.test_every == 0;
  };
  std::vector<ml::Centres> before;  // the centres before the batches that are tested
  for (uint64_t i = 0; i < results.size(); ++i)
    if (tested(i)) before.push_back(i == 0 ? state->model.centres : results[i - 1].after.centres);
  const std::vector<double> costs = ml::TestCosts(stream.test, before);

  std::vector<Row> rows;
  size_t next = 0;
  for (uint64_t i = 0; i < results.size(); ++i) {
    const double* test_cost = tested(i) ? &costs[next++] : nullptr;
    rows.push_back(BatchRow(batch + i, results[i], test_cost));
    state->batch_costs += results[i].cost;
    state->test_costs += test_cost == nullptr ? 0 : *test_cost;
    state->label_margin = std::min(state->label_margin, results[i].margin);
    if (results[i].split) state->splits.push_back(batch + i);
    if (batch + i < kShownBatches)
      state->first.push_back(
          {results[i].cost, test_cost ? std::optional(*test_cost) : std::nullopt, results[i].counts});
    const uint64_t all = (stream.train_rows - 1) / rule.batch + 1;
    if (report::IsDrawnBatch(batch + i, all, options.test_every, state->model.centres))
      state->drawn.push_back({batch + i, results[i].points, results[i].cost,
                              test_cost == nullptr ? std::nullopt : std::optional(*test_cost),
                              results[i].counts, results[i].after});
  }
  state->model = results.back().after;
  return rows;
}

}  // namespace

void StreamingKMeans(Job& job, const StreamingKMeansOptions& options) {
  CheckOptions(job, options);
  const ml::StreamRows stream = ml::ReadStream(job, options.input, options.features, options.train_fraction);
  const ml::Centres first = FirstCentres(job, options, stream);
  const double decay = options.half_life > 0 ? std::pow(0.5, 1 / options.half_life) : options.decay;
  const ml::StreamingOptions rule{options.rule == "spark", decay, options.batch};

  const Schema schema = BatchSchema(stream.features.names, first.k);
  const uint64_t batches = (stream.train_rows - 1) / options.batch + 1;
  const uint64_t per_step = std::clamp<uint64_t>(kRowsPerStep / options.batch, 1, kBatchesPerStep);
  Progress progress;
  progress.model = {first, std::vector<double>(first.k, 1.0)};
  progress = job.Loop("batches", progress, (batches - 1) / per_step + 1, [&](Progress& state, uint64_t step) {
    const auto rows = FollowAndTest(options, stream, rule, step * per_step, per_step, &state);
    Table{schema, job.Values<Row>(rows)}.Write(options.output + "/batches",
                                               {.first_part = static_cast<uint32_t>(step)});
    return true;
  });

  const ml::StreamingModel& model = progress.model;
  ml::CentresTable(job, stream.features, model.centres).Write(options.output + "/centres");
  const auto labels = ml::TestLabels(stream, model.centres);
  labels.Write(options.output + "/test_labels");

  nlohmann::ordered_json summary;
  summary["train_rows"] = stream.train_rows;
  summary["test_rows"] = stream.test_rows;
  summary["features"] = stream.features.names;
  summary["rule"] = options.rule;
  summary["decay"] = decay;
  summary["batches"] = batches;
  const double final_test_cost = ml::TestCosts(stream.test, {model.centres})[0];
  summary["final_test_cost"] = final_test_cost;
  summary["sum_batch_cost"] = progress.batch_costs;
  summary["sum_test_cost"] = progress.test_costs;
  for (uint32_t j = 0; j < first.k; ++j)
    summary["final_centres"].push_back(
        std::vector<double>(model.centres.row(j), model.centres.row(j) + first.columns));
  summary["final_weights"] = model.weights;
  const std::vector<uint64_t> label_counts = ml::CountLabels(labels, first.k);
  summary["test_label_counts"] = label_counts;
  // The labels of the batches: how near one was to being another.
  summary["label_margin"] =
      std::isfinite(progress.label_margin) ? nlohmann::ordered_json(progress.label_margin) : nullptr;
  summary["split_batches"] = progress.splits;
  for (const ShownBatch& batch : progress.first)
    summary["first_batches"].push_back(
        {{"batch_cost", batch.batch_cost},
         {"test_cost", batch.test_cost ? nlohmann::ordered_json(*batch.test_cost) : nullptr},
         {"counts", batch.counts}});
  job.WriteFile("summary.json", summary.dump(1) + "\n");
  WriteReport(
      job, report::StreamingPage({stream.features.names, stream.train_rows, stream.test_rows, batches, first,
                                  model, final_test_cost, label_counts, progress.splits, progress.drawn}));
}
MR_JOB("streaming-kmeans", StreamingKMeans, "k-means that follows batches of rows and forgets old ones")

}  // namespace millrace
