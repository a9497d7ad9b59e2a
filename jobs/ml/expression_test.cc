#include "jobs/ml/expression.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/pipeline/testing/in_memory_link.h"

namespace millrace::ml {
namespace {

// The value of one expression over a = 2, b = 3, 'c d' = 4; NaN for a column of another name.
double ValueOf(const std::string& text) {
  std::vector<Derivation> derivations;
  EXPECT_EQ(ParseDerivations("x=" + text, &derivations), "") << text;
  if (derivations.size() != 1) return std::nan("");
  std::vector<double> values, scratch;
  for (const ColumnName& column : derivations[0].expression.columns)
    values.push_back(column.name == "a"     ? 2
                     : column.name == "b"   ? 3
                     : column.name == "c d" ? 4
                                            : std::nan(""));
  return derivations[0].expression.Evaluate(values.data(), &scratch);
}

std::string ErrorOf(const std::string& text) {
  std::vector<Derivation> derivations;
  return ParseDerivations(text, &derivations);
}

TEST(Expression, PrecedenceAndOrder) {
  EXPECT_EQ(ValueOf("1+2*3"), 7);
  EXPECT_EQ(ValueOf("(1+2)*3"), 9);
  EXPECT_EQ(ValueOf("10-4-3"), 3);
  EXPECT_EQ(ValueOf("12/3/2"), 2);
  EXPECT_EQ(ValueOf("12/(3/2)"), 8);
  EXPECT_EQ(ValueOf("-a*-b"), 6);
  EXPECT_EQ(ValueOf("a--b"), 5);
  EXPECT_EQ(ValueOf("+-+a"), -2);
  EXPECT_EQ(ValueOf("-a+b"), 1);
  EXPECT_EQ(ValueOf("0.1+0.2"), 0.1 + 0.2);
}

TEST(Expression, NumbersAndNames) {
  EXPECT_EQ(ValueOf(" .5e1 "), 5);
  EXPECT_EQ(ValueOf("5.+1E-2"), 5.01);
  EXPECT_EQ(ValueOf("\"c d\" / a"), 2);
  EXPECT_EQ(ValueOf("a\t*\ta"), 4);
  std::vector<Derivation> two;
  EXPECT_EQ(ParseDerivations(" A.1 = \"x, \"\"y\"\"\" + x2 , \"B C\"=\xC3\xA4_/2", &two), "");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].name.name, "A.1");
  EXPECT_EQ(two[0].name.position, 2u);
  EXPECT_EQ(two[0].expression.columns[0].name, "x, \"y\"");
  EXPECT_EQ(two[0].expression.columns[1].name, "x2");
  EXPECT_EQ(two[1].name.name, "B C");
  EXPECT_EQ(two[1].expression.columns[0].name, "\xC3\xA4_");
  EXPECT_EQ(ParseDerivations("  ", &two), "");
  EXPECT_TRUE(two.empty());
}

