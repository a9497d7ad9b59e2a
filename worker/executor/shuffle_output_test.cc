#include "worker/executor/shuffle_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "common/base/files.h"
#include "worker/executor/testing.h"

namespace millrace {
namespace {

struct Record {
  uint32_t partition;
  std::string key, value;
  bool operator==(const Record&) const = default;
};

std::vector<Record> RandomRecords(size_t count, uint32_t partitions, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Record> records;
  for (size_t i = 0; i < count; ++i) {
    const std::string key = "key" + std::to_string(random() % (count / 3 + 1));
    records.push_back({static_cast<uint32_t>(random() % partitions), key,
                       std::to_string(i) + std::string(random() % 60, 'v')});
  }
  return records;
}

std::vector<Record> ReadAll(const std::string& path, size_t* runs) {
  auto reader = SegmentReader::Open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<Record> records;
  *runs = (*reader)->AllRuns().size();
  for (const RunSource& source : (*reader)->AllRuns()) {
    RunReader run(source);
    while (run.Next())
      records.push_back({source.partition, std::string(run.key()), std::string(run.value())});
    EXPECT_TRUE(run.status().ok()) << run.status();
  }
  return records;
}

class ShuffleOutputTest : public testing::Test {
 protected:
  ShuffleOutputOptions Options(uint32_t partitions, size_t sort_bytes, size_t merge_bytes) {
    ShuffleOutputOptions options;
    options.target.set_partitions(partitions);
    options.arena = &arena_;
    options.sort_bytes = sort_bytes;
    options.merge_bytes = merge_bytes;
    options.segment_path = dir_.File("out" + std::to_string(files_++) + ".seg");
    options.spill_path = dir_.File("spill");
    return options;
  }
  ScopedTempDir dir_;
  SlotArena arena_{32 << 20};
  FakeContext context_;
  int files_ = 0;
};

TEST_F(ShuffleOutputTest, SpillsChangeNothing) {
  const auto records = RandomRecords(20000, 5, 1);
  auto model = records;
  std::stable_sort(model.begin(), model.end(), [](const Record& a, const Record& b) {
    return a.partition != b.partition ? a.partition < b.partition : a.key < b.key;
  });
  std::string digest;
  struct Case {
    size_t sort_bytes, merge_bytes;
    bool spills;
  };
  // No spill; some; many, merged in several passes.
  for (const Case& c :
       {Case{32 << 20, 8 << 20, false}, Case{300'000, 8 << 20, true}, Case{20'000, 1 << 20, true}}) {
    const auto options = Options(5, c.sort_bytes, c.merge_bytes);
    SegmentOutput output(options, &context_);
    for (const Record& r : records) output.Add(r.partition, r.key, r.value);
    auto info = output.Finish();
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(output.spilled_bytes() > 0, c.spills);
    EXPECT_EQ(output.records(), records.size());
    size_t runs = 0;
    EXPECT_EQ(ReadAll(options.segment_path, &runs), model);
    EXPECT_EQ(runs, 5u);
    if (digest.empty()) digest = info->digest;
    EXPECT_EQ(info->digest, digest);
    EXPECT_EQ(info->digest.size(), 16u);
  }
  EXPECT_FALSE(context_.stopped());
  size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir_.path())) ++left;
  EXPECT_EQ(left, 3u);  // the segments: no spill is left behind
}

