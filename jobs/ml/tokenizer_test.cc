#include "jobs/ml/tokenizer.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::ml {
namespace {

using Words = std::vector<std::string>;

Words White(std::string_view text) {
  Words words;
  WhiteTokens(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}
Words Ascii(std::string_view text) {
  Words words;
  AsciiTokens(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}
Words Unicode(std::string_view text) {
  Words words;
  UnicodeTokens(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(Tokenizer, WhiteSpaceOfAllWidths) {
  EXPECT_EQ(White("a b\tc\r\nd\ve\ff"), (Words{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(White("a\xc2\x85"
                  "b\xc2\xa0"
                  "c\xe1\x9a\x80"
                  "d\xe2\x80\x8a"
                  "e\xe2\x80\xa8"
                  "f\xe2\x81\x9f"
                  "g\xe3\x80\x80"
                  "h\x1ci"),
            (Words{"a", "b", "c", "d", "e", "f", "g", "h", "i"}));
  EXPECT_EQ(White("a\xe2\x80\x8b"
                  "b \xc2\xa1 \xe2"),
            (Words{"a\xe2\x80\x8b"
                   "b",
                   "\xc2\xa1", "\xe2"}));
  EXPECT_EQ(White(""), Words{});
  EXPECT_EQ(White("\n\n"), Words{});
}

// Words that lie across the borders of the 64-byte steps, in texts of every length.
TEST(Tokenizer, EveryOffset) {
  for (size_t lead = 0; lead < 130; ++lead) {
    const std::string text =
        std::string(lead, ' ') + "word \xc2\xa0Other" + std::string(lead % 7, '\n') + " e";
    EXPECT_EQ(White(text).size(), 3u) << lead;
    EXPECT_EQ(White(text)[1], "Other") << lead;
    EXPECT_EQ(Ascii(text), (Words{"word", "other", "e"})) << lead;
    EXPECT_EQ(Unicode(text), (Words{"word", "other", "e"})) << lead;
  }
}

TEST(Tokenizer, LowerCase) {
  EXPECT_EQ(Ascii("It's RE-USE 3rd"), (Words{"it", "s", "re", "use", "rd"}));
  EXPECT_EQ(Unicode("\xc3\x89"
                    "COLE \xd0\x96\xd0\xa3\xd0\x9a"),
            (Words{"\xc3\xa9"
                   "cole",
                   "\xd0\xb6\xd1\x83\xd0\xba"}));
  EXPECT_EQ(Unicode("\xce\x9f\xce\x94\xce\x9f\xce\xa3"),
            (Words{"\xce\xbf\xce\xb4\xce\xbf\xcf\x82"}));  // final sigma
  EXPECT_EQ(Unicode("x\xcc\x81y A_B1c \xff"
                    "z"),
            (Words{"x", "y", "a", "b", "c", "z"}));
}

}  // namespace
}  // namespace millrace::ml
