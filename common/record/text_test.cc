// Dates, parsing and formatting.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/base/random.h"
#include "common/base/strings.h"
#include "common/record/date.h"
#include "common/record/format.h"
#include "common/record/hash.h"
#include "common/record/parse.h"

namespace millrace {
namespace {

uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

TEST(Date, KnownDays) {
  EXPECT_EQ(Date::FromCivil(1970, 1, 1).days, 0);
  EXPECT_EQ(Date::FromCivil(2000, 3, 1).days, 11017);
  EXPECT_EQ(Date::FromCivil(2023, 1, 3).days, 19360);
  EXPECT_EQ(Date::FromCivil(1969, 12, 31).days, -1);
  EXPECT_EQ(Date::FromCivil(1, 1, 1).days, -719162);
  EXPECT_EQ(Date::FromCivil(2023, 1, 3).weekday(), 2);
  EXPECT_EQ(Date::FromCivil(1969, 12, 28).weekday(), 7);
  EXPECT_EQ(Date::FromCivil(2024, 12, 31).day_of_year(), 366);
}

TEST(Date, EveryDayOfManyYearsInStep) {
  int32_t days = Date::FromCivil(-401, 1, 1).days;
  for (int year = -401; year <= 2402; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= DaysInMonth(year, month); ++day, ++days) {
        const Date date = Date::FromCivil(year, month, day);
        ASSERT_EQ(date.days, days);
        ASSERT_EQ(date.year(), year);
        ASSERT_EQ(date.month(), month);
        ASSERT_EQ(date.day(), day);
      }
    }
  }
}

TEST(Date, TextBothWays) {
  Date date;
  ASSERT_TRUE(ParseDate("2023-01-03", &date));
  EXPECT_EQ(date.ToString(), "2023-01-03");
  for (const char* bad :
       {"", "2023-1-3", "2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "2023-01-32", " 2023-01-03",
        "2023-01-03 ", "20230103", "2023/01/03", "02023-01-03", "+2023-01-03", "--2023-01-03", "abcd-01-01",
        "2023-0a-01", "202/-01-01", "2023-01-0:", "2023-01-031"}) {
    EXPECT_FALSE(ParseDate(bad, &date)) << bad;
  }
  EXPECT_EQ(date.ToString(), "2023-01-03");
  Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    const Date any{static_cast<int32_t>(random.Between(-1'000'000'000, 1'000'000'000)) >> random.Below(24)};
    Date back;
    ASSERT_TRUE(ParseDate(any.ToString(), &back)) << any.ToString();
    ASSERT_EQ(any, back);
  }
}

TEST(Timestamp, TextBothWays) {
  const auto parse = [](std::string_view text) {
    Timestamp out{-12345};
    return ParseTimestamp(text, &out) ? out.ToString() : "refused";
  };
  EXPECT_EQ(parse("2023-01-03T09:30:00Z"), "2023-01-03T09:30:00Z");
  EXPECT_EQ(parse("2023-01-03 09:30"), "2023-01-03T09:30:00Z");
  EXPECT_EQ(parse("2023-01-03"), "2023-01-03T00:00:00Z");
  EXPECT_EQ(parse("2023-01-03T00:30:00+01:00"), "2023-01-02T23:30:00Z");
  EXPECT_EQ(parse("2023-01-03T00:30:00.25-0530"), "2023-01-03T06:00:00.250000Z");
  EXPECT_EQ(parse("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(parse("2023-01-03T09:30:00.123456000Z"), "2023-01-03T09:30:00.123456Z");
  for (const char* bad : {"", "2023-01-03T", "2023-01-03T24:00:00", "2023-01-03T09:60", "2023-01-03T09:30:60",
                          "2023-01-03T09:30:00.", "2023-01-03T09:30:00.1234567Z", "2023-01-03T09:30:00+25:00",
                          "2023-01-03T09:30:00Zx", "2023-01-03x09:30"}) {
    EXPECT_EQ(parse(bad), "refused") << bad;
  }
  Random random(6);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp any{random.Between(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000) >>
                        random.Below(40)};
    Timestamp back;
    ASSERT_TRUE(ParseTimestamp(any.ToString(), &back)) << any.ToString();
    ASSERT_EQ(any, back);
    ASSERT_EQ(any.date().days * Timestamp::kMicrosPerDay + any.micros_of_day(), any.micros);
  }
}

TEST(ParseDouble, AsStrtod) {
  Random random(9);
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    if (random.Below(3) == 0) text += random.Below(2) == 0 ? "-" : "+";
    const uint64_t whole = random.Below(random.Below(3) == 0 ? 24 : 8),
                   fraction = random.Below(random.Below(3) == 0 ? 24 : 8);
    for (uint64_t d = 0; d < whole; ++d) text += static_cast<char>('0' + random.Below(10));
    if (fraction > 0 || random.Below(4) == 0) text += '.';
    for (uint64_t d = 0; d < fraction; ++d) text += static_cast<char>('0' + random.Below(10));
    if (random.Below(4) == 0) text += "e" + std::to_string(random.Between(-340, 320));
    double value = 42;
    const bool good = ParseDouble(text, &value);
    if (whole + fraction == 0) {
      ASSERT_FALSE(good) << text;
      continue;
    }
    const double expected = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(good, !std::isinf(expected)) << text;
    if (good) {
      ASSERT_EQ(Bits(value), Bits(expected)) << text;
    }
    float single;
    const float expected_single = std::strtof(text.c_str(), nullptr);
    ASSERT_EQ(ParseFloat(text, &single), !std::isinf(expected_single)) << text;
    if (!std::isinf(expected_single)) {
      ASSERT_EQ(std::bit_cast<uint32_t>(single), std::bit_cast<uint32_t>(expected_single)) << text;
    }
  }
}

