#include "jobs/ml/encoders.h"

#include <gtest/gtest.h>

#include "common/pipeline/testing/in_memory_link.h"

namespace millrace::ml {
namespace {

class EncodersTest : public ::testing::Test {
 protected:
  EncodersTest() : job_(link_) { job_.mutable_settings().output = "/out"; }
  // "" is a missing field.
  Table Make(const std::vector<std::vector<std::string>>& fields) {
    Schema schema;
    for (const std::string& name : fields[0]) schema.Add(name, ValueType::kText);
    std::vector<Row> rows;
    for (size_t i = 1; i < fields.size(); ++i) {
      Row row;
      for (const std::string& field : fields[i]) {
        if (field.empty()) {
          row.Add(Value::Null());
        } else {
          row.AddText(field);
        }
      }
      rows.push_back(row);
    }
    return {schema, job_.Values<Row>(rows, 2)};
  }
  std::vector<std::string> Text(const Table& table) {
    std::vector<std::string> lines;
    for (const Row& row : table.rows.Collect()) {
      std::vector<std::string> fields;
      for (const Value& value : row) fields.push_back(value.ToString());
      lines.push_back(StrJoin(fields, ","));
    }
    return lines;
  }
  std::string FailureOf(const Table& table, const std::vector<std::string>& columns,
                        const CategoryOptions& options) {
    try {
      FitCategories(job_, table, columns, options);
    } catch (const JobAborted& aborted) {
      return aborted.what();
    }
    return "no failure";
  }
  testing::InMemoryLink link_;
  Job job_;
};

const std::vector<std::vector<std::string>> kTowns = {{"id", "town", "size"}, {"1", "b", "x"},
                                                      {"2", "c", "x"},        {"3", "", "x"},
                                                      {"4", "a", "x"},        {"5", "c", "x"}};

TEST_F(EncodersTest, ByFrequencyWithTiesInByteOrder) {
  const Table table = Make(kTowns);
  const auto kinds = FitCategories(job_, table, {"town", "size"}, {CategoryOrder::kFrequency, "b"});
  EXPECT_EQ(kinds[0].kinds, (std::vector<std::string>{"b", "c", "a"}));
  EXPECT_EQ(kinds[0].rows, (std::vector<uint64_t>{2, 2, 1}));
  EXPECT_EQ(kinds[1].kinds, std::vector<std::string>{"x"});
  EXPECT_EQ(Text(IndexTable(table, kinds)),
            (std::vector<std::string>{"1,0.0,0.0", "2,1.0,0.0", "3,0.0,0.0", "4,2.0,0.0", "5,1.0,0.0"}));
}

TEST_F(EncodersTest, DropsFirstLastOrNone) {
  const Table table = Make(kTowns);
  const auto kinds = FitCategories(job_, table, {"town"}, {CategoryOrder::kBytes, "Unknown"});
  EXPECT_EQ(kinds[0].kinds, (std::vector<std::string>{"Unknown", "a", "b", "c"}));
  const Table none = OneHotTable(table, kinds, Drop::kNone);
  EXPECT_EQ(none.schema.ToString(),
            "id text, town=Unknown double, town=a double, town=b double, town=c double, size text");
  EXPECT_EQ(Text(none)[2], "3,1.0,0.0,0.0,0.0,x");
  const Table first = OneHotTable(table, kinds, Drop::kFirst);
  EXPECT_EQ(first.schema.Names(), (std::vector<std::string>{"id", "town=a", "town=b", "town=c", "size"}));
  EXPECT_EQ(Text(first), (std::vector<std::string>{"1,0.0,1.0,0.0,x", "2,0.0,0.0,1.0,x", "3,0.0,0.0,0.0,x",
                                                   "4,1.0,0.0,0.0,x", "5,0.0,0.0,1.0,x"}));
  const Table last = OneHotTable(table, kinds, Drop::kLast);
  EXPECT_EQ(last.schema.Names(),
            (std::vector<std::string>{"id", "town=Unknown", "town=a", "town=b", "size"}));
  EXPECT_EQ(Text(last)[1], "2,0.0,0.0,0.0,x");
}

TEST_F(EncodersTest, WhatTheFitHasNotSeenHasNoKind) {
  const auto kinds = FitCategories(job_, Make(kTowns), {"town"}, {CategoryOrder::kBytes, "Unknown"});
  const Table other = Make({{"town"}, {"zz"}, {"a"}});
  EXPECT_EQ(Text(OneHotTable(other, kinds, Drop::kFirst)),
            (std::vector<std::string>{"0.0,0.0,0.0", "1.0,0.0,0.0"}));
  EXPECT_EQ(Text(IndexTable(other, kinds)), (std::vector<std::string>{"", "1.0"}));
}

TEST_F(EncodersTest, RefusesWhatIsNoCategory) {
  const Table table = Make(kTowns);
  EXPECT_NE(FailureOf(table, {"twon"}, {}).find("no column 'twon' to encode. Did you mean 'town'?"),
            std::string::npos);
  EXPECT_NE(FailureOf(table, {"town"}, {}).find("'town' is missing in 1 row;"), std::string::npos);
  EXPECT_NE(
      FailureOf(table, {"id"}, {CategoryOrder::kBytes, "", 4}).find("'id' has 5 kinds, more than the 4"),
      std::string::npos);
}

}  // namespace
}  // namespace millrace::ml
