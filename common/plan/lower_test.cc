// Lowering: fused chains, one stage per shuffle, shared inputs planned once, numbers that rise.
#include "common/plan/lower.h"

#include <gtest/gtest.h>

namespace millrace::plan {
namespace {

OperatorSpec Op(const char* kind) {
  OperatorSpec spec;
  spec.kind = spec.label = kind;
  return spec;
}

NodePtr Files(uint64_t bytes, int splits) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kFiles;
  node->op = Op("Read");
  node->files.set_format("csv");
  pb::InputFile* file = node->files.add_files();
  file->set_uri("/data/prices.csv");
  file->set_size_bytes(bytes);
  for (uint64_t i = 0, n = static_cast<uint64_t>(splits); i < n; ++i) {
    pb::Split* split = node->files.add_splits();
    split->set_begin(i * bytes / n);
    split->set_end((i + 1) * bytes / n);
  }
  return node;
}

NodePtr Narrow(NodePtr input, const char* kind) {
  auto node = std::make_shared<Node>();
  node->inputs = {std::move(input)};
  node->op = Op(kind);
  return node;
}

NodePtr Shuffle(std::vector<NodePtr> inputs) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kShuffle;
  node->op = Op("Fold");
  for (size_t i = 0; i < inputs.size(); ++i) node->writers.push_back(Op("Combine"));
  node->inputs = std::move(inputs);
  return node;
}

NodePtr Cache(NodePtr input) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kCache;
  node->inputs = {std::move(input)};
  node->writers = {Op("Cache")};
  node->op = Op("ReadCache");
  return node;
}

ActionSpec Count(NodePtr node) {
  ActionSpec action;
  action.label = "Count";
  action.node = std::move(node);
  action.terminal = Op("Count");
  action.target.mutable_result()->set_max_bytes(1000);
  return action;
}

TEST(LowerTest, ChainsAreFusedAndShufflesCutStages) {
  Numbering numbering;
  const pb::Plan plan =
      Lower(Count(Shuffle({Narrow(Narrow(Files(200 << 20, 7), "Map"), "Filter")})), {}, &numbering);
  EXPECT_EQ(PlanText(plan),
            "action 1: Count\n"
            "  stage 1\n"
            "    read csv prices.csv: 7 splits\n"
            "      Read\n"
            "      Map\n"
            "      Filter\n"
            "      Combine\n"
            "    -> shuffle by hash into 4 partitions\n"
            "  stage 2\n"
            "    merge stage 1: 4 tasks\n"
            "      Fold\n"
            "      Count\n"
            "    -> result to the driver\n");
}

TEST(LowerTest, ASharedShuffleIsPlannedOnce) {
  Numbering numbering;
  const NodePtr shared = Shuffle({Files(1000, 1)});
  auto both = std::make_shared<Node>();
  both->kind = Node::Kind::kUnion;
  both->inputs = {Narrow(shared, "Map"), Narrow(shared, "Filter")};
  const pb::Plan plan = Lower(Count(both), {}, &numbering);
  ASSERT_EQ(plan.stages_size(), 2);
  ASSERT_EQ(plan.stages(1).branches_size(), 2);
  EXPECT_EQ(plan.stages(1).branches(0).upstream().stages(0), 1u);
  EXPECT_EQ(plan.stages(1).branches(1).upstream().stages(0), 1u);
}

TEST(LowerTest, ACacheIsMaterialisedByTheFirstPlanOnly) {
  Numbering numbering;
  const NodePtr cached = Cache(Files(1000, 3));
  EXPECT_EQ(Lower(Count(cached), {}, &numbering).stages_size(), 2);
  const pb::Plan second = Lower(Count(Narrow(cached, "Map")), {}, &numbering);
  ASSERT_EQ(second.stages_size(), 1);
  EXPECT_EQ(second.action(), 2u);
  EXPECT_EQ(second.stages(0).id(), 3u);
  EXPECT_TRUE(second.stages(0).branches(0).upstream().aligned());
  EXPECT_EQ(second.stages(0).branches(0).tasks(), 3u);
}

TEST(LowerTest, FingerprintsTellValuesApart) {
  const auto fingerprint = [](const char* value) {
    Numbering numbering;
    NodePtr node = Narrow(Files(1000, 1), "Map");
    node->op.values = value;
    return Fingerprint(Lower(Count(node), {}, &numbering));
  };
  EXPECT_EQ(fingerprint("1.5"), fingerprint("1.5"));
  EXPECT_NE(fingerprint("1.5"), fingerprint("1.6"));
  EXPECT_EQ(fingerprint("1.5").size(), 64u);
}

TEST(LowerTest, PartitionsFollowTheInputOrTheOption) {
  LowerOptions options;
  const NodePtr node = Shuffle({Files(1 << 20, 1)});
  EXPECT_EQ(ChoosePartitions(*node, options), 1u);
  const NodePtr packed = Files(1 << 20, 1);
  packed->files.mutable_splits(0)->set_bytes(3 * options.partition_bytes);
  EXPECT_EQ(ChoosePartitions(*Shuffle({packed}), options), 3u);
  options.partitions = 9;
  EXPECT_EQ(ChoosePartitions(*node, options), 9u);
  node->shuffle.set_partitioner(pb::ShuffleTarget::SINGLE);
  EXPECT_EQ(ChoosePartitions(*node, options), 1u);
  EXPECT_TRUE(ReadsFilesDirectly(*Narrow(Files(1, 1), "Map")));
  EXPECT_FALSE(ReadsFilesDirectly(*Narrow(node, "Map")));
}

}  // namespace
}  // namespace millrace::plan
