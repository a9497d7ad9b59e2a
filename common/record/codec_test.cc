#include "common/record/codec.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/record/row.h"
#include "common/record/schema.h"
#include "common/record/testing.h"

namespace millrace {
namespace {

using testing::Colour;
using testing::Nest;
using testing::Nothing;
using testing::Quote;
using testing::Values;
using namespace std::literals;

template <typename T>
class CodecProperties : public ::testing::Test {};

struct Plain {
  double x = 0, y = 0;
  Date day;
  bool flag = false;
  uint8_t small = 0;
};
MR_RECORD(Plain, MR_NAMED(x), MR_NAMED(y), MR_NAMED(day), MR_NAMED(flag), MR_NAMED(small))

using CodecTypes =
    ::testing::Types<bool, int8_t, uint8_t, char, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t,
                     float, double, std::string, Date, Timestamp, Colour, std::optional<std::string>,
                     std::pair<int64_t, std::string>, std::tuple<>, std::tuple<double, bool, int32_t>,
                     std::vector<double>, std::vector<bool>, std::vector<std::vector<std::string>>,
                     std::array<int32_t, 4>, std::array<double, 3>, std::array<int, 0>, Quote, Nothing, Nest,
                     std::vector<Nothing>, std::vector<Nest>, std::optional<Nest>, Plain>;
TYPED_TEST_SUITE(CodecProperties, CodecTypes);

TYPED_TEST(CodecProperties, DecodesToTheSameBytesAndRefusesLess) {
  Values values(11);
  for (int i = 0; i < 3'000; ++i) {
    const auto value = values.Make<TypeParam>();
    const std::string bytes = EncodeToString(value);
    ASSERT_GE(bytes.size(), 1u);
    TypeParam back{};
    ASSERT_TRUE(DecodeAll(bytes, &back));
    ASSERT_EQ(EncodeToString(back), bytes);  // equality of NaN and -0.0 included
    // Over a used object as over a new one.
    auto used = values.Make<TypeParam>();
    ASSERT_TRUE(DecodeAll(bytes, &used));
    ASSERT_EQ(EncodeToString(used), bytes);
    // Cut anywhere, it is refused; with more behind it, the rest is left.
    ASSERT_FALSE(DecodeAll(std::string_view(bytes).substr(0, values.random().Below(bytes.size())), &back));
    const std::string more = bytes + "x";
    ByteReader in(more);
    ASSERT_TRUE(Codec<TypeParam>::Decode(in, &back));
    ASSERT_EQ(in.rest(), "x");
  }
}

TYPED_TEST(CodecProperties, SurvivesNoise) {
  Values values(13);
  for (int i = 0; i < 3'000; ++i) {
    std::string bytes = EncodeToString(values.Make<TypeParam>());
    for (uint64_t flips = 1 + values.random().Below(3); flips > 0; --flips) {
      bytes[values.random().Below(bytes.size())] = static_cast<char>(values.random().Next());
    }
    TypeParam back{};
    if (!DecodeAll(bytes, &back)) continue;
    TypeParam again{};
    ASSERT_TRUE(DecodeAll(EncodeToString(back), &again));
  }
}

TEST(Codec, StatedBytes) {
  EXPECT_EQ(EncodeToString(int32_t{-1}), "\x01"s);
  EXPECT_EQ(EncodeToString(uint64_t{300}), "\xac\x02"s);
  EXPECT_EQ(EncodeToString("ab"s),
            "\x02"
            "ab");
  EXPECT_EQ(EncodeToString(std::optional<bool>(true)), "\x01\x01"s);
  EXPECT_EQ(EncodeToString(Nothing{}), "\0"s);
  EXPECT_EQ(EncodeToString(std::tuple<>{}), "\0"s);
  EXPECT_EQ(EncodeToString(std::monostate{}), "\0"s);
  EXPECT_EQ(EncodeToString(std::vector<double>{1.0}), "\x01\0\0\0\0\0\0\xf0\x3f"s);
  EXPECT_EQ(EncodeToString(std::map<std::string, int>{{"a", 1}}),
            "\x01\x01"
            "a\x02");
}

TEST(Codec, ViewsPointIntoTheBuffer) {
  const std::string bytes = EncodeToString("hello"s);
  std::string_view view;
  ASSERT_TRUE(DecodeAll(bytes, &view));
  EXPECT_EQ(view, "hello");
  EXPECT_EQ(view.data(), bytes.data() + 1);
}

TEST(Codec, RefusesWhatNoEncoderWrites) {
  bool flag;
  EXPECT_FALSE(DecodeAll("\x02", &flag));
  uint64_t number = 5;
  EXPECT_FALSE(DecodeAll("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv, &number));  // 65 bits
  EXPECT_FALSE(DecodeAll("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv, &number));
  EXPECT_EQ(number, 5u);
  uint16_t narrow;
  EXPECT_FALSE(DecodeAll(EncodeToString(uint64_t{65536}), &narrow));
  int16_t narrow_signed;
  EXPECT_FALSE(DecodeAll(EncodeToString(int64_t{-32769}), &narrow_signed));
  std::vector<double> list;
  EXPECT_FALSE(DecodeAll("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv, &list));
  std::vector<Nothing> nothings;
  EXPECT_FALSE(DecodeAll("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv, &nothings));
  std::string text;
  EXPECT_FALSE(DecodeAll("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, &text));
}

TEST(Codec, MapsComeBack) {
  const std::map<std::string, std::vector<int>> map = {{"", {}}, {"a", {1, -2}}, {"b", {3}}};
  std::map<std::string, std::vector<int>> back = {{"z", {1}}};
  ASSERT_TRUE(DecodeAll(EncodeToString(map), &back));
  EXPECT_EQ(back, map);
}

TEST(Describe, NamesTypesAndOrder) {
  EXPECT_EQ(RecordName<Quote>(), "Quote");
  EXPECT_EQ(kFieldCount<Quote>, 4u);
  EXPECT_EQ(kFieldCount<Nothing>, 0u);
  EXPECT_EQ(FieldNames<Quote>(), (std::vector<std::string>{"Symbol", "Date", "Close", "open"}));
  EXPECT_EQ(FieldNameOf<&Quote::close>(), "Close");
  std::vector<size_t> indexes;
  ForEachField<Quote>([&](const auto&, auto index) { indexes.push_back(index); });
  EXPECT_EQ(indexes, (std::vector<size_t>{0, 1, 2, 3}));
  EXPECT_EQ(FieldTypeName<std::string_view>(), "text");
  EXPECT_EQ(FieldTypeName<std::optional<double>>(), "optional double");
  EXPECT_EQ(FieldTypeName<int64_t>(), "int64");
  EXPECT_EQ(FieldTypeName<uint8_t>(), "uint8");
  EXPECT_EQ(FieldTypeName<Timestamp>(), "timestamp");
  EXPECT_EQ(FieldTypeName<std::vector<float>>(), "list of float");
  EXPECT_EQ((FieldTypeName<std::map<std::string, Quote>>()), "map of text to Quote");
}

struct Derived : Quote {};
struct Undescribed {
  int x;
};
static_assert(DescribedRecord<Quote>);
static_assert(!DescribedRecord<Derived>, "a base's description is not the derived class's");
static_assert(!DescribedRecord<Undescribed>);
static_assert(!DescribedRecord<int>);
static_assert(!Encodable<Undescribed>);
static_assert(!Encodable<const char*>);

TEST(Schema, FromARecordAndBack) {
  const Schema schema = SchemaOf<Quote>();
  EXPECT_EQ(schema.ToString(), "Symbol text, Date date, Close double, open bool");
  EXPECT_EQ(schema.Find("Close"), 2u);
  EXPECT_EQ(schema.Find("close"), std::nullopt);
  Schema back;
  ASSERT_TRUE(DecodeAll(EncodeToString(schema), &back));
  EXPECT_EQ(back, schema);
  EXPECT_FALSE(
      DecodeAll("\x01\x01"
                "a\x07"sv,
                &back))
      << "no such type";
  EXPECT_EQ(SchemaOf<Nest>()[1].type, ValueType::kNull);
}

}  // namespace
}  // namespace millrace
