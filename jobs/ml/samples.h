// Rows to learn from: features, a target, and which rows are kept back for the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"

namespace millrace::ml {

// Consecutive rows of one split, all to train on or all to test with.
struct SampleBlock {
  bool test = false;
  std::vector<uint64_t> numbers;  // of the rows in the input, from 0
  std::vector<double> targets;    // one per row
  FeatureBlock features;          // without the target
};
MR_RECORD(SampleBlock, MR_NAMED(test), MR_NAMED(numbers), MR_NAMED(targets), MR_NAMED(features))

struct SampleOptions {
  std::string target;
  std::vector<std::string> features = {};  // empty: all numeric columns but target and id, derived ones too
  std::string id = {};                     // the column that names the rows, or none
  std::string derive = {};                 // new columns: expression.h
  std::string test_rows = {};              // csv with a column `row`: rows not to train on; "" = none
};

struct Samples {
  std::vector<std::string> names;  // of the features
  std::string target, id;
  Dataset<SampleBlock> blocks;  // in the order of the input
  uint64_t train_rows = 0, test_rows = 0;

  Dataset<SampleBlock> Train() const;
  // What a model is judged by: the test rows, or all rows where none is kept back.
  Dataset<SampleBlock> Evaluated() const;
  bool HasTest() const { return test_rows > 0; }
  uint64_t evaluated_rows() const { return HasTest() ? test_rows : train_rows; }
};

// Rows of a csv. All features and targets are finite numbers. Ends the job with a sentence where they are
// not, where a column is not there, where a test row is not there, and where no row is left to train on. A
// row that the test rows name twice is one test row.
//
// Two actions over the n rows: one into cached blocks of numbers (features.h), one for the sizes; with test
// rows the blocks meet them in a shuffle (8 bytes per number, once) and are cached again.
Samples ReadSamples(Job& job, const std::string& input, const SampleOptions& options);

// The same from a table: `features` and `target` are numeric columns, features not empty.
Samples MakeSamples(Job& job, const Table& table, const std::string& id,
                    const std::vector<std::string>& features, const std::string& target,
                    const std::string& test_rows);

// The greatest number of features: the matrices of a fit (features^2 numbers) have to fit a slot's memory.
inline constexpr size_t kMaxFeatures = 1000;

}  // namespace millrace::ml
