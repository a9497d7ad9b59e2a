// Columns of Parquet as values: by hand, without files. Those are in common/io/parquet_plugin and tests/e2e.
#include "common/pipeline/parquet_cells.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "common/base/strings.h"

namespace millrace::internal {
namespace {

using io::parquet_plugin::Text;
using io::parquet_plugin::Type;

class ParquetCellsTest : public ::testing::Test {
 protected:
  template <typename T>
  io::ParquetColumn Column(ValueType type, Type stored, std::vector<T> values, std::vector<uint8_t> missing) {
    io::ParquetColumn column{type, stored, {}};
    missing_.push_back(std::move(missing));
    if constexpr (std::is_same_v<T, std::string>) {
      std::vector<Text>& texts = texts_.emplace_back();
      for (std::string& value : values) {
        const std::string& kept = bytes_.emplace_back(std::move(value));
        texts.push_back({kept.data(), kept.size()});
      }
      column.values.values = texts.data();
    } else if constexpr (std::is_same_v<T, double>) {
      column.values.values = reals_.emplace_back(std::move(values)).data();
    } else {
      column.values.values = integers_.emplace_back(std::move(values)).data();
    }
    column.values.missing = missing_.back().data();
    return column;
  }
  io::ParquetColumn Texts(std::vector<std::string> values, std::vector<uint8_t> missing) {
    return Column(ValueType::kText, Type::kText, std::move(values), std::move(missing));
  }
  io::ParquetColumn Integers(std::vector<int64_t> values, std::vector<uint8_t> missing) {
    return Column(ValueType::kInt64, Type::kInt64, std::move(values), std::move(missing));
  }
  // `entries` seen through codes.
  io::ParquetColumn Coded(io::ParquetColumn entries, uint32_t count, uint64_t dictionary,
                          std::vector<uint32_t> codes, std::vector<uint8_t> missing) {
    entries.values.codes = codes_.emplace_back(std::move(codes)).data();
    entries.values.entries = count;
    entries.values.dictionary = dictionary;
    entries.values.missing = missing_.emplace_back(std::move(missing)).data();
    return entries;
  }
  static RowsSpec Spec(const std::vector<ValueType>& types) {
    RowsSpec spec;
    for (const ValueType type : types) spec.schema.Add(StrCat("c", spec.schema.size()), type);
    return spec;
  }
  // The rows of a batch as "a|1.0|null", or "bad 2".
  static std::vector<std::string> Lines(const ParquetCells& cells, size_t columns, int64_t rows) {
    std::vector<std::string> lines;
    for (int64_t r = 0; r < rows; ++r) {
      Row row(columns);
      size_t bad = 0;
      std::string& line = lines.emplace_back();
      if (!cells.Get(r, &row, &bad)) {
        line = StrCat("bad ", bad);
        continue;
      }
      for (size_t i = 0; i < columns; ++i)
        line += (i == 0 ? "" : "|") + (row[i].is_null() ? "null" : row[i].ToString());
    }
    return lines;
  }
  static std::vector<std::optional<std::string>> None(size_t n) {
    return std::vector<std::optional<std::string>>(n);
  }
  using Strings = std::vector<std::string>;