TEST_F(ShuffleOutputTest, RecordLargerThanTheArenaKeepsItsPlace) {
  std::vector<Record> records;
  for (int i = 0; i < 200; ++i)
    records.push_back({0, "k", std::string(i == 100 ? 200'000 : 10, 'a' + i % 26)});
  const auto options = Options(1, 50'000, 1 << 20);
  SegmentOutput output(options, &context_);
  for (const Record& r : records) output.Add(r.partition, r.key, r.value);
  ASSERT_TRUE(output.Finish().ok());
  size_t runs = 0;
  EXPECT_EQ(ReadAll(options.segment_path, &runs), records);
}

TEST_F(ShuffleOutputTest, GenerationsStayApart) {
  const auto options = Options(3, 1 << 20, 1 << 20);
  SegmentOutput output(options, &context_);
  for (int generation = 0; generation < 2; ++generation) {
    output.BeginRun();
    output.Append(0, "a", std::to_string(generation));
    output.Append(0, "b", std::to_string(generation));
    output.Append(2, "a", std::to_string(generation));
    output.EndRun();
  }
  ASSERT_TRUE(output.Finish().ok());
  size_t runs = 0;
  const std::vector<Record> expected = {{0, "a", "0"}, {0, "b", "0"}, {0, "a", "1"},
                                        {0, "b", "1"}, {2, "a", "0"}, {2, "a", "1"}};
  EXPECT_EQ(ReadAll(options.segment_path, &runs), expected);
  EXPECT_EQ(runs, 4u);
}

TEST_F(ShuffleOutputTest, Partitioners) {
  ShuffleOutputOptions options = Options(4, 1 << 20, 1 << 20);
  options.target.set_partitioner(pb::ShuffleTarget::RANGE);
  for (const char* bound : {"b", "d", "d\xff"}) options.target.add_bounds(bound);
  SegmentOutput range(options, &context_);
  EXPECT_EQ(range.PartitionOf(""), 0u);
  EXPECT_EQ(range.PartitionOf("azzz"), 0u);
  EXPECT_EQ(range.PartitionOf("b"), 1u);  // the number of bounds <= key
  EXPECT_EQ(range.PartitionOf("c"), 1u);
  EXPECT_EQ(range.PartitionOf("d"), 2u);
  EXPECT_EQ(range.PartitionOf("e"), 3u);
  SegmentOutput hash(Options(7, 1 << 20, 1 << 20), &context_);
  std::vector<int> counts(7);
  for (int i = 0; i < 7000; ++i) ++counts[hash.PartitionOf("key" + std::to_string(i))];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
}

// Ranges are cut out of the sorted records: what is found out key by key is the same.
TEST_F(ShuffleOutputTest, RangesByKeyAreThoseOfPartitionOf) {
  auto records = RandomRecords(20000, 1, 3);
  records[7].value.assign(50'000, 'w');  // larger than the smallest arena
  std::string digest;
  for (const size_t sort_bytes : {size_t{32} << 20, size_t{300'000}, size_t{20'000}}) {
    ShuffleOutputOptions options = Options(5, sort_bytes, 1 << 20);
    options.target.set_partitioner(pb::ShuffleTarget::RANGE);
    for (const char* bound : {"key2", "key25", "key250", "key251"}) options.target.add_bounds(bound);
    SegmentOutput output(options, &context_);
    for (Record& r : records) {
      const std::string_view value = r.value;
      r.partition = output.PartitionOf(r.key);
      output.AddByKey(r.key, value.substr(0, 3), value.substr(std::min<size_t>(3, value.size())));
    }
    auto model = records;
    std::stable_sort(model.begin(), model.end(),
                     [](const Record& a, const Record& b) { return a.key < b.key; });
    auto info = output.Finish();
    ASSERT_TRUE(info.ok()) << info.status();
    size_t runs = 0;
    EXPECT_EQ(ReadAll(options.segment_path, &runs), model);
    EXPECT_EQ(runs, 5u);
    if (digest.empty()) digest = info->digest;
    EXPECT_EQ(info->digest, digest);
  }
}

TEST_F(ShuffleOutputTest, RecordOverTheLimitFailsByName) {
  ShuffleOutputOptions options = Options(1, 1 << 20, 1 << 20);
  options.max_record_bytes = 100;
  SegmentOutput output(options, &context_);
  output.Add(0, "k", std::string(100, 'v'));
  EXPECT_EQ(context_.error.kind(), pb::ErrorInfo::BAD_INPUT);
  EXPECT_NE(context_.error.message().find("101 bytes is over the limit of 100"), std::string::npos);
}

TEST_F(ShuffleOutputTest, EmptyOutputIsASegment) {
  const auto options = Options(3, 1 << 20, 1 << 20);
  SegmentOutput output(options, &context_);
  auto info = output.Finish();
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->records, 0u);
  EXPECT_TRUE(SegmentReader::Open(options.segment_path).ok());
}

}  // namespace
}  // namespace millrace