// Texts that as doubles fall just between two floats, though they are a little to one side.
TEST(ParseFloat, IsNotRoundedTwice) {
  Random random(12);
  int between = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float low = static_cast<float>(1 + 8 * random.Double());
    const double middle = (static_cast<double>(low) + std::nextafter(low, 100.0f)) / 2;
    char text[32];
    std::snprintf(text, sizeof(text), "%.15f", middle);
    between += std::strtod(text, nullptr) == middle ? 1 : 0;
    float value;
    ASSERT_TRUE(ParseFloat(text, &value));
    ASSERT_EQ(value, std::strtof(text, nullptr)) << text;
  }
  EXPECT_GT(between, 1000);
}

TEST(ParseDouble, EdgesAndRefusals) {
  double value = 7;
  for (const char* bad :
       {"",    "+",    "-",     ".",      "e5",   "1e",     "1e+",   "+-1",   "--1", " 1", "1 ",
        "1,5", "0x10", "1e999", "-1e999", "nanx", "nan(1)", "infin", "1.5.2", "1_0", "1f", "\xd9\xa1"}) {
    EXPECT_FALSE(ParseDouble(bad, &value)) << bad;
  }
  EXPECT_EQ(value, 7);
  const auto parse = [](std::string_view text) {
    double out = 0.12345;
    EXPECT_TRUE(ParseDouble(text, &out)) << text;
    return out;
  };
  EXPECT_EQ(parse("5."), 5);
  EXPECT_EQ(parse(".5"), 0.5);
  EXPECT_EQ(Bits(parse("-0")), Bits(-0.0));
  EXPECT_EQ(parse("1e-999"), 0);
  EXPECT_EQ(parse("4.9406564584124654e-324"), 0x1p-1074);
  EXPECT_EQ(parse("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(parse("18446744073709551617"), 18446744073709551616.0);
  EXPECT_EQ(parse("0.00000000000000000000000000001"), 1e-29);
  EXPECT_EQ(parse("00000000000000000000000000000012.5"), 12.5);
  EXPECT_EQ(parse("INF"), INFINITY);
  EXPECT_EQ(parse("-Infinity"), -INFINITY);
  EXPECT_TRUE(std::isnan(parse("NaN")));
}

TEST(ParseInt, EdgesAndRefusals) {
  const auto parse = [](std::string_view text) {
    int64_t out = -77;
    return ParseInt64(text, &out) ? std::to_string(out) : "refused";
  };
  EXPECT_EQ(parse("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(parse("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(parse("+12"), "12");
  EXPECT_EQ(parse("-0"), "0");
  EXPECT_EQ(parse("00000000000000000000000000042"), "42");
  for (const char* bad : {"", "+", "-", "-+1", "+-1", "1.0", " 1", "1 ", "9223372036854775808",
                          "-9223372036854775809", "99999999999999999999999", "12a", "0x1"}) {
    EXPECT_EQ(parse(bad), "refused") << bad;
  }
  uint64_t big = 0;
  EXPECT_TRUE(ParseUint64("18446744073709551615", &big));
  EXPECT_EQ(big, ~uint64_t{0});
  EXPECT_FALSE(ParseUint64("18446744073709551616", &big));
  EXPECT_FALSE(ParseUint64("-1", &big));
  int8_t small = 0;
  EXPECT_TRUE(ParseInt("-128", &small));
  EXPECT_FALSE(ParseInt("128", &small));
  uint8_t byte = 0;
  EXPECT_TRUE(ParseInt("255", &byte));
  EXPECT_FALSE(ParseInt("256", &byte));
  bool flag = false;
  EXPECT_TRUE(ParseBool("True", &flag) && flag);
  EXPECT_TRUE(ParseBool("no", &flag) && !flag);
  EXPECT_FALSE(ParseBool("2", &flag));
}

TEST(Format, DoublesAsStated) {
  EXPECT_EQ(FormatDouble(0.0), "0.0");
  EXPECT_EQ(FormatDouble(-0.0), "0.0");
  EXPECT_EQ(FormatDouble(100000), "100000.0");
  EXPECT_EQ(FormatDouble(-3), "-3.0");
  EXPECT_EQ(FormatDouble(0.1), "0.1");
  EXPECT_EQ(FormatDouble(0.0001), "0.0001");
  EXPECT_EQ(FormatDouble(0.00001), "1e-05");
  EXPECT_EQ(FormatDouble(1e15), "1000000000000000.0");
  EXPECT_EQ(FormatDouble(9007199254740994.0), "9007199254740994.0");
  EXPECT_EQ(FormatDouble(1e16), "1e+16");
  EXPECT_EQ(FormatDouble(0.010314231379827232), "0.010314231379827232");
  EXPECT_EQ(FormatDouble(NAN), "");
  EXPECT_EQ(FormatDouble(-INFINITY), "-inf");
  std::string single;
  AppendFloat(0.1f, &single);
  AppendFloat(123456792.0f, &single);
  EXPECT_EQ(single, "0.1123456792.0");
}

TEST(Format, DoublesComeBackAndAreShortest) {
  Random random(10);
  for (int i = 0; i < 200'000; ++i) {
    double value = std::bit_cast<double>(random.Next());
    if (i % 2 == 0) value = static_cast<double>(random.Between(-1'000'000'000, 1'000'000'000)) / 1e4;
    if (std::isnan(value)) continue;
    const std::string text = FormatDouble(value);
    double back;
    ASSERT_TRUE(ParseDouble(text, &back)) << text;
    ASSERT_EQ(back, value) << text;
    ASSERT_NE(text.find_first_of(".ein"), std::string::npos) << text;
    size_t digits = 0;  // that count
    for (char c : text.substr(0, text.find('e')))
      digits += c >= '1' && c <= '9' ? 1 : c == '0' && digits > 0 ? 1 : 0;
    if (digits > 1 && text.find('e') != std::string::npos) {
      char shorter[64];
      std::snprintf(shorter, sizeof(shorter), "%.*e", static_cast<int>(digits) - 2, value);
      ASSERT_NE(std::strtod(shorter, nullptr), value) << text << " " << shorter;
    }
    const float single = static_cast<float>(value);
    if (std::isinf(single)) continue;
    std::string single_text;
    AppendFloat(single, &single_text);
    float single_back;
    ASSERT_TRUE(ParseFloat(single_text, &single_back)) << single_text;
    ASSERT_EQ(single_back, single) << single_text;
  }
}

TEST(Format, TheRest) {
  std::string out;
  AppendInt(INT64_MIN, &out);
  AppendUint(UINT64_MAX, &out);
  AppendBool(false, &out);
  AppendDate(Date::FromCivil(-44, 3, 15), &out);
  AppendDate(Date::FromCivil(12345, 1, 2), &out);
  EXPECT_EQ(out, "-922337203685477580818446744073709551615false-00044-03-15+12345-01-02");
  EXPECT_EQ(FormatDate(Date::FromCivil(7, 1, 2)), "0007-01-02");
}

TEST(Hash, StaysTheSameForEver) {
  EXPECT_EQ(StableHash(""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(Hex(DigestOf("")), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(StableHash("millrace"), StableHash(std::string("millrace")));
  EXPECT_NE(StableHash("millrace", 1), StableHash("millrace"));
  Digest128 digest;
  const std::string text(100'000, 'x');
  for (size_t at = 0, step = 1; at < text.size(); at += step, step = step * 3 + 1) {
    digest.Update(std::string_view(text).substr(at, step));
  }
  EXPECT_EQ(digest.Finish(), DigestOf(text));
  EXPECT_EQ(digest.Finish(), DigestOf(text));
  digest.Reset();
  EXPECT_EQ(digest.Finish(), DigestOf(""));
}

}  // namespace
}  // namespace millrace
