// From the operator graph to fused stages: every chain of narrow operators runs inside one task, a
// stage ends at a shuffle, a cache or the action's target. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/plan/graph.h"
#include "proto/plan.pb.h"

namespace millrace::plan {

// Numbers that must rise over the whole job, in the order in which the driver plans.
struct Numbering {
  uint32_t next_action = 1;
  uint32_t next_stage = 1;
  uint32_t next_operator = 1;
};

struct LowerOptions {
  uint32_t partitions = 0;                 // of every shuffle; 0 = by size
  uint64_t partition_bytes = 64ull << 20;  // input bytes per partition when by size
  uint32_t max_partitions = 1024;
  uint64_t combine_flush_bytes = 24ull << 20;  // fits a 64 MiB slot
  pb::TaskOptions task;
};

// The action's last stage: inputs of `node` through `terminal` into a target.
struct ActionSpec {
  std::string label;
  NodePtr node;
  OperatorSpec terminal;
  pb::Stage target;     // only its `target` oneof is used
  bool sample = false;  // read Node::sample_files instead of Node::files
};

// Cached nodes that the plan materialises are noted in the graph. O(operators).
pb::Plan Lower(const ActionSpec& action, const LowerOptions& options, Numbering* numbering);

// Bytes that feed `node`, as far as files tell (compressed files count four times).
uint64_t EstimateInputBytes(const Node& node);

// Partitions a shuffle over `inputs` gets.
uint32_t ChoosePartitions(const Node& shuffle, const LowerOptions& options);

// True when `node` reads files through narrow operators only: a sampling plan can take few splits.
bool ReadsFilesDirectly(const Node& node);

// Values of more bytes than this are shared: the plan names them by their SHA-256.
inline constexpr size_t kSharedValueBytes = 4096;

// Takes the large values out of the plan and leaves their names; `values` gets each one once, in the order of
// the plan. Before Fingerprint(): there a name stands for its bytes.
void ShareValues(pb::Plan* plan, std::vector<pb::SharedValue>* values);

// SHA-256 (hex) over the deterministic encoding of the plan, encoded values included.
std::string Fingerprint(const pb::Plan& plan);

// The plan as text, one line per operator; stable, used as golden files.
std::string PlanText(const pb::Plan& plan);

}  // namespace millrace::plan
