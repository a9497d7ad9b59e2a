#include "common/io/csv_reader.h"

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

using Rows = std::vector<std::vector<std::string>>;

class CsvReaderTest : public IoTest {
 protected:
  CsvResult Read(std::string_view text, const std::map<std::string, std::string>& options = {},
                 bool skip_bad = true, const ReaderLimits& limits = {}) {
    return ReadCsv(MustPlan("csv", Put("t.csv", text), 0, options), limits, skip_bad);
  }
};

TEST_F(CsvReaderTest, PlainRows) {
  const CsvResult result = Read("a,b,c\n1,2,3\n,x,\n");
  EXPECT_TRUE(result.status.ok());
  EXPECT_EQ(result.rows, (Rows{{"1", "2", "3"}, {"~", "x", "~"}}));
}

TEST_F(CsvReaderTest, QuotesCommasNewlinesAndDoubledQuotes) {
  EXPECT_EQ(Read("a,b\n\"x,y\",\"l1\nl2\"\n\"say \"\"hi\"\"\",\"\"\"\"\n").rows,
            (Rows{{"x,y", "l1\nl2"}, {"say \"hi\"", "\""}}));
}

TEST_F(CsvReaderTest, QuotedEmptyIsTextUnquotedEmptyIsMissing) {
  EXPECT_EQ(Read("a,b\n\"\",\n,\"\"\n").rows, (Rows{{"", "~"}, {"~", ""}}));
}

TEST_F(CsvReaderTest, CrLfAndNoLineEndAtTheEnd) {
  EXPECT_EQ(Read("a,b\r\n1,2\r\n\"q\r\nr\",\"s\"\r\n3,").rows,
            (Rows{{"1", "2"}, {"q\r\nr", "s"}, {"3", "~"}}));
  EXPECT_EQ(Read("a,b\n1,2").rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(Read("a,b\n1,\r").rows, (Rows{{"1", "~"}}));
}

TEST_F(CsvReaderTest, ByteOrderMarkAndQuotedHeader) {
  const pb::FileSource source = MustPlan("csv", Put("t.csv", "\xEF\xBB\xBF\"a \"\"b\"\"\",\"c,\nd\"\n1,2\n"));
  EXPECT_EQ(source.columns(0), "a \"b\"");
  EXPECT_EQ(source.columns(1), "c,\nd");
  EXPECT_EQ(ReadCsv(source).rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "1,2\n",
                 {{"header", "false"}})
                .rows,
            (Rows{{"1", "2"}}));
}

TEST_F(CsvReaderTest, Delimiters) {
  EXPECT_EQ(Read("a;b\n1,5;\"x;y\"\n", {{"delimiter", ";"}}).rows, (Rows{{"1,5", "x;y"}}));
  EXPECT_EQ(Read("a\tb\n1\t2\n", {{"delimiter", "tab"}}).rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(Read("1|2\n", {{"delimiter", "|"}, {"header", "false"}}).rows, (Rows{{"1", "2"}}));
}

TEST_F(CsvReaderTest, QuotesAsOrdinaryBytes) {
  EXPECT_EQ(Read("a,b\n5\",6\n", {{"quote", "false"}}).rows, (Rows{{"5\"", "6"}}));
}

TEST_F(CsvReaderTest, BlankLines) {
  EXPECT_EQ(Read("a,b\n\n1,2\n\r\n\n").rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(Read("a\n\n1\n").rows, (Rows{{"~"}, {"1"}}));
}

TEST_F(CsvReaderTest, WantedColumnsInAnyOrderAndTwice) {
  const pb::FileSource source = MustPlan("csv", Put("t.csv", "a,b,c\n1,2,3\n\"4\",\"5\",\"6\"\r\n"));
  CsvReader reader(source, 0, {2, 0, -1, 2}, {});
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(0).text, "3");
  EXPECT_EQ(reader.field(1).text, "1");
  EXPECT_TRUE(reader.field(2).missing());
  EXPECT_EQ(reader.field(3).text, "3");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(0).text, "6");
  EXPECT_TRUE(reader.field(0).quoted);
  EXPECT_TRUE(reader.field(2).missing());
  EXPECT_EQ(reader.raw(), "\"4\",\"5\",\"6\"\r");
  EXPECT_TRUE(reader.Where(0).ends_with("t.csv:3, column c")) << reader.Where(0);
  EXPECT_FALSE(reader.Next());
  EXPECT_EQ(reader.records(), 2u);
}

TEST_F(CsvReaderTest, WrongNumberOfFieldsGoesOn) {
  const CsvResult result = Read("a,b\n1\n2,3\n4,5,6\n\"7\",8,9\n10,11\n");
  EXPECT_EQ(result.rows, (Rows{{"2", "3"}, {"10", "11"}}));
  ASSERT_EQ(result.bad.size(), 3u);
  EXPECT_NE(result.bad[0].find("t.csv:2: 1 field, but the header has 2"), std::string::npos) << result.bad[0];
  EXPECT_NE(result.bad[1].find("t.csv:4: 3 fields, but the header has 2"), std::string::npos)
      << result.bad[1];
  EXPECT_EQ(result.raw_bad[2], "\"7\",8,9");
}

