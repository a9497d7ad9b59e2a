// What a k-means job tells about its result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/ml/kmeans.h"

namespace millrace::ml {

// "2..10" -> 2, 3, ..., 10; "" -> nothing. Ends the job with a sentence when it is something else.
std::vector<uint32_t> ElbowRange(Job& job, std::string_view text);

// runs[0] is the result, the others are the elbow. `initial_rows`: where runs[0] started, empty = not in
// rows; `silhouettes`: one per run, or none. Deterministic text.
std::string SummaryJson(const Features& features, const std::vector<KMeansRun>& runs,
                        const std::vector<uint64_t>& initial_rows, const std::vector<double>& silhouettes);

}  // namespace millrace::ml