TEST(Expression, MissingAndDivisionByZero) {
  EXPECT_TRUE(std::isnan(ValueOf("unknown*0")));
  EXPECT_EQ(ValueOf("a/0"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(ValueOf("0/(a-2)")));
}

TEST(Expression, ErrorsSayWhereAndWhat) {
  EXPECT_EQ(ErrorOf("x=a+"), "at character 5 the text ends, where a number, a column or '(' was expected");
  EXPECT_EQ(ErrorOf("x=a b"), "at character 5 there is 'b', where an operator, ',' or the end was expected");
  EXPECT_EQ(ErrorOf("x a"), "at character 3 there is 'a', where '=' was expected");
  EXPECT_EQ(ErrorOf("x=a,"), "at character 5 the text ends, where the name of the new column was expected");
  EXPECT_EQ(ErrorOf("x=(a*2"), "at character 7 the text ends, where an operator or ')' was expected");
  EXPECT_EQ(ErrorOf("x=a)"), "at character 4 there is ')', where an operator, ',' or the end was expected");
  EXPECT_EQ(ErrorOf("1=a"), "at character 1 there is '1=a', where the name of the new column was expected");
  EXPECT_EQ(ErrorOf("x=\"a"), "at character 3: the quote has no end");
  EXPECT_EQ(ErrorOf("x=1e999"), "at character 3: '1e999' is beyond what a double holds");
  EXPECT_EQ(ErrorOf("x=2e"), "at character 4 there is 'e', where an operator, ',' or the end was expected");
  EXPECT_EQ(ErrorOf("x=."), "at character 3 there is '.', where a number, a column or '(' was expected");
  EXPECT_EQ(ErrorOf("x=a^2"), "at character 4 there is '^2', where an operator, ',' or the end was expected");
  EXPECT_NE(ErrorOf("x=" + std::string(200, '(')).find("nested more than 100 deep"), std::string::npos);
  EXPECT_NE(ErrorOf("x=" + std::string(100'000, '-')).find("nested more than 100 deep"), std::string::npos);
  EXPECT_EQ(ErrorOf("x=" + std::string(90, '(') + "a" + std::string(90, ')')), "");
}

class DeriveTest : public ::testing::Test {
 protected:
  DeriveTest() : job_(link_) {
    Schema schema;
    schema.Add("name", ValueType::kText);
    schema.Add("rooms", ValueType::kDouble);
    schema.Add("homes", ValueType::kDouble);
    Row row{Value::Text("p"), Value::Double(6), Value::Double(4)};
    Row hole{Value::Text("q"), Value::Double(6), Value::Null()};
    row.Own();
    table_.emplace(Table{schema, job_.Values<Row>({row, hole})});
  }
  Table Derive(const std::string& text) {
    std::vector<Derivation> derivations;
    EXPECT_EQ(ParseDerivations(text, &derivations), "");
    return DeriveColumns(job_, *table_, derivations);
  }
  std::string FailureOf(const std::string& text) {
    try {
      Derive(text);
    } catch (const JobAborted& aborted) {
      return aborted.what();
    }
    return "no failure";
  }
  testing::InMemoryLink link_;
  Job job_;
  std::optional<Table> table_;
};

TEST_F(DeriveTest, LaterOnesMayUseEarlierOnes) {
  const Table table = Derive("mean=rooms/homes, twice=2*mean, one=1");
  EXPECT_EQ(table.schema.ToString(),
            "name text, rooms double, homes double, mean double, twice double, one double");
  const std::vector<Row> rows = table.rows.Collect();
  EXPECT_EQ(rows[0][3], Value::Double(1.5));
  EXPECT_EQ(rows[0][4], Value::Double(3));
  EXPECT_EQ(rows[0][0], Value::Text("p"));
  EXPECT_TRUE(rows[1][4].is_null()) << "made of a missing value";
  EXPECT_EQ(rows[1][5], Value::Double(1));
  std::vector<Derivation> derivations;
  EXPECT_EQ(ParseDerivations("mean=rooms/homes, twice=2*mean, more=rooms", &derivations), "");
  EXPECT_EQ(ColumnsOf(derivations), (std::vector<std::string>{"rooms", "homes"}));
}

TEST_F(DeriveTest, RefusesWhatCannotBeMade) {
  EXPECT_EQ(FailureOf("x=1+roms"),
            "--derive, at character 5: there is no column 'roms'. Did you mean 'rooms'?");
  EXPECT_EQ(FailureOf("x=name*2"),
            "--derive, at character 3: column 'name' is not numeric; derived columns are made of numbers");
  EXPECT_EQ(FailureOf("x=1, rooms=2"),
            "--derive, at character 6: there is a column 'rooms' already; give the new one another name");
  EXPECT_EQ(FailureOf("x=y, y=1"), "--derive, at character 3: there is no column 'y'.");
}

}  // namespace
}  // namespace millrace::ml
