#include "jobs/ml/samples.h"

#include <algorithm>

#include "jobs/ml/expression.h"

namespace millrace::ml {
namespace {

struct TestRow {
  uint64_t row = 0;
};
MR_RECORD(TestRow, MR_NAMED(row))

struct PlacedBlock {
  uint64_t first_row = 0;
  FeatureBlock block;  // the target is its last column
};
MR_RECORD(PlacedBlock, MR_NAMED(first_row), MR_NAMED(block))

// The rows of `from` for which is_test[row] is `test`.
SampleBlock Pick(const PlacedBlock& from, const std::vector<bool>& is_test, bool test) {
  SampleBlock samples;
  samples.test = test;
  FeatureBlock& features = samples.features;
  features.columns = from.block.columns - 1;
  for (uint32_t r = 0; r < from.block.rows; ++r) {
    if (is_test[r] != test) continue;
    const double* row = from.block.row(r);
    features.values.insert(features.values.end(), row, row + features.columns);
    samples.targets.push_back(row[features.columns]);
    samples.numbers.push_back(from.first_row + r);
    if (!from.block.ids.empty()) features.ids.push_back(from.block.ids[r]);
    ++features.rows;
  }
  return samples;
}

void SplitBlock(const PlacedBlock& block, const std::vector<bool>& is_test, Emitter<SampleBlock>& out) {
  for (const bool test : {false, true}) {
    const SampleBlock samples = Pick(block, is_test, test);
    if (samples.features.rows > 0) out(samples);
  }
}

Dataset<KeyValue<uint64_t, PlacedBlock>> PlacedBlocks(const Features& features) {
  return features.numbered.Map(
      With(features.FirstRows()),
      [](const std::vector<uint64_t>& first_rows, const Numbered<FeatureBlock>& block) {
        return KeyValue<uint64_t, PlacedBlock>{block.row, {first_rows[block.row], block.record}};
      },
      "Placed");
}

// Every block with the numbers of its test rows, which come from their file by a shuffle.
Dataset<SampleBlock> WithTestRows(Job& job, const Features& features, const std::string& uri) {
  const Dataset<TestRow> rows = job.Read<TestRow>(uri);
  const uint64_t last = rows.Map([](const TestRow& test) { return test.row; }, "Row").Aggregate(Max{});
  if (last >= features.rows)
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat(uri, " names row ", last, ", but the input has the rows 0 to ",
                                              features.rows - 1, " only"));
  const auto by_block = rows.Map(
      With(features.FirstRows()),
      [](const std::vector<uint64_t>& first_rows, const TestRow& test) {
        const auto after = std::upper_bound(first_rows.begin(), first_rows.end(), test.row);
        return KeyValue<uint64_t, uint64_t>{static_cast<uint64_t>(after - first_rows.begin()) - 1, test.row};
      },
      "BlockOfRow");
  return Keyed<uint64_t, PlacedBlock>(PlacedBlocks(features))
      .InKeyOrder()
      .CoGroup<SampleBlock>(Keyed<uint64_t, uint64_t>(by_block),
                            [](const uint64_t&, Rows<PlacedBlock> blocks,
                               const std::vector<uint64_t>& test_rows, Emitter<SampleBlock>& out) {
                              for (const PlacedBlock& block : blocks) {
                                std::vector<bool> is_test(block.block.rows);
                                for (const uint64_t row : test_rows) is_test[row - block.first_row] = true;
                                SplitBlock(block, is_test, out);
                              }
                            })
      .Cache();
}

Dataset<SampleBlock> AllToTrain(const Features& features) {
  return PlacedBlocks(features).FlatMap<SampleBlock>(
      [](const KeyValue<uint64_t, PlacedBlock>& block, Emitter<SampleBlock>& out) {
        SplitBlock(block.value, std::vector<bool>(block.value.block.rows), out);
      },
      "Samples");
}

uint64_t TrainRows(const Dataset<SampleBlock>& blocks) {
  return blocks
      .Map([](const SampleBlock& block) { return uint64_t{block.test ? 0 : block.features.rows}; },
           "TrainRows")
      .Aggregate(Sum{});
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The columns that have to be read: what the model names itself, and what derived columns are made of.
std::vector<std::string> ColumnsToRead(const SampleOptions& options,
                                       const std::vector<Derivation>& derivations) {
  std::vector<std::string> derived, columns;
  for (const Derivation& derivation : derivations) derived.push_back(derivation.name.name);
  std::vector<std::string> wanted = options.features;
  wanted.push_back(options.target);
  if (!options.id.empty()) wanted.push_back(options.id);
  for (const std::string& name : wanted)
    if (!Has(derived, name) && !Has(columns, name)) columns.push_back(name);
  for (const std::string& name : ColumnsOf(derivations))
    if (!Has(columns, name)) columns.push_back(name);
  return columns;
}

void CheckNames(Job& job, const std::vector<std::string>& features, const std::string& target) {
  for (size_t i = 0; i < features.size(); ++i) {
    if (features[i] == target)
      job.Fail(StrCat("'", target, "' is the target and one of the features; leave it out of --features"));
    for (size_t j = 0; j < i; ++j)
      if (features[i] == features[j]) job.Fail(StrCat("--features names column '", features[i], "' twice"));
  }
  if (features.empty()) job.Fail(StrCat("there is no numeric column beside the target '", target, "'"));
  if (features.size() > kMaxFeatures)
    job.Fail(StrCat("a model has up to ", kMaxFeatures, " features, not ", features.size(),
                    "; leave some out with --features"));
}

}  // namespace

Dataset<SampleBlock> Samples::Train() const {
  return blocks.Filter([](const SampleBlock& block) { return !block.test; }, "Train");
}

Dataset<SampleBlock> Samples::Evaluated() const {
  if (!HasTest()) return blocks;
  return blocks.Filter([](const SampleBlock& block) { return block.test; }, "Test");
}

Samples MakeSamples(Job& job, const Table& table, const std::string& id,
                    const std::vector<std::string>& features, const std::string& target,
                    const std::string& test_rows) {
  CheckNames(job, features, target);
  const auto at = table.schema.Find(target);
  if (at.has_value() && table.schema[*at].type != ValueType::kDouble)
    job.Fail(StrCat("the target '", target, "' is not numeric", NoNumberIn(table, *at)));
  std::vector<std::string> columns = features;
  columns.push_back(target);
  const Features all = MakeFeatures(job, table, id, columns);
  const Dataset<SampleBlock> blocks = test_rows.empty() ? AllToTrain(all) : WithTestRows(job, all, test_rows);
  Samples samples{features, target, id, blocks, all.rows, 0};
  if (test_rows.empty()) return samples;
  samples.train_rows = TrainRows(blocks);
  samples.test_rows = all.rows - samples.train_rows;
  if (samples.train_rows == 0)
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat(test_rows, " names all ", all.rows, " rows of the input: none is left to train on"));
  return samples;
}

Samples ReadSamples(Job& job, const std::string& input, const SampleOptions& options) {
  std::vector<Derivation> derivations;
  const std::string problem = ParseDerivations(options.derive, &derivations);
  if (!problem.empty()) job.Fail(StrCat("--derive: ", problem));
  TableOptions read;
  if (!options.id.empty()) read.text = {options.id};
  read.sample = kFirstRows;
  // Without a list of features every column is read. A first look tells a misspelt column of --derive.
  if (!options.features.empty()) {
    DeriveColumns(job, job.ReadTable(input, read), derivations);
    read.columns = ColumnsToRead(options, derivations);
  }
  const Table table = DeriveColumns(job, job.ReadTable(input, read), derivations);
  std::vector<std::string> features = options.features;
  if (features.empty())
    for (const Column& column : table.schema.columns())
      if (column.type == ValueType::kDouble && column.name != options.target) features.push_back(column.name);
  return MakeSamples(job, table, options.id, features, options.target, options.test_rows);
}

}  // namespace millrace::ml
