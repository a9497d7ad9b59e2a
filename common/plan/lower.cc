#include "common/plan/lower.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace millrace::plan {
namespace {

pb::Operator ToOperator(const OperatorSpec& spec, Numbering* numbering) {
  pb::Operator op;
  op.set_id(numbering->next_operator++);
  op.set_function(spec.function);
  op.set_kind(spec.kind);
  op.set_label(spec.label);
  op.set_values(spec.values);
  op.set_law(spec.law);
  return op;
}

// Row numbers go by the tasks that were counted: other splits would have other tasks.
bool NumbersRows(const Node& node) {
  return node.op.kind == "WithRowNumber" || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                        [](const NodePtr& in) { return NumbersRows(*in); });
}

class Lowering {
 public:
  Lowering(const LowerOptions& options, Numbering* numbering) : options_(options), numbering_(numbering) {}

  pb::Plan Run(const ActionSpec& action) {
    sample_ = action.sample && !NumbersRows(*action.node);
    plan_.set_action(numbering_->next_action++);
    plan_.set_label(action.label);
    *plan_.mutable_options() = options_.task;
    plan_.set_final_stage(AddStage(*action.node, action.terminal, action.target));
    return std::move(plan_);
  }

 private:
  // A stage is numbered after the stages that it reads, so plans are topologically ordered.
  uint32_t AddStage(Node& node, const OperatorSpec& terminal, const pb::Stage& target) {
    std::vector<pb::Branch> branches = Branches(node);
    pb::Stage stage = target;
    for (pb::Branch& branch : branches) {
      *branch.add_operators() = ToOperator(terminal, numbering_);
      *stage.add_branches() = std::move(branch);
    }
    stage.set_id(numbering_->next_stage++);
    stage.set_name(StageName(stage));
    const uint32_t id = stage.id();
    *plan_.add_stages() = std::move(stage);
    return id;
  }

  std::vector<pb::Branch> Branches(Node& node) {
    switch (node.kind) {
      case Node::Kind::kFiles: {
        pb::Branch branch;
        *branch.mutable_files() = sample_ ? node.sample_files : node.files;
        branch.set_tasks(branch.files().splits_size());
        return Head(std::move(branch), node.op);
      }
      case Node::Kind::kValues: {
        pb::Branch branch;
        *branch.mutable_values() = node.values;
        branch.set_tasks(node.values.partitions_size());
        return Head(std::move(branch), node.op);
      }
      case Node::Kind::kNarrow: {
        std::vector<pb::Branch> branches = Branches(*node.inputs[0]);
        for (pb::Branch& branch : branches) *branch.add_operators() = ToOperator(node.op, numbering_);
        return branches;
      }
      case Node::Kind::kUnion: {
        std::vector<pb::Branch> all;
        for (const NodePtr& input : node.inputs)
          for (pb::Branch& branch : Branches(*input)) all.push_back(std::move(branch));
        return all;
      }
      case Node::Kind::kShuffle:
        return Head(ShuffledBranch(node), node.op);
      case Node::Kind::kCache:
        return Head(CachedBranch(node), node.op);
    }
    return {};
  }

  std::vector<pb::Branch> Head(pb::Branch branch, const OperatorSpec& op) {
    *branch.add_operators() = ToOperator(op, numbering_);
    std::vector<pb::Branch> one;
    one.push_back(std::move(branch));
    return one;
  }

  pb::Branch ShuffledBranch(Node& node) {
    auto found = shuffled_.find(&node);
    if (found == shuffled_.end()) {
      pb::Stage target;
      *target.mutable_shuffle() = node.shuffle;
      const uint32_t partitions = ChoosePartitions(node, options_);
      target.mutable_shuffle()->set_partitions(partitions);
      if (target.shuffle().combine_flush_bytes() == 0)
        target.mutable_shuffle()->set_combine_flush_bytes(options_.combine_flush_bytes);
      pb::Branch branch;
      branch.set_tasks(partitions);
      for (size_t i = 0; i < node.inputs.size(); ++i)
        branch.mutable_upstream()->add_stages(AddStage(*node.inputs[i], node.writers[i], target));
      found = shuffled_.emplace(&node, std::move(branch)).first;
    }
    return found->second;
  }

  pb::Branch CachedBranch(Node& node) {
    if (node.cached_stage == 0) {
      pb::Stage target;
      target.mutable_cache();
      node.cached_stage = AddStage(*node.inputs[0], node.writers[0], target);
      for (const pb::Branch& b : plan_.stages(plan_.stages_size() - 1).branches())
        node.cached_tasks += b.tasks();
    }
    pb::Branch branch;
    branch.mutable_upstream()->add_stages(node.cached_stage);
    branch.mutable_upstream()->set_aligned(true);
    branch.set_tasks(node.cached_tasks);
    return branch;
  }

  static std::string StageName(const pb::Stage& stage) {
    std::string name;
    for (const pb::Operator& op : stage.branches(0).operators()) {
      if (!name.empty()) name += " > ";
      name += op.label().empty() ? op.kind() : op.label();
    }
    if (stage.branches_size() > 1) name += " (+" + std::to_string(stage.branches_size() - 1) + " inputs)";
    return name;
  }

  const LowerOptions& options_;
  Numbering* numbering_;
  pb::Plan plan_;
  bool sample_ = false;
  std::map<const Node*, pb::Branch> shuffled_;  // looked up only, never iterated
};

}  // namespace

pb::Plan Lower(const ActionSpec& action, const LowerOptions& options, Numbering* numbering) {
  return Lowering(options, numbering).Run(action);
}

uint64_t EstimateInputBytes(const Node& node) {
  uint64_t bytes = 0;
  for (const pb::Split& split : node.files.splits()) {
    const bool packed = !node.files.files(static_cast<int>(split.file())).compression().empty();
    bytes += split.bytes() > 0 ? split.bytes() : (split.end() - split.begin()) * (packed ? 4 : 1);
  }
  for (const std::string& values : node.values.partitions()) bytes += values.size();
  for (const NodePtr& input : node.inputs) bytes += EstimateInputBytes(*input);
  return bytes;
}

uint32_t ChoosePartitions(const Node& shuffle, const LowerOptions& options) {
  if (shuffle.shuffle.partitioner() == pb::ShuffleTarget::SINGLE) return 1;
  if (shuffle.shuffle.partitioner() == pb::ShuffleTarget::RANGE) return shuffle.shuffle.bounds_size() + 1;
  if (shuffle.shuffle.partitions() > 0) return shuffle.shuffle.partitions();
  if (options.partitions > 0) return options.partitions;
  const uint64_t wanted =
      (EstimateInputBytes(shuffle) + options.partition_bytes - 1) / options.partition_bytes;
  return static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, options.max_partitions));
}

bool ReadsFilesDirectly(const Node& node) {
  if (node.kind == Node::Kind::kFiles) return true;
  if (node.kind != Node::Kind::kNarrow && node.kind != Node::Kind::kUnion) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [](const NodePtr& n) { return ReadsFilesDirectly(*n); });
}

}  // namespace millrace::plan
