// The page of streaming-kmeans.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "common/report/page.h"
#include "jobs/ml/streaming_kmeans.h"

namespace millrace::report {

// A batch that is drawn: costs before the update, weights and centres after it.
struct DrawnBatch {
  uint64_t batch = 0, points = 0;
  double cost = 0;
  std::optional<double> test_cost;
  std::vector<uint64_t> counts;  // points per centre
  ml::StreamingModel after;
};
MR_RECORD(DrawnBatch, MR_NAMED(batch), MR_NAMED(points), MR_NAMED(cost), MR_NAMED(test_cost),
          MR_NAMED(counts), MR_NAMED(after))

// Of `batches` batches those that are drawn: every so many, of those with a test cost, and the last one. 20
// to 400 of them, fewer where centres have many coordinates: some 20,000 numbers in all.
bool IsDrawnBatch(uint64_t batch, uint64_t batches, uint64_t test_every, const ml::Centres& centres);

struct StreamingFacts {
  std::vector<std::string> features;
  uint64_t train_rows = 0, test_rows = 0, batches = 0;
  ml::Centres first;
  ml::StreamingModel last;
  double final_test_cost = 0;
  std::vector<uint64_t> label_counts;  // of the test rows
  std::vector<uint64_t> splits;        // batches
  std::vector<DrawnBatch> drawn;
};

// Costs per row of the batches and of the test rows, weights, the paths of the centres in a plane (the two
// features, or the two principal components of all drawn positions) and by feature.
Page StreamingPage(const StreamingFacts& facts);

}  // namespace millrace::report
