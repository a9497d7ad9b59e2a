#include "common/io/jsonl_reader.h"

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

using Kind = JsonField::Kind;

class JsonlReaderTest : public IoTest {
 protected:
  // One line of text per record: fields "kind:text" joined by blanks; bad ones begin with "!".
  std::vector<std::string> Read(std::string_view text, const std::vector<std::string>& wanted,
                                uint64_t split_bytes = 0) {
    std::vector<std::string> out;
    const pb::FileSource source = MustPlan("jsonl", Put("t.jsonl", text), split_bytes);
    for (int split = 0; split < source.splits_size(); ++split) {
      JsonlReader reader(source, split, wanted, {}, [&](std::string message, std::string_view) {
        out.push_back("!" + message.substr(message.find("t.jsonl")));
        return true;
      });
      while (reader.Next()) {
        std::string line;
        for (size_t i = 0; i < wanted.size(); ++i) {
          line += StrCat(i == 0 ? "" : " ", "-bnt"[static_cast<int>(reader.field(i).kind)], ":",
                         reader.field(i).text);
        }
        out.push_back(line);
      }
      EXPECT_TRUE(reader.status().ok()) << reader.status();
    }
    return out;
  }
};

using Strings = std::vector<std::string>;

TEST_F(JsonlReaderTest, KindsOfValues) {
  EXPECT_EQ(
      Read("{\"a\":1,\"b\":\"x\\u00e9\\n\"}\n\n{\"b\":null,\"a\":-0.50e1}\r\n{\"a\":true,\"c\":[1,{\"a\":2}]}"
           "\n{}\n"
           "{\"a\":18446744073709551615,\"c\":{\"a\":3}}",
           {"a", "b"}),
      (Strings{"n:1 t:x\xC3\xA9\n", "n:-0.50e1 -:", "b:true -:", "-: -:", "n:18446744073709551615 -:"}));
}

TEST_F(JsonlReaderTest, NestedMembersAreNamedWithDots) {
  EXPECT_EQ(
      Read("{\"u\":{\"n\":\"x\",\"d\":{\"k\":1}},\"n\":2,\"l\":[{\"n\":3}]}\n", {"u.n", "u.d.k", "n", "l.n"}),
      (Strings{"t:x n:1 n:2 -:"}));
}

TEST_F(JsonlReaderTest, BadLinesGoOn) {
  const Strings out = Read(
      "{\"a\":1\n{\"a\":1,\"a\":2}\n[1]\n7\n{\"a\":3}\n{\"a\":\"\xFF\"}\n{\"a\":1} x\n"
      "{\"a\":[1]}\n{\"a\":{}}\n",
      {"a"});
  ASSERT_EQ(out.size(), 9u);
  EXPECT_EQ(out[7], "!t.jsonl:8: member 'a' is a list; only texts, numbers, true and false can be read");
  EXPECT_EQ(out[8], "!t.jsonl:9: member 'a' is an object; only texts, numbers, true and false can be read");
  EXPECT_TRUE(out[0].starts_with("!t.jsonl:1: not JSON, at byte 7 of the line: ")) << out[0];
  EXPECT_EQ(out[1], "!t.jsonl:2: member 'a' stands twice");
  EXPECT_EQ(out[2], "!t.jsonl:3: the line is not a JSON object");
  EXPECT_EQ(out[3], "!t.jsonl:4: the line is not a JSON object");
  EXPECT_EQ(out[4], "n:3");
  EXPECT_TRUE(out[5].starts_with("!t.jsonl:6: not JSON")) << out[5];
  EXPECT_TRUE(out[6].starts_with("!t.jsonl:7: not JSON")) << out[6];
}

TEST_F(JsonlReaderTest, FirstBadLineEndsTheReadingWithoutAHandler) {
  const pb::FileSource source = MustPlan("jsonl", Put("t.jsonl", "{\"a\":1}\nx\n{}\n"));
  JsonlReader reader(source, 0, {"a"}, {});
  ASSERT_TRUE(reader.Next());
  EXPECT_TRUE(reader.Where(0).ends_with("t.jsonl:1, member a"));
  EXPECT_FALSE(reader.Next());
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader.bad_records(), 1u);
}

TEST_F(JsonlReaderTest, DeepNestingIsRefusedNotCrashed) {
  std::string deep = "{\"b\":";
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_EQ(Read(deep + "\n{\"a\":1}\n", {"a"}), (Strings{"!t.jsonl:1: nested more than 200 deep", "n:1"}));
}

TEST_F(JsonlReaderTest, ByteOrderMarkAndSplits) {
  const std::string text = "\xEF\xBB\xBF{\"a\":1}\n{\"a\":22}\n\n{\"a\":\"x\"}";
  for (uint64_t split_bytes = 0; split_bytes < text.size(); ++split_bytes) {
    EXPECT_EQ(Read(text, {"a"}, split_bytes), (Strings{"n:1", "n:22", "t:x"}));
  }
}

TEST_F(JsonlReaderTest, MembersInTheOrderOfTheFile) {
  const pb::FileSource source =
      MustPlan("jsonl", Put("t.jsonl", "{\"b\":1,\"u\":{\"n\":2},\"aa\":0}\nbad\n{\"a\":1}\n{\"z\":1}\n"), 3);
  EXPECT_EQ(SampleMembers(source, 3), (Strings{"b", "u.n", "aa", "a"}));
}

}  // namespace
}  // namespace millrace::io