TEST_F(CsvReaderTest, FirstBadRecordEndsTheReadingWithoutAHandler) {
  const CsvResult result = Read("a,b\n1,2\n1\n2,3\n", {}, false);
  EXPECT_EQ(result.rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CsvReaderTest, UnterminatedQuoteNamesTheLineWhereItOpens) {
  const CsvResult result = Read("a,b\n1,2\n3,\"open\nand on\n");
  EXPECT_EQ(result.rows, (Rows{{"1", "2"}}));
  ASSERT_EQ(result.bad.size(), 1u);
  EXPECT_NE(result.bad[0].find("t.csv:3, column b: a quote that is not closed"), std::string::npos)
      << result.bad[0];
}

TEST_F(CsvReaderTest, LoneQuoteIsNotAnEmptyText) {
  const CsvResult result = Read("a,b\n1,\"");
  EXPECT_TRUE(result.rows.empty());
  ASSERT_EQ(result.bad.size(), 1u);
  EXPECT_NE(result.bad[0].find("a quote that is not closed"), std::string::npos) << result.bad[0];
}

TEST_F(CsvReaderTest, MisplacedQuotes) {
  const CsvResult result = Read("a,b\n5\" x 6\",2\n\"x\"y,3\n\"m\nn\",\"p\" \n1,2\n");
  EXPECT_EQ(result.rows, (Rows{{"1", "2"}}));
  ASSERT_EQ(result.bad.size(), 3u);
  EXPECT_NE(result.bad[0].find("t.csv:2, column a: a quote inside a text"), std::string::npos)
      << result.bad[0];
  EXPECT_NE(result.bad[1].find("t.csv:3, column a: text behind the closing quote"), std::string::npos)
      << result.bad[1];
  EXPECT_NE(result.bad[2].find("t.csv:5, column b: text behind"), std::string::npos) << result.bad[2];
}

TEST_F(CsvReaderTest, LongRecordsAreRejectedWhateverTheBuffer) {
  const std::string longer(50, 'x');
  const std::string text = "a,b\n1,2\n" + longer + ",3\n4,5\n\"" + longer + "\n" + longer + "\",7\n8,9\n";
  for (const uint64_t buffer : {1, 3, 16, 64, 100, 1 << 20}) {
    ReaderLimits limits;
    limits.max_record_bytes = 40;
    limits.buffer_bytes = buffer;
    const CsvResult result = Read(text, {}, true, limits);
    EXPECT_EQ(result.rows, (Rows{{"1", "2"}, {"4", "5"}, {"8", "9"}})) << buffer;
    ASSERT_EQ(result.bad.size(), 2u) << buffer;
    EXPECT_NE(result.bad[0].find("record longer than max_record_bytes=40 at "), std::string::npos);
    EXPECT_NE(result.bad[0].find("t.csv:3 "), std::string::npos) << result.bad[0];
  }
  ReaderLimits limits;
  limits.max_record_bytes = 53;
  limits.buffer_bytes = 7;
  EXPECT_EQ(Read(text, {}, true, limits).bad.size(), 1u);
}

TEST_F(CsvReaderTest, HandlerThatSaysStopEndsTheReading) {
  const pb::FileSource source = MustPlan("csv", Put("t.csv", "a,b\n1\n2,3\n"));
  CsvReader reader(source, 0, {0}, {}, [](std::string, std::string_view) { return false; });
  EXPECT_FALSE(reader.Next());
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.status().ok());
  EXPECT_EQ(reader.bad_records(), 1u);
}

// The rule that holds the room together: the splits of a file give the records of the file.
TEST_F(CsvReaderTest, SplitsAtEveryOffsetGiveTheSameRecords) {
  const std::vector<std::string> texts = {
      "a,b\n1,2\n3,4\n",
      "a,b\r\n1,\"x\r\ny\"\r\n\"\",\r\n5,6",
      "\xEF\xBB\xBF\"a\",\"b\nb\"\n\"1\n\n\",\"\"\"\n\"\"\"\n,\n\"\n\n\n\",2\n\n\n3,4\n",
      "a,b\n\"1\",2\nbad\n3,\"4\"\"\"\nx\"y,z\"w\n5,6\n7,\"never closed\n8,9\n",
      "a,b\n" + std::string(200, 'x') + ",1\n\"" + std::string(100, '\n') + "\",2\n3,4\n",
      "a,b\n\n\n\r\n1,2",
  };
  for (const std::string& text : texts) {
    const std::string path = Put("s.csv", text);
    const CsvResult whole = ReadCsv(MustPlan("csv", path));
    for (uint64_t split_bytes = 1; split_bytes <= text.size() + 1; ++split_bytes) {
      const pb::FileSource source = MustPlan("csv", path, split_bytes);
      uint64_t at = 0;
      for (const pb::Split& split : source.splits()) {
        EXPECT_EQ(split.begin(), at);
        EXPECT_LT(split.begin(), split.end());
        EXPECT_EQ(split.first(), at == 0);
        at = split.end();
      }
      EXPECT_EQ(at, text.size());
      ReaderLimits limits;
      limits.buffer_bytes = 1 + split_bytes % 37;
      const CsvResult split = ReadCsv(source, limits);
      EXPECT_EQ(split.rows, whole.rows) << split_bytes;
      EXPECT_EQ(split.bad, whole.bad) << split_bytes;
      EXPECT_EQ(split.raw_bad, whole.raw_bad) << split_bytes;
    }
  }
}

