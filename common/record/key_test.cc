#include "common/record/key.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/record/row.h"
#include "common/record/testing.h"

namespace millrace {
namespace {

using testing::Colour;
using testing::Nothing;
using testing::Order;
using testing::Quote;
using testing::Values;
using namespace std::literals;

int Sign(int x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }

template <typename K>
class KeyProperties : public ::testing::Test {};

using KeyTypes =
    ::testing::Types<bool, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t, char,
                     float, double, std::string, Date, Timestamp, Colour, std::optional<int32_t>,
                     std::optional<std::string>, std::optional<double>, std::pair<std::string, int32_t>,
                     std::tuple<std::string, std::string, double>, std::array<std::string, 2>,
                     std::vector<std::string>, std::vector<bool>, Descending<int32_t>,
                     Descending<std::string>, Descending<double>, Descending<std::optional<std::string>>,
                     std::tuple<std::string, Descending<std::string>, int64_t>,
                     Descending<std::tuple<std::string, Descending<double>, std::string>>,
                     std::optional<Descending<std::string>>, Quote, std::tuple<Quote, std::string>,
                     std::optional<std::optional<bool>>, std::tuple<std::optional<std::string>, Date>>;
TYPED_TEST_SUITE(KeyProperties, KeyTypes);

TYPED_TEST(KeyProperties, BytesOrderAsValuesAndComeBack) {
  Values values(7);
  KeyArena arena;
  for (int i = 0; i < 20'000; ++i) {
    const auto a = values.Make<TypeParam>(), b = values.Make<TypeParam>();
    const std::string key_a = EncodeKey(a), key_b = EncodeKey(b);
    const int order = Order(a, b);
    ASSERT_EQ(Sign(key_a.compare(key_b)), order) << Hex(key_a) << " " << Hex(key_b);
    if (order != 0) {
      ASSERT_FALSE(key_a.starts_with(key_b)) << Hex(key_a) << " " << Hex(key_b);
      ASSERT_FALSE(key_b.starts_with(key_a)) << Hex(key_a) << " " << Hex(key_b);
      if (order < 0) {
        ASSERT_LE(KeyPrefix64(key_a), KeyPrefix64(key_b));
      }
    }
    arena.Reset();
    TypeParam back{};
    ASSERT_TRUE(DecodeKey(key_a, &arena, &back));
    ASSERT_EQ(Order(a, back), 0);
    ASSERT_EQ(EncodeKey(back), key_a);

    // Followed by something else, it takes its own bytes and no more.
    std::string_view rest;
    const std::string both = key_a + key_b;
    rest = both;
    ASSERT_TRUE(KeyCodec<TypeParam>::Decode(&rest, &arena, &back));
    ASSERT_EQ(rest, key_b);

    // Cut short, it is no key.
    const std::string_view cut = std::string_view(key_a).substr(0, values.random().Below(key_a.size()));
    ASSERT_FALSE(DecodeKey(cut, &arena, &back)) << Hex(key_a);
  }
}

TEST(Key, StatedBytes) {
  EXPECT_EQ(EncodeKey(int32_t{0}), "\x80\0\0\0"s);
  EXPECT_EQ(EncodeKey(int16_t{-1}), "\x7f\xff"s);
  EXPECT_EQ(EncodeKey(uint16_t{258}), "\x01\x02"s);
  EXPECT_EQ(EncodeKey("ab"s), "ab\0\0"s);
  EXPECT_EQ(EncodeKey(std::string_view("a\0b"sv)),
            "a\0\xff"
            "b\0\0"s);
  EXPECT_EQ(EncodeKey(Descending<uint8_t>{1}), "\xfe"s);
  EXPECT_EQ(EncodeKey(std::optional<bool>()), "\0"s);
  EXPECT_EQ(EncodeKey(Nothing{}), "");
  EXPECT_EQ(EncodeKey(std::tuple<>{}), "");
}

TEST(Key, NumbersThatAreTheSameKey) {
  EXPECT_EQ(EncodeKey(-0.0), EncodeKey(0.0));
  EXPECT_EQ(EncodeKey(-0.0f), EncodeKey(0.0f));
  EXPECT_EQ(EncodeKey(-std::numeric_limits<double>::quiet_NaN()),
            EncodeKey(std::numeric_limits<double>::signaling_NaN()));
  EXPECT_GT(EncodeKey(std::numeric_limits<double>::quiet_NaN()),
            EncodeKey(std::numeric_limits<double>::infinity()));
}

TEST(Key, ViewsPointIntoTheInputUnlessTheyCannot) {
  KeyArena arena;
  std::string_view text;
  const std::string plain = EncodeKey("abc"s), escaped = EncodeKey("a\0c"s);
  ASSERT_TRUE(DecodeKey(plain, &arena, &text));
  EXPECT_EQ(text.data(), plain.data());
  ASSERT_TRUE(DecodeKey(escaped, &arena, &text));
  EXPECT_EQ(text, "a\0c"sv);
  const std::string_view before = text;
  std::string_view other;
  ASSERT_TRUE(DecodeKey(EncodeKey("x\0y"s), &arena, &other));
  EXPECT_EQ(before, "a\0c"sv);
}

TEST(Key, WhatNoEncoderWritesIsRefused) {
  KeyArena arena;
  std::string_view text;
  EXPECT_FALSE(DecodeKey("", &arena, &text));
  EXPECT_FALSE(DecodeKey("abc", &arena, &text));
  EXPECT_FALSE(DecodeKey("abc\0"sv, &arena, &text));
  EXPECT_FALSE(DecodeKey("abc\0\x01"sv, &arena, &text));
  EXPECT_FALSE(DecodeKey("a\0\xff\0\x01"sv, &arena, &text));
  EXPECT_FALSE(DecodeKey("abc\0\0x"sv, &arena, &text));
  EXPECT_FALSE(
      DecodeKey("a\0\x01"
                "b\0\0"sv,
                &arena, &text));
  EXPECT_FALSE(
      DecodeKey("a\0\xff"
                "b\0\x01"
                "c\0\0"sv,
                &arena, &text));
  bool flag;
  EXPECT_FALSE(DecodeKey("\x02", &arena, &flag));
  std::optional<bool> maybe;
  EXPECT_FALSE(DecodeKey("\x02\x01", &arena, &maybe));
}

TEST(Key, ValuesOrderByTypeThenContent) {
  const std::vector<Value> ascending = {
      Value::Null(),    Value::Bool(false),       Value::Bool(true),    Value::Int64(-5),
      Value::Int64(9),  Value::Double(-INFINITY), Value::Double(0.5),   Value::Double(NAN),
      Value::Day({-1}), Value::Day({3}),          Value::Instant({-7}), Value::Instant({8}),
      Value::Text(""),  Value::Text("\0"sv),      Value::Text("a"),     Value::Text("b")};
  KeyArena arena;
  for (size_t i = 0; i < ascending.size(); ++i) {
    const std::string key = EncodeKey(ascending[i]);
    if (i > 0) {
      EXPECT_LT(EncodeKey(ascending[i - 1]), key) << i;
    }
    Value back;
    ASSERT_TRUE(DecodeKey(key, &arena, &back));
    EXPECT_EQ(EncodeKey(back), key);
  }
  Value value;
  EXPECT_FALSE(DecodeKey("\x07", &arena, &value));
}

TEST(Key, RowsOrderValueByValue) {
  const std::vector<Row> ascending = {{},
                                      {Value::Null()},
                                      {Value::Null(), Value::Int64(1)},
                                      {Value::Int64(-1)},
                                      {Value::Int64(2), Value::Text("a\0"sv)},
                                      {Value::Int64(2), Value::Text("b")}};
  KeyArena arena;
  for (size_t i = 0; i < ascending.size(); ++i) {
    const std::string key = EncodeKey(ascending[i]);
    if (i > 0) {
      EXPECT_LT(EncodeKey(ascending[i - 1]), key) << i;
    }
    Row back;
    ASSERT_TRUE(DecodeKey(key, &arena, &back));
    EXPECT_EQ(back, ascending[i]);
    EXPECT_FALSE(DecodeKey(key.substr(0, key.size() - 1), &arena, &back));
  }
}

TEST(Key, ArenaKeepsWhatItGave) {
  KeyArena arena;
  std::vector<std::pair<char*, size_t>> given;
  for (int round = 0; round < 3; ++round) {
    given.clear();
    for (size_t size : {1u, 100u, 5000u, 0u, 70000u, 3u, 4096u}) {
      char* p = arena.Allocate(size);
      std::fill_n(p, size, static_cast<char>(given.size()));
      given.emplace_back(p, size);
    }
    for (size_t i = 0; i < given.size(); ++i) {
      for (size_t j = 0; j < given[i].second; ++j) ASSERT_EQ(given[i].first[j], static_cast<char>(i));
    }
    arena.Reset();
  }
}

static_assert(EncodableKey<std::tuple<std::string_view, Date>>);
static_assert((Descending{1} <=> Descending{2}) > 0);

}  // namespace
}  // namespace millrace
