#include "common/base/strings.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "proto/ids.pb.h"

namespace millrace {
namespace {

using namespace std::literals;

TEST(StrCat, TakesEverything) {
  const std::string text = "s";
  EXPECT_EQ(StrCat("a", text, "v"sv, absl::string_view("x"), 'c', true, -1, 2u, int64_t{-3}, uint64_t{4}, 0.5,
                   1.5f),
            "asvxctrue-12-340.51.5");
  EXPECT_EQ(StrCat(), "");
  EXPECT_EQ(StrCat(uint8_t{7}, int16_t{-8}, size_t{9}), "7-89");
  std::string out = "x";
  StrAppend(&out, 1, "y");
  EXPECT_EQ(out, "x1y");
}

TEST(StrSplit, KeepsEmptyPieces) {
  EXPECT_EQ(StrSplit("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(StrSplit("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(StrSplit(",", ','), (std::vector<std::string_view>{"", ""}));
  EXPECT_EQ(StrSplitSkipEmpty(" a ,, b", ','), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(StrJoin(std::vector<int>{1, 2, 3}, ", "), "1, 2, 3");
  EXPECT_EQ(StripBlanks("\t a b\r\n"), "a b");
  EXPECT_EQ(StripBlanks("  "), "");
}

TEST(Quote, ShowsWhatCannotBeSeen) {
  EXPECT_EQ(Quote("a\nb\x01"), "'a\\nb\\x01'");
  EXPECT_EQ(Quote("abcdef", 3), "'abc...'");
  EXPECT_EQ(Quote("ab\xc3\xa4z", 3), "'ab...'") << "no half characters";
  EXPECT_EQ(JsonQuote("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\u0001\"");
  EXPECT_EQ(Hex("\x01\xff"), "01ff");
  EXPECT_EQ(Hex64(0xab), "00000000000000ab");
}

TEST(Human, SizesCountsDurations) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(64 << 20), "64 MiB");
  EXPECT_EQ(HumanBytes((1 << 20) - 1), "1 MiB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "16 EiB");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1234), "1.2k");
  EXPECT_EQ(HumanCount(3'400'000), "3.4M");
  EXPECT_EQ(HumanDuration(0.0005), "0.5 ms");
  EXPECT_EQ(HumanDuration(0.012), "12 ms");
  EXPECT_EQ(HumanDuration(3.44), "3.4 s");
  EXPECT_EQ(HumanDuration(59.9), "1 min");
  EXPECT_EQ(HumanDuration(125), "2 min 5 s");
  EXPECT_EQ(HumanDuration(3720), "1 h 2 min");
  EXPECT_EQ(HumanDuration(200'000), "2 d 8 h");
  EXPECT_EQ(HumanDuration(-1), "0 ms");
}

TEST(ParseBytes, UnitsAndRefusals) {
  EXPECT_EQ(ParseBytes("64MiB"), 64u << 20);
  EXPECT_EQ(ParseBytes("1 GiB"), 1u << 30);
  EXPECT_EQ(ParseBytes("512kib"), 512u << 10);
  EXPECT_EQ(ParseBytes("10B"), 10u);
  EXPECT_EQ(ParseBytes("4096"), 4096u);
  EXPECT_EQ(ParseBytes("2MB"), 2'000'000u);
  EXPECT_EQ(ParseBytes("3k"), 3000u);
  EXPECT_EQ(ParseBytes("1.5GiB"), 3u << 29);
  EXPECT_EQ(ParseBytes("9223372036854775807"), uint64_t{INT64_MAX});
  for (const char* bad : {"", "MiB", "-1", "1XB", "1MiBs", "64 M B", "1ii", "9223372036854775808", "16EiB",
                          "1e3", "99999999999TiB", ".5"}) {
    EXPECT_EQ(ParseBytes(bad), std::nullopt) << bad;
  }
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> jobs = {"wordcount", "stock-returns", "stock-pivot", "kmeans", "sort"};
  EXPECT_EQ(Nearest("wordcuont", jobs), "wordcount");
  EXPECT_EQ(Nearest("Stock-Return", jobs), "stock-returns");
  EXPECT_EQ(Nearest("kmean", jobs), "kmeans");
  EXPECT_EQ(Nearest("stock-p", jobs), "stock-pivot");
  EXPECT_EQ(Nearest("zebra", jobs), "");
  EXPECT_EQ(Nearest("", jobs), "");
  EXPECT_EQ(Nearest("x", {}), "");
  EXPECT_EQ(DidYouMean("srot", jobs), " Did you mean 'sort'?");
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("ab", "ba"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abcdefgh", "", 3), 4u);
}

absl::StatusOr<int> Half(int x) {
  if (x % 2 != 0) return InvalidArgument("odd: ", x);
  return x / 2;
}
absl::Status Quarter(int x, int* out) {
  MR_ASSIGN_OR_RETURN(const int half, Half(x));
  MR_RETURN_IF_ERROR(Half(half));
  MR_ASSIGN_OR_RETURN(*out, Half(half));
  return absl::OkStatus();
}

TEST(Status, MacrosAndMakers) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, &out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(MessageOf(Quarter(6, &out)), "odd: 3");
  EXPECT_EQ(Quarter(5, &out).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(Annotate(NotFound("x"), "while reading")), "while reading: x");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
  EXPECT_EQ(MessageOf(ErrnoStatus(ENOSPC, "write to", "/a")).substr(0, 35),
            "the disk is full while writing /a: ");
}

TEST(Ids, TextBothWays) {
  EXPECT_EQ(JobIdText(12), "j-12");
  EXPECT_EQ(ParseJobId("j-12"), 12u);
  EXPECT_EQ(ParseJobId("12"), 12u);
  for (const char* bad : {"", "j-", "j-0", "j-x", "j--1", "12x", "j-99999999999999999999999"}) {
    EXPECT_EQ(ParseJobId(bad), std::nullopt) << bad;
  }
  pb::AttemptId id;
  id.set_incarnation(5);
  id.set_job(12);
  id.set_stage(3);
  id.set_task(7);
  id.set_attempt(2);
  EXPECT_EQ(AttemptText(id), "j-12/s3/t7#2@5");
  EXPECT_EQ(AttemptFileText(id), "s3-t7-a2-5");
}

TEST(Sha256, Vectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 sha;
  for (int i = 0; i < 1000; ++i) sha.Update(std::string(1000, 'a'));
  EXPECT_EQ(sha.FinishHex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  sha.Update("abc");
  EXPECT_EQ(sha.FinishHex(), Sha256Hex("abc")) << "as new after Finish";
}

TEST(Random, SameNumbersForEver) {
  Random random(0);
  EXPECT_EQ(random.Next(), 0xe220a8397b1dcdafULL);  // SplitMix64's published first output
  Random other(42);
  uint64_t counts[5] = {};
  for (int i = 0; i < 50'000; ++i) ++counts[other.Below(5)];
  for (uint64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 10'000, 400);
  uint64_t thirds[3] = {};  // multiplication alone would favour every third number twice
  for (int i = 0; i < 30'000; ++i) ++thirds[other.Below(uint64_t{3} << 62) % 3];
  for (uint64_t count : thirds) EXPECT_NEAR(static_cast<double>(count), 10'000, 400);
  for (int i = 0; i < 1000; ++i) {
    const double unit = other.Double();
    EXPECT_TRUE(unit >= 0 && unit < 1);
    const int64_t between = other.Between(-2, 2);
    EXPECT_TRUE(between >= -2 && between <= 2);
  }
  EXPECT_NE(Random(1, 0).Next(), Random(1, 1).Next());
  double sum = 0, squares = 0;
  for (int i = 0; i < 20'000; ++i) {
    const double x = other.Normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 20'000, 0, 0.03);
  EXPECT_NEAR(squares / 20'000, 1, 0.05);
}

}  // namespace
}  // namespace millrace