TEST_F(CsvReaderTest, LargeFileOfMixedRowsOverBlockBorders) {
  std::string text = "id,text,number\n";
  Rows expected;
  uint64_t x = 88172645463325252u;
  for (int i = 0; i < 20000; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const std::string id = StrCat(i), number = StrCat(x % 100000);
    std::string body(x % 61, static_cast<char>('a' + i % 26));
    // Long stretches without a quote, so that blocks change between the quick path and the careful one.
    if ((i / 3000) % 2 == 1 && x % 5 == 0) body += "\n,\"";
    std::string quoted;
    for (const char c : body) quoted += c == '"' ? "\"\"" : std::string(1, c);
    text += id + "," + (body.find('"') == body.npos ? body : "\"" + quoted + "\"") + "," + number + "\n";
    expected.push_back({id, body.empty() ? "~" : body, number});
  }
  const std::string path = Put("large.csv", text);
  for (const uint64_t split_bytes : {uint64_t{0}, uint64_t{1000}, uint64_t{77777}}) {
    ReaderLimits limits;
    limits.buffer_bytes = split_bytes == 1000 ? 4096 : 100000;
    const CsvResult result = ReadCsv(MustPlan("csv", path, split_bytes), limits);
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.bytes, text.size());
    EXPECT_TRUE(result.rows == expected) << split_bytes;
  }
}

TEST_F(CsvReaderTest, CompressedFilesReadAlike) {
  const std::string text = "a,b\n1,\"x\ny\"\n3,4\n";
  const CsvResult plain = Read(text);
  const std::string two_members = Gzip(text.substr(0, 9)) + Gzip(text.substr(9));
  const std::vector<std::pair<std::string, std::string>> files = {
      {"t.csv.gz", Gzip(text)},
      {"u.csv.gz", two_members},
      {"t.csv.zst", Zstd(text)},
      {"u.csv.zst", Zstd("a,b\n") + Zstd(text.substr(4))}};
  for (const auto& [name, bytes] : files) {
    const pb::FileSource source = MustPlan("csv", Put(name, bytes), 5);
    ASSERT_EQ(source.splits_size(), 1) << name;
    for (const uint64_t buffer : {1, 4, 1000}) {
      ReaderLimits limits;
      limits.buffer_bytes = buffer;
      EXPECT_EQ(ReadCsv(source, limits).rows, plain.rows) << name;
    }
  }
}

TEST_F(CsvReaderTest, BrokenCompressionIsSaid) {
  std::string text = "a,b\n";
  for (int i = 0; i < 60000; ++i) text += StrCat(i * 7919 % 10007, ",", i, "\n");
  for (const bool gzip : {true, false}) {
    const std::string whole = gzip ? Gzip(text) : Zstd(text);
    const std::string name = gzip ? "t.csv.gz" : "t.csv.zst";
    CsvResult result = ReadCsv(MustPlan("csv", Put(name, whole.substr(0, whole.size() - 3))));
    EXPECT_EQ(result.status.code(), absl::StatusCode::kDataLoss) << result.status;
    std::string flipped = whole;
    flipped[whole.size() * 3 / 4] ^= 0x10;
    flipped[whole.size() * 3 / 4 + 1] ^= 0x55;
    result = ReadCsv(MustPlan("csv", Put(name, flipped)));
    EXPECT_FALSE(result.status.ok() && result.bad.empty() && result.rows.size() == 60000u);
  }
  EXPECT_FALSE(Plan("csv", Put("n.csv.gz", "a,b\n1,2\n")).ok());
}

TEST_F(CsvReaderTest, FileThatChangesIsRefused) {
  const std::string path = Put("t.csv", "a,b\n1,2\n");
  const pb::FileSource source = MustPlan("csv", path);
  Put("t.csv", "a,b\n1,2\n3,4\n");
  CsvResult result = ReadCsv(source);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(result.status).find("changed while the job was running (size was 8, is 12)"),
            std::string::npos)
      << result.status;
  ASSERT_TRUE(RemoveFile(path).ok());
  result = ReadCsv(source);
  EXPECT_NE(MessageOf(result.status).find("it is gone"), std::string::npos) << result.status;
}

TEST_F(CsvReaderTest, FileReplacedWhileItIsReadIsNoticedAtTheEnd) {
  std::string text = "a,b\n";
  for (int i = 0; i < 1000; ++i) text += "1,2\n";
  const pb::FileSource source = MustPlan("csv", Put("t.csv", text));
  ReaderLimits limits;
  limits.buffer_bytes = 64;
  CsvReader reader(source, 0, {0}, limits);
  ASSERT_TRUE(reader.Next());
  Put("t.csv", text + "3,4\n");  // a new file under the name; the reader's descriptor still has the old one
  while (reader.Next()) {
  }
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace millrace::io
