// Parquet written and read back, in parts, damaged, and by its statistics. Files of other programs:
// tests/e2e/test_parquet.py.
#include "common/io/parquet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>

#include "common/io/test_files.h"
#include "common/record/row.h"

namespace millrace::io {
namespace {

class ParquetTest : public IoTest {
 protected:
  static Schema AllTypes() {
    return Schema({{"flag", ValueType::kBool},
                   {"count", ValueType::kInt64},
                   {"price", ValueType::kDouble},
                   {"day", ValueType::kDate},
                   {"at", ValueType::kTimestamp},
                   {"name", ValueType::kText}});
  }
  // Row i; every seventh value of a column is missing, each column's at another place.
  Row RowOf(int64_t i) {
    Row row(6);
    names_.push_back(StrCat("name ", i % 5, std::string(static_cast<size_t>(i % 3), 'x')));
    const Value values[] = {Value::Bool(i % 2 == 0),
                            Value::Int64(i * 1'000'000'007),
                            Value::Double(0.1 * i),
                            Value::Day(Date{static_cast<int32_t>(i - 5)}),
                            Value::Instant(Timestamp{i * 1'000'001 - 3}),
                            Value::Text(names_.back())};
    for (size_t c = 0; c < 6; ++c)
      if ((i + static_cast<int64_t>(c)) % 7 != 0) row[c] = values[c];
    return row;
  }
  std::string Write(const std::string& name, int64_t rows, const ParquetWriteOptions& options) {
    std::string bytes;
    ParquetWriter writer(AllTypes(), options, [&](std::string_view more) {
      bytes.append(more);
      return true;
    });
    for (int64_t i = 0; i < rows; ++i) {
      for (const Value& value : RowOf(i)) writer.Add(value);
      writer.EndRow();
    }
    writer.Finish();
    EXPECT_TRUE(writer.status().ok()) << writer.status();
    return Put(name, bytes);
  }
  // Rows of all splits in order; *status is the first error.
  std::vector<Row> ReadAll(const pb::FileSource& source, const std::vector<std::string>& columns,
                           absl::Status* status) {
    std::vector<Row> rows;
    for (int split = 0; split < source.splits_size(); ++split) {
      ParquetReader reader(source, split, columns);
      while (reader.Next()) {
        Row row(columns.size());
        for (size_t i = 0; i < columns.size(); ++i) row[i] = reader.field(i).AsValue();
        row.Own();
        rows.push_back(row);
      }
      if (status->ok()) *status = reader.status();
    }
    return rows;
  }
  std::deque<std::string> names_;
};

TEST_F(ParquetTest, ComesBackAsItWas) {
  for (const char* compression : {"snappy", "zstd", "none"}) {
    for (const int64_t n : {0, 1, 2047, 2048, 2049, 9000}) {
      const pb::FileSource source = MustPlan("parquet", Write("all.parquet", n, {compression, 100'000}));
      EXPECT_EQ(std::vector<std::string>(source.columns().begin(), source.columns().end()),
                AllTypes().Names());
      absl::Status status;
      const std::vector<Row> rows = ReadAll(source, AllTypes().Names(), &status);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(rows.size(), static_cast<size_t>(n)) << compression;
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(rows[static_cast<size_t>(i)], RowOf(i)) << compression << " row " << i;
    }
  }
}

TEST_F(ParquetTest, TheSameRowsAreTheSameBytes) {
  const std::string first = *ReadFile(Write("a.parquet", 5000, {"zstd", 50'000}));
  EXPECT_EQ(first, *ReadFile(Write("b.parquet", 5000, {"zstd", 50'000})));
  EXPECT_NE(first, *ReadFile(Write("c.parquet", 5000, {"none", 50'000})));
}

TEST_F(ParquetTest, RowGroupsAreSplits) {
  const std::string path = Write("many.parquet", 20'000, {"none", 60'000});
  const pb::FileSource whole = MustPlan("parquet", path, 0);
  EXPECT_EQ(whole.splits_size(), 1);
  const pb::FileSource cut = MustPlan("parquet", path, 1);
  ASSERT_GT(cut.splits_size(), 5);
  EXPECT_LT(MustPlan("parquet", path, 200'000).splits_size(), cut.splits_size());
  absl::Status status;
  const std::vector<Row> all = ReadAll(whole, {"count"}, &status), parts = ReadAll(cut, {"count"}, &status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(all, parts);
  EXPECT_EQ(all.size(), 20'000u);
  uint64_t bytes = 0;
  for (int i = 0; i < cut.splits_size(); ++i) {
    EXPECT_EQ(cut.splits(i).begin(), i == 0 ? whole.splits(0).begin() : cut.splits(i - 1).end());
    bytes += cut.splits(i).bytes();
  }
  EXPECT_EQ(bytes, whole.splits(0).bytes());
  EXPECT_EQ(bytes, 20'000u * 6 * sizeof(uint64_t)) << "of values: in the file they are packed";
}

TEST_F(ParquetTest, ColumnsComeInTheOrderAskedFor) {
  const pb::FileSource source = MustPlan("parquet", Write("some.parquet", 3000, {}));
  absl::Status status;
  const std::vector<Row> rows = ReadAll(source, {"name", "count"}, &status);
  ASSERT_TRUE(status.ok()) << status;
  for (int64_t i = 0; i < 3000; ++i) {
    const Row want = RowOf(i);
    EXPECT_EQ(rows[static_cast<size_t>(i)][0], want[5]);
    EXPECT_EQ(rows[static_cast<size_t>(i)][1], want[1]);
  }
  ParquetReader reader(source, 0, {"nmae", "name"});
  ASSERT_TRUE(reader.Next());
  EXPECT_TRUE(reader.field(0).missing) << "a column that is not there";
  EXPECT_EQ(reader.field(1).AsValue(), RowOf(0)[5]);
}

TEST_F(ParquetTest, StatisticsRuleGroupsOut) {
  const std::string path = Write("pruned.parquet", 20'000, {"none", 60'000});
  const auto rows_with = [&](const ColumnRange& range) {
    pb::FileSource source = MustPlan("parquet", path, 1);
    EXPECT_TRUE(PruneParquet({range}, &source).ok());
    EXPECT_GE(source.splits_size(), 1);
    absl::Status status;
    const std::vector<Row> rows = ReadAll(source, {"count", "day"}, &status);
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  };
  const Date day{10'001 - 5};  // of row 10,001
  const std::vector<Row> one_day = rows_with({"day", day.ToString(), day.ToString()});
  EXPECT_GT(one_day.size(), 0u);
  EXPECT_LT(one_day.size(), 5'000u) << "one group";
  EXPECT_NE(std::find_if(one_day.begin(), one_day.end(),
                         [&](const Row& row) { return !row[1].is_null() && row[1].AsDate() == day; }),
            one_day.end());
  EXPECT_EQ(rows_with({"count", "-5", "-1"}).size(), 0u);
  EXPECT_EQ(rows_with({"count", "", ""}).size(), 20'000u);
  EXPECT_EQ(rows_with({"count", "never", ""}).size(), 20'000u) << "no number rules nothing out";
  EXPECT_EQ(rows_with({"price", "1999.85", ""}).back()[0], Value::Int64(19'999 * int64_t{1'000'000'007}));
  EXPECT_EQ(rows_with({"name", "o", ""}).size(), 0u);
  EXPECT_EQ(rows_with({"name", "", "name 0"}).size(), 20'000u);
  EXPECT_EQ(rows_with({"at", "2200-01-01", ""}).size(), 0u);
  EXPECT_EQ(rows_with({"other", "1", "2"}).size(), 20'000u);
}

TEST_F(ParquetTest, SaysWhatIsWrongWithAFile) {
  const std::string good = *ReadFile(Write("good.parquet", 4000, {"snappy", 50'000}));
  const auto message = [&](const std::string& bytes) {
    auto planned = Plan("parquet", Put("bad.parquet", bytes));
    if (!planned.ok()) return MessageOf(planned.status());
    absl::Status status;
    ReadAll(planned->source, AllTypes().Names(), &status);
    return MessageOf(status);
  };
  EXPECT_EQ(message(good), "");
  for (const std::string& bytes : {std::string(), std::string("PAR1"), std::string("Date,Close\n1,2\n"),
                                   good.substr(0, good.size() - 1), good.substr(0, good.size() / 2)})
    EXPECT_NE(message(bytes).find("bad.parquet is no Parquet file, or a damaged one: "), std::string::npos)
        << bytes.size() << ": " << message(bytes);
  EXPECT_NE(message(good.substr(1)).find("bad.parquet cannot be read: "), std::string::npos)
      << message(good.substr(1));
  // Pages carry checksums, the footer does not: a flipped bit there may go unseen, but nothing worse.
  int seen = 0, tried = 0;
  for (size_t at = 4; at < good.size(); at += good.size() / 97) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    ++tried;
    seen += message(bytes).empty() ? 0 : 1;
  }
  EXPECT_GT(seen, tried * 9 / 10) << "of " << tried;
}

// The footer has no checksum: whatever stands there, reading ends, in rows or in a sentence.
TEST_F(ParquetTest, DamagedFootersEndInASentence) {
  const std::string good = *ReadFile(Write("good.parquet", 300, {"snappy", 5'000}));
  uint32_t length = 0;
  std::memcpy(&length, good.data() + good.size() - 8, sizeof(length));
  const size_t footer = good.size() - 8 - length;
  std::minstd_rand random(7);
  int refused = 0;
  const int tries = 3000;
  for (int i = 0; i < tries; ++i) {
    std::string bytes = good;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
      bytes[footer + random() % (length + 4)] = static_cast<char>(random());
    auto planned = Plan("parquet", Put("bad.parquet", bytes));
    if (!planned.ok()) {
      EXPECT_FALSE(MessageOf(planned.status()).empty());
      ++refused;
      continue;
    }
    absl::Status status;
    ReadAll(planned->source, AllTypes().Names(), &status);
    refused += status.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, tries / 2);
}

// Pages of other programs often have no checksums: an index outside of its dictionary is one of the things
// that must not be followed.
TEST_F(ParquetTest, DamagedPagesEndInASentence) {
  const std::string good = *ReadFile(MILLRACE_SOURCE_DIR "/tests/data/parquet/plain_pyarrow.parquet");
  const std::vector<std::string> columns = {"name", "number", "long"};
  uint32_t length = 0;
  std::memcpy(&length, good.data() + good.size() - 8, sizeof(length));
  const size_t footer = good.size() - 8 - length;
  std::minstd_rand random(11);
  int refused = 0, of_dictionary = 0;
  const int tries = 3000;
  for (int i = 0; i < tries; ++i) {
    std::string bytes = good;
    for (uint32_t flips = 1 + random() % 2; flips > 0; --flips)
      bytes[4 + random() % (footer - 4)] = static_cast<char>(random());
    absl::Status status;
    ReadAll(MustPlan("parquet", Put("bad.parquet", bytes)), columns, &status);
    refused += status.ok() ? 0 : 1;
    of_dictionary += MessageOf(status).find("of a dictionary of") != std::string::npos;
  }
  EXPECT_GT(refused, tries / 10);
  EXPECT_GT(of_dictionary, 10) << "of " << refused;
}

// A column begins as a dictionary and goes on plain where that grows too large; texts are then copied, but
// for those of a batch's last page.
TEST_F(ParquetTest, TextsOutlastTheirPage) {
  std::string bytes;
  ParquetWriter writer(Schema({{"few", ValueType::kText}, {"many", ValueType::kText}}), {"snappy", 64 << 20},
                       [&](std::string_view more) {
                         bytes.append(more);
                         return true;
                       });
  const auto text = [](int64_t i) { return StrCat(i, std::string(100 + static_cast<size_t>(i % 50), 'x')); };
  const int64_t n = 40'000;
  for (int64_t i = 0; i < n; ++i) {
    writer.Add(Value::Text(i % 2 == 0 ? "even" : "odd"));
    if (i % 10 == 3) {
      writer.Missing();
    } else {
      const std::string many = text(i);
      writer.Add(Value::Text(many));
    }
    writer.EndRow();
  }
  writer.Finish();
  const pb::FileSource source = MustPlan("parquet", Put("many.parquet", bytes));
  ParquetReader reader(source, 0, {"few", "many"});
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_TRUE(reader.Next()) << reader.status();
    ASSERT_EQ(reader.field(0).text, i % 2 == 0 ? "even" : "odd");
    ASSERT_EQ(reader.field(1).missing, i % 10 == 3);
    if (i % 10 == 3) continue;
    ASSERT_EQ(reader.field(1).text, text(i));
  }
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_EQ(reader.columns()[0].values.entries, 2u);
  EXPECT_EQ(reader.columns()[1].values.codes, nullptr);
}

TEST_F(ParquetTest, FilesOfOneInputHaveOneSchema) {
  Write("in/a.parquet", 10, {});
  ParquetWriter writer(Schema({{"flag", ValueType::kBool}}), {}, [&](std::string_view) { return true; });
  std::string bytes;
  ParquetWriter other(Schema({{"flag", ValueType::kBool}}), {}, [&](std::string_view more) {
    bytes.append(more);
    return true;
  });
  other.Finish();
  Put("in/b.parquet", bytes);
  const auto planned = Plan("parquet", dir_.File("in"));
  EXPECT_NE(MessageOf(planned.status()).find("the schemas differ: 1 columns in"), std::string::npos)
      << planned.status();
}

TEST_F(ParquetTest, AColumnHasOneType) {
  ParquetWriter writer(
      Schema({{"count", ValueType::kInt64}, {"any", ValueType::kText}, {"real", ValueType::kDouble}}), {},
      [](std::string_view) { return true; });
  writer.Add(Value::Int64(1));
  writer.Add(Value::Day(Date{0}));
  writer.Add(Value::Int64(3));
  writer.EndRow();
  EXPECT_TRUE(writer.status().ok()) << "text takes anything, real numbers take whole ones";
  writer.Add(Value::Double(1.5));
  EXPECT_EQ(MessageOf(writer.status()),
            "column 'count' holds int64 and got '1.5', a double; a Parquet column has one type");
}

}  // namespace
}  // namespace millrace::io
