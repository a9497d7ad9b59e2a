// Operators that look at more than one record: states of tasks, slices, running totals, keys in order.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/pipeline/pipeline.h"
#include "common/pipeline/testing/pipeline_fixture.h"

namespace millrace {
namespace {

using RowsTest = PipelineTest;

TEST_F(RowsTest, AccumulateSeesEveryRecordAndTheEndOfEachTask) {
  struct Seen {
    int64_t sum = 0;
  };
  const auto sums =
      job_.Values<int64_t>({5, 1, 4, 1, 3}, 2)
          .Accumulate<int64_t, Seen>(
              With(int64_t{100}),
              [](const int64_t&, Seen& seen, const int64_t& v, Emitter<int64_t>& out) {
                seen.sum += v;
                if (v == 4) out(-seen.sum);
              },
              [](const int64_t& more, Seen& seen, Emitter<int64_t>& out) { out(more + seen.sum); });
  EXPECT_EQ(sums.Collect(), (std::vector<int64_t>{106, -4, 108}));
}

TEST_F(RowsTest, ASliceRunsOnlyTheTasksThatHoldItsRows) {
  job_.mutable_settings().split_bytes = 1 << 20;
  std::string text = "a,b\n";
  for (int i = 0; i < 40; ++i) text += std::to_string(i) + ",x\n";
  const auto rows = job_.ReadTable(File("rows.csv", text), {.columns = {"a"}, .read = {.split_bytes = 20}})
                        .rows.Map([](const Row& row) { return static_cast<int64_t>(row[0].AsDouble()); })
                        .Filter([](const int64_t& x) { return x != 7; });
  const std::vector<uint64_t> counts = rows.CountPerTask();
  ASSERT_GT(counts.size(), 5u);
  const std::vector<int64_t> all = rows.Collect();
  for (uint64_t first = 0; first < all.size(); first += 5) {
    for (uint64_t n : {uint64_t{1}, uint64_t{5}, uint64_t{17}, uint64_t{1000}}) {
      const auto end = all.begin() + static_cast<int64_t>(std::min<uint64_t>(first + n, all.size()));
      EXPECT_EQ(rows.Slice(counts, first, n).Collect(),
                std::vector<int64_t>(all.begin() + static_cast<int64_t>(first), end));
    }
  }
  EXPECT_EQ(rows.Slice(counts, 12, 1).Map([](const int64_t& x) { return x; }).Count(), 1u);
  EXPECT_EQ(link_.plans().back().stages(0).branches(0).tasks(), 1u) << "one row lies in one split";
  const auto values = job_.Values<int64_t>({1, 2, 3, 4, 5}, 2);
  EXPECT_EQ(values.Slice(values.CountPerTask(), 1, 3).Collect(), (std::vector<int64_t>{2, 3, 4}));
  for (const auto& other : {values.Cache(), values.Sample(1.0, 1), values.Union(values)}) {
    try {
      other.Slice({2, 3}, 0, 1);
      ADD_FAILURE() << "sliced";
    } catch (const JobAborted& aborted) {
      EXPECT_EQ(aborted.error().kind(), pb::ErrorInfo::USER_CODE);
    }
  }
  EXPECT_THROW(values.Slice({2, 3}, 5, 1), JobAborted) << "there is no such row";
}

TEST_F(RowsTest, AFolderWrittenInSeveralGoesHasItsPartsNumbered) {
  const auto line = [&](const char* text) { return job_.Values<std::string>({text, text}, 2); };
  line("a").Write("/out/steps", {.first_part = 0});
  line("b").Write("/out/steps", {.first_part = 2});
  line("c").Write("/out/steps", {.first_part = 7});
  std::vector<std::string> names;
  for (const auto& [name, bytes] : link_.files()) names.push_back(name + "=" + bytes.substr(0, 1));
  EXPECT_EQ(names, (std::vector<std::string>{"steps/part-00000.txt=a", "steps/part-00001.txt=a",
                                             "steps/part-00002.txt=b", "steps/part-00003.txt=b",
                                             "steps/part-00007.txt=c", "steps/part-00008.txt=c"}));
  EXPECT_THROW(line("d").Write("/out/steps", {.first_part = 8}), JobAborted);
  EXPECT_THROW(line("d").Write("/out/steps"), JobAborted);
  line("d").Write("/out/once");
  EXPECT_THROW(line("d").Write("/out/once", {.first_part = 2}), JobAborted);
}

TEST_F(RowsTest, AnEmptyTextIsAKeyLikeOthers) {
  EXPECT_EQ(job_.Values<std::string>({""}).Distinct().Collect(), std::vector<std::string>{""});
  EXPECT_EQ(job_.Values<std::string>({"", "b", "", "a"}).Distinct().Collect(),
            (std::vector<std::string>{"", "a", "b"}));
}

TEST_F(RowsTest, RunningTotalsGoOnFromTaskToTask) {
  std::vector<int64_t> values(1000), expected;
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i * i % 17) - 5;
  for (size_t i = 0; i < values.size(); ++i)
    expected.push_back((i == 0 ? 0 : expected.back()) + 2 * values[i]);
  for (const uint32_t tasks : {1u, 2u, 7u, 1500u}) {  // 1500: some tasks are empty
    std::vector<int64_t> totals, records;
    for (const auto& running : job_.Values<int64_t>(values, tasks)
                                   .Cache()
                                   .WithRunningTotal([](const int64_t& v) { return 2 * v; }, Sum{})
                                   .Collect()) {
      totals.push_back(running.total);
      records.push_back(running.record);
    }
    EXPECT_EQ(totals, expected) << tasks << " tasks";
    EXPECT_EQ(records, values);
  }
  // Any combiner will do: the greatest so far.
  const auto greatest =
      job_.Values<int64_t>({3, 1, 4, 1, 5, 2}, 3).WithRunningTotal([](const int64_t& v) { return v; }, Max{});
  EXPECT_EQ(greatest.Map([](const auto& running) { return running.total; }).Collect(),
            (std::vector<int64_t>{3, 3, 4, 4, 5, 5}));
}

TEST_F(RowsTest, JoinsInKeyOrderGiveTheLeftKeysInOrder) {
  job_.mutable_settings().partitions = 4;
  std::vector<int64_t> keys;
  for (int64_t i = 0; i < 500; ++i) keys.push_back(i * 7919 % 500);
  const auto key = [](const int64_t& v) { return v; };
  const auto odd = job_.Values<int64_t>(keys, 3).Filter([](const int64_t& v) { return v % 2 == 1; });
  const auto seen = job_.Values<int64_t>(keys, 5)
                        .KeyBy(key)
                        .InKeyOrder()
                        .CoGroup<std::pair<int64_t, bool>>(
                            odd.KeyBy(key),
                            [](const int64_t& k, Rows<int64_t>, const std::vector<int64_t>& right,
                               Emitter<std::pair<int64_t, bool>>& out) {
                              out({k, !right.empty()});
                            })
                        .CollectPerTask();
  EXPECT_EQ(seen.size(), 4u);
  int64_t next = 0;
  for (const auto& partition : seen) {
    EXPECT_FALSE(partition.empty()) << "the sample spreads the keys";
    for (const auto& [k, is_odd] : partition) {
      EXPECT_EQ(k, next++);
      EXPECT_EQ(is_odd, k % 2 == 1);
    }
  }
  EXPECT_EQ(next, 500);
}

}  // namespace
}  // namespace millrace