 private:
  std::deque<std::vector<uint8_t>> missing_;
  std::deque<std::vector<uint32_t>> codes_;
  std::deque<std::vector<int64_t>> integers_;
  std::deque<std::vector<double>> reals_;
  std::deque<std::vector<Text>> texts_;
  std::deque<std::string> bytes_;
};

TEST_F(ParquetCellsTest, ValuesBecomeTheTypesOfTheTable) {
  const RowsSpec spec = Spec({ValueType::kText, ValueType::kText, ValueType::kDouble, ValueType::kDouble,
                              ValueType::kDate, ValueType::kNull, ValueType::kText});
  ParquetCells cells(spec, None(7));
  cells.TakeBatch({Texts({"a", "", "c"}, {0, 0, 1}), Integers({INT64_MIN, 7, INT64_MAX}, {0, 1, 0}),
                   Column(ValueType::kDouble, Type::kDouble, std::vector<double>{0.5, 1e300, 0}, {0, 0, 1}),
                   Integers({1, 2, 3}, {0, 0, 0}),
                   Column(ValueType::kDate, Type::kDate, std::vector<int64_t>{0, 1, 2}, {0, 0, 0}),
                   Integers({4, 5, 6}, {0, 0, 1}),
                   Column(ValueType::kDouble, Type::kDouble, std::vector<double>{2.5, -0.0, 3}, {0, 0, 0})},
                  3);
  EXPECT_EQ(Lines(cells, 7, 3), (Strings{"a|-9223372036854775808|0.5|1.0|1970-01-01|4.0|2.5",
                                         "|null|1e+300|2.0|1970-01-02|5.0|0.0",
                                         "null|9223372036854775807|null|3.0|1970-01-03|null|3.0"}));
}

TEST_F(ParquetCellsTest, TheFirstColumnThatDoesNotFitIsTold) {
  const RowsSpec spec = Spec({ValueType::kText, ValueType::kDouble, ValueType::kDate});
  ParquetCells cells(spec, None(3));
  cells.TakeBatch({Texts({"a", "b", "c", "d"}, {0, 0, 0, 0}), Texts({"1", "x", "3", "y"}, {0, 0, 0, 1}),
                   Texts({"2020-01-01", "never", "never", "2020-01-02"}, {0, 0, 0, 0})},
                  4);
  EXPECT_EQ(Lines(cells, 3, 4), (Strings{"a|1.0|2020-01-01", "bad 1", "bad 2", "d|null|2020-01-02"}));
  cells.TakeBatch({Texts({"a"}, {0}), Texts({"2"}, {0}), Texts({"2020-01-01"}, {0})}, 1);
  EXPECT_EQ(Lines(cells, 3, 1), (Strings{"a|2.0|2020-01-01"})) << "what was bad is forgotten";
}

TEST_F(ParquetCellsTest, ADictionaryIsTurnedOnce) {
  const RowsSpec spec = Spec({ValueType::kText, ValueType::kText, ValueType::kDouble});
  ParquetCells cells(spec, None(3));
  const auto names = Texts({"north", "south"}, {});
  const auto ids = Integers({17, 4, 99}, {});
  const auto sizes = Texts({"1.5", "large"}, {});
  cells.TakeBatch(
      {Coded(names, 2, 1, {0, 1, 0, 0}, {0, 0, 1, 0}), Coded(ids, 3, 2, {2, 0, 1, 2}, {0, 0, 0, 0}),
       Coded(sizes, 2, 3, {0, 0, 0, 1}, {0, 1, 0, 0})},
      4);
  EXPECT_EQ(Lines(cells, 3, 4), (Strings{"north|99|1.5", "south|17|null", "null|4|1.5", "bad 2"}));
  // The same dictionaries again, then another first one.
  cells.TakeBatch({Coded(names, 2, 1, {1}, {0}), Coded(ids, 3, 2, {1}, {0}), Coded(sizes, 2, 3, {0}, {0})},
                  1);
  EXPECT_EQ(Lines(cells, 3, 1), (Strings{"south|4|1.5"}));
  cells.TakeBatch(
      {Coded(Texts({"east"}, {}), 1, 4, {0}, {0}), Coded(ids, 3, 2, {0}, {0}), Coded(sizes, 2, 3, {0}, {0})},
      1);
  EXPECT_EQ(Lines(cells, 3, 1), (Strings{"east|17|1.5"}));
}

TEST_F(ParquetCellsTest, TheSameCodeIsTheSameText) {
  const RowsSpec spec = Spec({ValueType::kText, ValueType::kText, ValueType::kDouble});
  ParquetCells cells(spec, None(3));
  std::map<uint32_t, std::string> texts;
  const auto look = [&](int64_t rows, size_t coded) {
    for (int64_t r = 0; r < rows; ++r) {
      Row row(3);
      size_t bad = 0;
      ASSERT_TRUE(cells.Get(r, &row, &bad));
      for (size_t i = 0; i < 3; ++i) {
        const uint32_t code = row[i].code();
        EXPECT_EQ(code != 0, i < coded) << i;
        if (code == 0) continue;
        EXPECT_EQ(texts.emplace(code, row[i].AsText()).first->second, row[i].AsText());
      }
    }
  };
  const auto plain = [&](size_t n) {
    return Column(ValueType::kDouble, Type::kDouble, std::vector<double>(n), std::vector<uint8_t>(n));
  };
  const auto names = Texts({"north", "south"}, {});
  cells.TakeBatch({Coded(names, 2, 1, {0, 1, 0}, {0, 0, 0}),
                   Coded(Integers({5, 6}, {}), 2, 2, {0, 1, 1}, {0, 0, 0}), plain(3)},
                  3);
  look(3, 2);
  EXPECT_EQ(texts.size(), 4u);
  cells.TakeBatch({Coded(names, 2, 1, {1}, {0}), Coded(Integers({7}, {}), 1, 3, {0}, {0}), plain(1)}, 1);
  look(1, 2);
  EXPECT_EQ(texts.size(), 5u) << "the dictionary that went on has its codes still";
  cells.TakeBatch({Texts({"north"}, {0}), Integers({5}, {0}), plain(1)}, 1);
  look(1, 0);
}

// More entries than are held at once, and more than there are codes.
TEST_F(ParquetCellsTest, LargeDictionariesHaveNoCodes) {
  const RowsSpec spec = Spec({ValueType::kText});
  ParquetCells cells(spec, None(1));
  std::vector<int64_t> many(300'000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int64_t>(i);
  const auto column = Integers(std::move(many), {});
  const auto code_of = [&](uint32_t entries, uint64_t dictionary, uint32_t entry) {
    cells.TakeBatch({Coded(column, entries, dictionary, {entry}, {0})}, 1);
    EXPECT_EQ(Lines(cells, 1, 1), (Strings{std::to_string(entry)}));
    Row row(1);
    size_t bad = 0;
    EXPECT_TRUE(cells.Get(0, &row, &bad));
    return row[0].code();
  };
  EXPECT_EQ(code_of(300'000, 1, 299'999), 0u);
  std::set<uint32_t> codes;
  for (uint64_t dictionary = 2; dictionary < 6; ++dictionary) {
    const uint32_t code = code_of(200'000, dictionary, 199'999);
    EXPECT_TRUE(codes.insert(code).second) << code;
    EXPECT_GT(code, 0u);
  }
  EXPECT_GT(code_of(200'000, 6, 0), 0u);
  EXPECT_EQ(code_of(200'000, 7, 0), 0u) << "there are a million";
}

TEST_F(ParquetCellsTest, FoldersAndBlanks) {
  RowsSpec spec = Spec({ValueType::kText, ValueType::kDate, ValueType::kInt64});
  spec.blank_missing = true;
  ParquetCells cells(spec, {std::nullopt, "2020-02-03", ""});
  const io::ParquetColumn absent;
  const auto texts = Texts({" \t", "x ", ""}, {});
  cells.TakeBatch({Coded(texts, 3, 1, {0, 1, 2}, {0, 0, 0}), absent, absent}, 3);
  EXPECT_EQ(Lines(cells, 3, 3),
            (Strings{"null|2020-02-03|null", "x |2020-02-03|null", "null|2020-02-03|null"}));
  ParquetCells wrong(spec, {std::nullopt, "2020-02-33", ""});
  wrong.TakeBatch({absent, absent, absent}, 2);
  EXPECT_EQ(Lines(wrong, 3, 2), (Strings{"bad 1", "bad 1"}));
}

}  // namespace
}  // namespace millrace::internal
