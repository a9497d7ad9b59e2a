#include "jobs/ml/stream_rows.h"

#include "jobs/ml/scaler.h"

namespace millrace::ml {
namespace {

constexpr uint64_t kSplitBytes = 1 << 20;

// Where the columns are, and how they are standardised.
struct Standard {
  std::vector<uint32_t> columns;
  std::vector<double> mean, std;
  double Of(double x, size_t i) const { return std[i] == 0 ? 0.0 : (x - mean[i]) / std[i]; }
};
MR_RECORD(Standard, MR_NAMED(columns), MR_NAMED(mean), MR_NAMED(std))

std::vector<double> PointOf(const Standard& standard, const Row& row) {
  std::vector<double> point;
  point.reserve(standard.columns.size());
  for (size_t i = 0; i < standard.columns.size(); ++i)
    point.push_back(standard.Of(row[standard.columns[i]].AsDouble(), i));
  return point;
}

// What a block has of the rows from `first` on; `begin` is the number of its first row.
void TakeTestRows(const Standard& standard, uint64_t begin, uint64_t first, const FeatureBlock& block,
                  Emitter<Numbered<FeatureBlock>>& out) {
  if (begin + block.rows <= first) return;
  const uint64_t skip = first > begin ? first - begin : 0;
  Numbered<FeatureBlock> test{begin + skip - first, {}};
  test.record.rows = static_cast<uint32_t>(block.rows - skip);
  test.record.columns = block.columns;
  for (size_t i = skip * block.columns; i < block.values.size(); ++i)
    test.record.values.push_back(standard.Of(block.values[i], i % block.columns));
  out(test);
}

std::vector<uint64_t> RowsPerTask(const Features& features) {
  std::vector<uint64_t> rows;
  size_t block = 0;
  for (const uint64_t blocks : features.task_blocks) {
    rows.push_back(0);
    for (uint64_t i = 0; i < blocks; ++i) rows.back() += features.block_rows[block++];
  }
  return rows;
}

}  // namespace

StreamRows ReadStream(Job& job, const std::string& input, const std::vector<std::string>& names,
                      double train_fraction) {
  const Table table = ReadFeatureTable(job, input, "", names, kSplitBytes);
  const Features features = MakeFeatures(job, table, "", names);
  const auto train_rows = static_cast<uint64_t>(train_fraction * static_cast<double>(features.rows));
  if (train_rows == 0)
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat("of ", features.rows, features.rows == 1 ? " row" : " rows",
                                              " the stream gets none; raise --train-fraction"));
  const ScaleParameters scale = FitScaler(features, Scaling::kStandardPopulation);
  Standard standard{{}, scale.mean, scale.std};
  for (const std::string& name : features.names)
    standard.columns.push_back(static_cast<uint32_t>(*table.schema.Find(name)));
  const auto rows = table.rows.Map(
      With(standard), [](const Standard& s, const Row& row) { return PointOf(s, row); }, "Standardise");
  const auto test = features.numbered
                        .FlatMap<Numbered<FeatureBlock>>(
                            With(standard, features.FirstRows(), train_rows),
                            [](const Standard& s, const std::vector<uint64_t>& begins, uint64_t first,
                               const Numbered<FeatureBlock>& block, Emitter<Numbered<FeatureBlock>>& out) {
                              TakeTestRows(s, begins[block.row], first, block.record, out);
                            },
                            "TestRows")
                        .Cache();
  return {features, train_rows, features.rows - train_rows, rows, RowsPerTask(features), test};
}

Dataset<TestLabel> TestLabels(const StreamRows& stream, const Centres& centres) {
  return stream.test.FlatMap<TestLabel>(
      With(centres),
      [](const Centres& c, const Numbered<FeatureBlock>& block, Emitter<TestLabel>& out) {
        std::vector<uint32_t> labels(block.record.rows);
        std::vector<double> distances(block.record.rows);
        NearestCentre(c).Assign(block.record.values.data(), block.record.rows, labels.data(),
                                distances.data());
        for (uint32_t i = 0; i < block.record.rows; ++i) out({block.row + i, labels[i]});
      },
      "TestLabels");
}

std::vector<uint64_t> CountLabels(const Dataset<TestLabel>& labels, uint32_t k) {
  std::vector<uint64_t> counts(k);
  for (const auto& [label, count] : labels
                                        .KeyBy([](const TestLabel& label) { return label.label; },
                                               [](const TestLabel&) { return uint64_t{1}; })
                                        .ReduceByKey(Sum{}, "CountLabels")
                                        .Pairs()
                                        .Collect())
    counts[label] = count;
  return counts;
}

}  // namespace millrace::ml
