// The untyped operator graph that Dataset<T> builds. Immutable but for what lowering notes on cached
// nodes. Knows no records and no files' contents.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/plan.pb.h"

namespace millrace::plan {

struct OperatorSpec {
  uint32_t function = 0;  // ordinal in the bundle's registry
  std::string kind;
  std::string label;
  std::string values;  // encoded With() values
  pb::Law law = pb::LAW_NONE;
};

struct Node;
using NodePtr = std::shared_ptr<Node>;

struct Node {
  enum class Kind {
    kFiles,    // `files`, read by `op`
    kValues,   // `values`, read by `op`
    kNarrow,   // inputs[0] through `op`
    kUnion,    // inputs one after the other
    kShuffle,  // inputs[i] through writers[i] into `shuffle`; `op` reads the merged partitions
    kCache,    // inputs[0] through writers[0], kept; `op` reads it back
  };
  Kind kind = Kind::kNarrow;
  std::vector<NodePtr> inputs;
  OperatorSpec op;
  std::vector<OperatorSpec> writers;
  pb::FileSource files;
  pb::FileSource sample_files;  // fewer, smaller splits of the same files, for sampling plans
  pb::ValuesSource values;
  pb::ShuffleTarget shuffle;  // partitions = 0: by the size of the inputs
  // Runs before the first plan that needs the node is lowered: the sampling of a sort sets `shuffle` here.
  std::function<void(Node&)> prepare;
  // kCache: set when a plan that materialises it was lowered.
  uint32_t cached_stage = 0;
  uint32_t cached_tasks = 0;
  // Set when the step of a loop that made the node is over: the loop's name. No later plan may read it.
  std::string step_of;
};

}  // namespace millrace::plan
