// A bounded file as a stream: its first rows arrive batch by batch, the others test what was learnt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/kmeans_kernel.h"

namespace millrace::ml {

// Rows are standardised: (x - m) / s with mean and population deviation of all rows, 0 where s is 0.
struct StreamRows {
  Features features;  // of all rows, as they are
  uint64_t train_rows = 0, test_rows = 0;
  Dataset<std::vector<double>> rows;     // all of them: read from the files whenever they are asked for
  std::vector<uint64_t> rows_per_task;   // for rows.Slice
  Dataset<Numbered<FeatureBlock>> test;  // cached; numbered by their first test row
};

// The first floor(train_fraction n) rows are the stream. `names`: the columns, empty = all numeric ones. Four
// passes over the files, which are read in tasks of at most 1 MiB. Ends the job with a sentence where a cell
// is no finite number or the stream has no row.
StreamRows ReadStream(Job& job, const std::string& input, const std::vector<std::string>& names,
                      double train_fraction);

struct TestLabel {
  uint64_t row = 0;  // among the test rows
  uint32_t label = 0;
};
MR_RECORD(TestLabel, MR_NAMED(row), MR_NAMED(label))
Dataset<TestLabel> TestLabels(const StreamRows& stream, const Centres& centres);

// How many test rows have each label.
std::vector<uint64_t> CountLabels(const Dataset<TestLabel>& labels, uint32_t k);

}  // namespace millrace::ml
