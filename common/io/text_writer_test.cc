#include "common/io/text_writer.h"

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

TEST(CsvWriterTest, QuotesOnlyWhereNeeded) {
  std::string out;
  CsvWriter writer(&out);
  writer.Header({"Adj Close", "a,b", ""});
  writer.Text("plain text");
  writer.Text("a,b");
  writer.Text("say \"hi\"");
  writer.EndRow();
  writer.Missing();
  writer.Text("");
  writer.Plain("1.5");
  writer.EndRow();
  writer.Text("two\nlines");
  writer.Text("cr\r");
  writer.BeginField()->append("7");
  writer.EndRow();
  EXPECT_EQ(
      out,
      "Adj Close,\"a,b\",\nplain text,\"a,b\",\"say \"\"hi\"\"\"\n,\"\",1.5\n\"two\nlines\",\"cr\r\",7\n");
  out.clear();
  CsvWriter other(&out, ';');
  other.Text("a,b");
  other.Text("a;b");
  other.EndRow();
  EXPECT_EQ(out, "a,b;\"a;b\"\n");
}

class RoundTripTest : public IoTest {};

TEST_F(RoundTripTest, WhatIsWrittenIsRead) {
  const std::vector<std::string> texts = {"",   "~missing", "x",    "\"",  "\"\"",        ",",
                                          "\n", "\r",       "\r\n", " a ", "a\"b,c\nd\r", "\xC3\xA9"};
  std::string out;
  CsvWriter writer(&out);
  writer.Header({"a", "b"});
  for (const std::string& text : texts) {
    for (int order = 0; order < 2; ++order) {
      if (order == 1) writer.Plain("1");
      if (text == "~missing") {
        writer.Missing();
      } else {
        writer.Text(text);
      }
      if (order == 0) writer.Plain("1");
      writer.EndRow();
    }
  }
  const CsvResult result = ReadCsv(MustPlan("csv", Put("t.csv", out), 5));
  EXPECT_TRUE(result.bad.empty());
  ASSERT_EQ(result.rows.size(), texts.size() * 2);
  for (size_t i = 0; i < result.rows.size(); ++i) {
    const std::string& text = texts[i / 2];
    EXPECT_EQ(result.rows[i][i % 2], text == "~missing" ? "~" : text) << i;
  }
}

TEST(JsonlWriterTest, EscapesAndOrder) {
  std::string out;
  JsonlWriter writer(&out, {"b", "a\"", "c", "d"});
  writer.Text("x\"\\\n\t\r\x01\x7F\xC3\xA9");
  writer.Plain("1.5");
  writer.Missing();
  writer.BeginField()->append("true");
  writer.EndRow();
  writer.Text("");
  writer.Plain("2");
  writer.Plain("3");
  writer.Plain("4");
  writer.EndRow();
  EXPECT_EQ(out,
            "{\"b\":\"x\\\"\\\\\\n\\t\\r\\u0001\x7F\xC3\xA9\",\"a\\\"\":1.5,\"c\":null,\"d\":true}\n"
            "{\"b\":\"\",\"a\\\"\":2,\"c\":3,\"d\":4}\n");
  out.clear();
  JsonlWriter empty(&out, {});
  empty.EndRow();
  EXPECT_EQ(out, "{}\n");
}

TEST(JsonlWriterTest, BrokenUtf8BecomesReplacementCharacters) {
  const std::string mark = "\xEF\xBF\xBD";
  const auto json = [](std::string_view text) {
    std::string out;
    AppendJsonText(text, &out);
    return out.substr(1, out.size() - 2);
  };
  EXPECT_EQ(json("a\xFFz"), "a" + mark + "z");
  EXPECT_EQ(json("\xC0\x80"), mark + mark);             // overlong
  EXPECT_EQ(json("\xE0\x9F\xBF"), mark + mark + mark);  // overlong
  EXPECT_EQ(json("\xED\xA0\x80"), mark + mark + mark);  // surrogate
  EXPECT_EQ(json("\xF4\x90\x80\x80"), mark + mark + mark + mark);
  EXPECT_EQ(json("\xE2\x82"), mark + mark);  // cut off
  for (const char* good :
       {"\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(json(good), good);
  }
}

TEST(TsvTest, RefusesWhatItCannotHold) {
  std::string out;
  EXPECT_TRUE(AppendTsvText("a b\"", &out));
  EXPECT_FALSE(AppendTsvText("a\tb", &out));
  EXPECT_FALSE(AppendTsvText("a\n", &out));
  EXPECT_EQ(out, "a b\"");
}

}  // namespace
}  // namespace millrace::io
