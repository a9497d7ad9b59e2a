#include "worker/executor/record_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "common/base/strings.h"

namespace millrace {
namespace {

struct Record {
  uint32_t partition;
  std::string key, value;
};

std::vector<Record> RandomRecords(size_t count, uint32_t partitions, int alphabet, size_t max_key,
                                  uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Record> records;
  for (size_t i = 0; i < count; ++i) {
    std::string key(random() % (max_key + 1), '\0');
    for (char& c : key) c = static_cast<char>(random() % alphabet);
    records.push_back({static_cast<uint32_t>(random() % partitions), key, std::to_string(i)});
  }
  return records;
}

void ExpectSortedLikeModel(std::vector<Record> records, uint32_t partitions) {
  SlotArena arena(64 << 20);
  RecordSorter sorter(&arena, 64 << 20);
  for (int round = 0; round < 2; ++round) {  // the arena is used again
    sorter.Clear();
    for (const Record& r : records) {  // values in one piece or two
      const std::string_view value = r.value;
      const size_t cut = round == 0 ? value.size() : value.size() / 2;
      ASSERT_TRUE(sorter.Add(r.partition, r.key, value.substr(0, cut), value.substr(cut)));
    }
    sorter.Sort(partitions);
    std::vector<Record> model = records;
    std::stable_sort(model.begin(), model.end(), [](const Record& a, const Record& b) {
      return a.partition != b.partition ? a.partition < b.partition : a.key < b.key;
    });
    ASSERT_EQ(sorter.size(), model.size());
    for (size_t i = 0; i < model.size(); ++i) {
      const RecordSorter::View view = sorter.Get(i);
      ASSERT_EQ(view.partition, model[i].partition) << i;
      ASSERT_EQ(view.key, model[i].key) << i;
      ASSERT_EQ(view.value, model[i].value) << i;
      size_t logical_bytes = 0;
      const std::string_view framed = sorter.Framed(i, &logical_bytes);
      ASSERT_EQ(logical_bytes, view.key.size() + view.value.size()) << i;
      ASSERT_EQ(framed.substr(framed.size() - logical_bytes), StrCat(view.key, view.value)) << i;
    }
  }
}

// std::string compares as unsigned bytes, as keys do.
TEST(RecordSorter, OrdersLikeAStableSort) {
  ExpectSortedLikeModel(RandomRecords(20000, 7, 256, 12, 1), 7);  // random keys
  ExpectSortedLikeModel(RandomRecords(20000, 3, 2, 30, 2), 3);    // long common prefixes, zero bytes
  ExpectSortedLikeModel(RandomRecords(20000, 1, 1, 40, 3), 1);    // only zero bytes: lengths decide
  ExpectSortedLikeModel(RandomRecords(20000, 2, 3, 3, 4), 2);     // many equal keys
  ExpectSortedLikeModel(RandomRecords(20000, 1, 3, 3, 7), 1);
  ExpectSortedLikeModel(RandomRecords(20000, 500, 26, 20, 5), 500);
  ExpectSortedLikeModel({}, 4);
}

TEST(RecordSorter, KeysWithAFixedPrefix) {
  std::vector<Record> records = RandomRecords(30000, 2, 4, 9, 6);
  for (Record& r : records) r.key = "the same sixteen" + r.key;
  ExpectSortedLikeModel(records, 2);
}

TEST(RecordSorter, FindsBoundsAmongSortedKeys) {
  const std::vector<Record> records = RandomRecords(5000, 1, 7, 5, 8);
  SlotArena arena(4 << 20);
  RecordSorter sorter(&arena, 4 << 20);
  for (const Record& r : records) ASSERT_TRUE(sorter.Add(0, r.key, r.value));
  sorter.Sort(1);
  for (const std::string& bound :
       {std::string(), std::string(1, '\0'), std::string("\3\3"), std::string("\x7f")}) {
    const auto below =
        std::count_if(records.begin(), records.end(), [&](const Record& r) { return r.key < bound; });
    EXPECT_EQ(sorter.LowerBound(bound), static_cast<size_t>(below));
  }
}

TEST(RecordSorter, SaysWhenFull) {
  SlotArena arena(1 << 20);
  RecordSorter sorter(&arena, 1 << 16);
  size_t added = 0;
  while (sorter.Add(0, "key" + std::to_string(added % 10), std::string(50, 'v'))) ++added;
  EXPECT_GT(added, 500u);
  EXPECT_LE(sorter.used_bytes(), size_t{1} << 16);
  sorter.Sort(1);
  EXPECT_EQ(sorter.Get(0).key, "key0");
  EXPECT_EQ(sorter.Get(added - 1).key, "key9");
  sorter.Clear();
  EXPECT_FALSE(sorter.Add(0, "k", std::string(1 << 16, 'v')));
  EXPECT_TRUE(sorter.Add(0, "k", std::string(sorter.MaxRecordBytes() - 1, 'v')));
}

}  // namespace
}  // namespace millrace
