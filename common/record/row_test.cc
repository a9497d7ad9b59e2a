#include "common/record/row.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"

namespace millrace {
namespace {

Value RandomValue(Random* random, const std::string& text) {
  switch (random->Below(8)) {
    case 0:
      return Value::Bool(random->Below(2) == 1);
    case 1:
      return Value::Int64(static_cast<int64_t>(random->Next()));
    case 2:
      return Value::Day({static_cast<int32_t>(random->Next())});
    case 3:
      return Value::Instant({static_cast<int64_t>(random->Next())});
    case 4:
      return Value::Text(std::string_view(text).substr(random->Below(text.size())));
    case 5:
      return Value::Null();
    default:
      return Value::Double(random->Double());
  }
}

TEST(Row, ComesBack) {
  Random random(3);
  const std::string text = "the quick brown fox";
  for (int i = 0; i < 2'000; ++i) {
    Row row;
    Value last = RandomValue(&random, text);
    for (uint64_t left = random.Below(60); left > 0; --left) {
      if (random.Below(3) == 0) last = RandomValue(&random, text);
      row.Add(random.Below(5) == 0 ? Value::Null() : last);
    }
    const std::string bytes = EncodeToString(row);
    Row back;
    ASSERT_TRUE(DecodeAll(bytes, &back));
    ASSERT_EQ(back, row);
    ASSERT_EQ(EncodeToString(back), bytes);
    ASSERT_FALSE(DecodeAll(std::string_view(bytes).substr(0, random.Below(bytes.size())), &back));
  }
}

TEST(Row, AThousandDoublesAreEightBytesEach) {
  Row row;
  for (int i = 0; i < 1000; ++i) row.Add(Value::Double(i * 0.1));
  EXPECT_LE(EncodeToString(row).size(), 8010u);
  for (int i = 0; i < 1000; ++i) row.Add(Value::Null());
  EXPECT_LE(EncodeToString(row).size(), 8010u + 250u);
  Row holes;  // nulls do not end a run
  for (int i = 0; i < 1000; ++i) holes.Add(i % 2 == 0 ? Value::Null() : Value::Double(i));
  EXPECT_LE(EncodeToString(holes).size(), 4010u + 125u);
}

TEST(Row, LyingCountsAreRefused) {
  Row row;
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_FALSE(DecodeAll(huge + std::string(1, '\0'), &row));
  EXPECT_FALSE(DecodeAll(huge + '\1', &row));
  EXPECT_FALSE(DecodeAll(std::string("\x01\0\x00\x01", 4), &row)) << "a run of nulls";
  EXPECT_FALSE(DecodeAll(std::string("\x01\0\x01\x02\x01\x01", 6), &row)) << "a run past the end";
  EXPECT_FALSE(DecodeAll(std::string("\x01\0\x01\x02\x01", 5), &row)) << "a run longer than the row";
}

TEST(Row, OwnsItsTextWhenAsked) {
  Row copy;
  {
    std::string block = "alpha,beta";
    Row row = {Value::Text(std::string_view(block).substr(0, 5)), Value::Int64(7),
               Value::Text(std::string_view(block).substr(6))};
    row.Own();
    copy = row;
    block.assign(block.size(), '?');
    row.SetText(1, "gamma");
    EXPECT_EQ(row[1].AsText(), "gamma");
  }
  EXPECT_EQ(copy[0].AsText(), "alpha");
  EXPECT_EQ(copy[2].AsText(), "beta");
  EXPECT_EQ(copy[1].AsInt64(), 7);
  copy.AddText("delta");
  copy.Own();
  EXPECT_EQ(copy[0].AsText(), "alpha");
  EXPECT_EQ(copy[3].AsText(), "delta");
}

TEST(Value, TextAndEquality) {
  EXPECT_EQ(Value::Null().ToString(), "");
  EXPECT_EQ(Value::Bool(true).ToString(), "true");
  EXPECT_EQ(Value::Int64(-3).ToString(), "-3");
  EXPECT_EQ(Value::Double(2).ToString(), "2.0");
  EXPECT_EQ(Value::Day({0}).ToString(), "1970-01-01");
  EXPECT_EQ(Value::Instant({0}).ToString(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Value::Double(NAN), Value::Double(NAN));
  EXPECT_FALSE(Value::Double(0.0) == Value::Double(-0.0));
  EXPECT_FALSE(Value::Int64(1) == Value::Double(1));
  EXPECT_EQ(Value::Int64(2).AsDouble(), 2.0);
  EXPECT_EQ(ValueTypeName(ValueType::kTimestamp), "timestamp");
}

}  // namespace
}  // namespace millrace
