// The bundle's registry of operator functions. Every operator that a job's code instantiates enters
// itself before main(); its ordinal travels in the plan. Ordinals are the same wherever the same binary
// runs, and bundles are addressed by hash, so an ordinal names the same code everywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/pipeline/runtime.h"
#include "proto/plan.pb.h"

namespace millrace {

// What makes an instance of an operator for one task.
struct OperatorArgs {
  const pb::Operator& spec;
  TaskContext& context;
  // What With() sent along, encoded: in the plan or shared. Call once per instance.
  const std::string& values() const {
    return spec.has_shared() ? context.SharedValue(spec.shared().digest()) : spec.values();
  }
};

struct OperatorFunction {
  std::string_view kind;  // "Map", "Filter", ...
  // Narrow and terminal operators: makes the sink that pushes into `down` (null for terminal ones).
  std::unique_ptr<SinkBase> (*make_sink)(const OperatorArgs& args, SinkBase* down) = nullptr;
  // Source operators: reads the whole source of the task's branch, pushing into `down`. Does not call
  // Finish().
  void (*run_source)(const OperatorArgs& args, SinkBase* down) = nullptr;
};

class Registry {
 public:
  static Registry& Get();
  uint32_t Add(const OperatorFunction& function);        // before main only
  const OperatorFunction* Find(uint32_t ordinal) const;  // null when out of range
  uint32_t size() const;

 private:
  Registry();
  ~Registry();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
