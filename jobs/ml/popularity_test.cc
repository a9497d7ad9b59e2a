// The tables of a broadcast, groups and counts, and the centres that follow batches.
#include "jobs/ml/popularity.h"

#include <gtest/gtest.h>

#include "common/pipeline/testing/in_memory_link.h"
#include "jobs/ml/lookup.h"
#include "jobs/ml/popularity_tables.h"
#include "jobs/ml/streaming_kmeans.h"

namespace millrace::ml {
namespace {

TEST(TextLookupTest, FindsWhatWasAddedAndNothingElse) {
  TextLookup table;
  EXPECT_EQ(table.Find("x"), TextLookup::kNone);
  std::vector<std::string> keys = {"",
                                   "a",
                                   "ab",
                                   "abc",
                                   "abcd",
                                   "abcdefg",
                                   "abcdefgh",
                                   "abcdefghi",
                                   std::string("a\0", 2),
                                   std::string("a\0b", 3),
                                   std::string(1, '\0'),
                                   std::string(300, 'z')};
  for (int i = 0; i < 5000; ++i) keys.push_back(std::to_string(i * 7919));
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_TRUE(table.Add(keys[i], static_cast<uint32_t>(i))) << i;
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_FALSE(table.Add(keys[i], 0));
  EXPECT_EQ(table.size(), keys.size());
  TextLookup copy;
  ASSERT_TRUE(DecodeAll(std::string_view(EncodeToString(table)), &copy));
  for (const TextLookup* one : {&table, &copy}) {
    TextLookup::Key kept;  // one after the other: short, long and short again
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(one->Find(keys[i]), i);
      kept.Set(keys[i]);
      one->Prefetch(kept);
      EXPECT_EQ(one->Find(kept), i);
      EXPECT_EQ(kept.text(), keys[i]);
    }
    for (const char* other : {"b", "abcdefghj", "12", "zzzzzzzzz"})
      EXPECT_EQ(one->Find(other), TextLookup::kNone);
  }
  const std::string bytes = EncodeToString(table);
  for (size_t size : {size_t{0}, size_t{1}, bytes.size() / 2, bytes.size() - 1})
    EXPECT_FALSE(DecodeAll(std::string_view(bytes).substr(0, size), &copy)) << size;
}

TEST(GroupsTest, AHouseholdCountsInItsClusterAndSubsets) {
  testing::InMemoryLink link;
  Job job(link);
  const Groups groups = MakeGroups(job, {"0", "1"}, {3, 17});
  EXPECT_EQ(groups.subset_names, (std::vector<std::string>{"all", "third", "seventeenth"}));
  std::vector<uint64_t> of_group(groups.count());
  of_group[0] = 1000;  // of no cluster
  for (uint64_t rank = 1; rank <= 51; ++rank) ++of_group[groups.Of(1, rank)];
  for (uint64_t rank = 1; rank <= 17; ++rank) ++of_group[groups.Of(0, rank)];
  EXPECT_EQ(groups.PerCluster(of_group), (std::vector<uint64_t>{17, 51, 5, 17, 1, 3}));
  CheckSubsets(job, {3, 17});
  EXPECT_THROW(CheckSubsets(job, {3, 0}), JobAborted);
  EXPECT_THROW(CheckSubsets(job, std::vector<uint32_t>(9, 2)), JobAborted);
}

// More stations than a task's table holds: what was counted before is sent on, and added up.
TEST(CountViewsTest, CountsManyStations) {
  testing::InMemoryLink link;
  Job job(link);
  job.mutable_settings().partitions = 3;
  std::vector<uint64_t> numbers;
  constexpr uint64_t kStations = 60'000, kEvents = 150'000;
  for (uint64_t i = 0; i < kEvents; ++i) numbers.push_back(i);
  const auto watched =
      job.Values<uint64_t>(numbers, 2).FlatMap<Watched>([](const uint64_t& i, Emitter<Watched>& out) {
        const std::string station = std::to_string(i % kStations);
        out({station, static_cast<uint32_t>(i % 13), 2});
      });
  const auto views = CountViews(watched, 13).Collect();
  ASSERT_EQ(views.size(), kStations);
  for (const StationViews& station : views) {
    std::vector<uint64_t> want(13);
    for (uint64_t i = std::stoull(station.station); i < kEvents; i += kStations) want[i % 13] += 2;
    ASSERT_EQ(station.views, want);
  }
}

TEST(MergeViewsTest, AddsCountsByStation) {
  std::vector<StationViews> views = {{"a", {1, 2}}, {"c", {5}}};
  MergeViews({{"d", {1}}, {"c", {1, 1, 1}}, {"b", {4}}}, &views);
  ASSERT_EQ(views.size(), 4u);
  EXPECT_EQ(views[1].station, "b");
  EXPECT_EQ(views[2].views, (std::vector<uint64_t>{6, 1, 1}));
  EXPECT_EQ(views[3].station, "d");
}

// A batch of one point at 4 for centres at 0 and 10, weights 1: by hand.
TEST(UpdateModelTest, BothRules) {
  for (const bool spark : {false, true}) {
    StreamingModel model{{2, 1, {0, 10}}, {1, 1}};
    EXPECT_FALSE(UpdateModel({spark, 0.5, 1}, {1, 16, {1, 0}, {4, 0}}, &model));
    EXPECT_EQ(model.weights, (std::vector<double>{1.5, 0.5}));
    EXPECT_DOUBLE_EQ(model.centres.values[0], 4 / 1.5);
    EXPECT_EQ(model.centres.values[1], 10);
  }
  // A centre that nothing is near to dies, and the greatest is split; the seed rule lets it be.
  StreamingModel dying{{3, 1, {0, 1, 50}}, {1, 4, 1e-9}};
  StreamingModel stays = dying;
  EXPECT_TRUE(UpdateModel({true, 1, 1}, {0, 0, {0, 0, 0}, {0, 0, 0}}, &dying));
  EXPECT_EQ(dying.weights, (std::vector<double>{1, (4 + 1e-9) / 2, (4 + 1e-9) / 2}));
  EXPECT_EQ(dying.centres.values, (std::vector<double>{0, 1 + 1e-14, 1 - 1e-14}));
  EXPECT_FALSE(UpdateModel({false, 1, 1}, {0, 0, {0, 0, 0}, {0, 0, 0}}, &stays));
  EXPECT_EQ(stays.centres.values[2], 50);
}

TEST(DrawCentresTest, IsAboutNormalAndFollowsTheSeed) {
  const Centres centres = DrawCentres(100, 100, 5);
  double sum = 0, squares = 0;
  for (const double x : centres.values) sum += x, squares += x * x;
  EXPECT_NEAR(sum / 10'000, 0, 0.05);
  EXPECT_NEAR(squares / 10'000, 1, 0.05);
  EXPECT_EQ(DrawCentres(100, 100, 5).values, centres.values);
  EXPECT_NE(DrawCentres(100, 100, 6).values, centres.values);
}

}  // namespace
}  // namespace millrace::ml
