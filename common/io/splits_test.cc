#include "common/io/splits.h"

#include "common/io/format.h"
#include "common/io/test_files.h"

namespace millrace::io {
namespace {

class SplitsTest : public IoTest {
 protected:
  std::string Error(std::string_view format, const std::string& path,
                    const std::map<std::string, std::string>& options = {}) {
    const auto planned = Plan(format, path, 0, options);
    std::string out = planned.ok() ? "" : MessageOf(planned.status());
    for (size_t at; (at = out.find(dir_.path())) != out.npos;) out.replace(at, dir_.path().size(), "$");
    return out;
  }
};

TEST_F(SplitsTest, EndAtTheFirstRecordAtOrBehindTheNominalOffset) {
  const pb::FileSource source = MustPlan("text", Put("t", "aaa\nbbb\nccccccccccc\nd\n"), 4);
  std::string cuts;
  for (const pb::Split& split : source.splits()) cuts += StrCat(split.begin(), "-", split.end(), " ");
  EXPECT_EQ(cuts, "0-4 4-8 8-20 20-22 ");
}

TEST_F(SplitsTest, ColumnsAndFacts) {
  auto planned = Plan("csv", Put("t.csv", "a,b\r\n1,2\r\n"));
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_TRUE(planned->has_records);
  ASSERT_EQ(planned->source.columns_size(), 2);
  EXPECT_EQ(planned->source.columns(1), "b");
  planned = Plan("csv", Put("t.csv", "1,\"2,3\",4"), 0, {{"header", "false"}});
  ASSERT_TRUE(planned.ok()) << planned.status();
  ASSERT_EQ(planned->source.columns_size(), 3);
  EXPECT_EQ(planned->source.columns(2), "c2");
  EXPECT_TRUE(planned->has_records);
  for (const char* header : {"a,b", "a,b\n"}) {
    planned = Plan("csv", Put("t.csv", header));
    ASSERT_TRUE(planned.ok()) << planned.status();
    EXPECT_FALSE(planned->has_records);
    EXPECT_EQ(planned->source.splits_size(), 1);
    EXPECT_TRUE(ReadCsv(planned->source).rows.empty());
  }
  planned = Plan("text", Put("t", ""));
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_FALSE(planned->has_records);
  EXPECT_EQ(planned->source.splits_size(), 1);
  planned = Plan("text", Put("t.gz", Gzip("")));
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_FALSE(planned->has_records);
  planned = Plan("csv", Put("t.csv.gz", Gzip("a,b\n1,2\n")));
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_TRUE(planned->has_records);
}

TEST_F(SplitsTest, EmptyPartsBesideFullOnes) {
  Put("d/part-0.csv", "");
  Put("d/part-1.csv", "a,b\n");
  Put("d/part-2.csv", "a,b\n1,2\n");
  const auto planned = Plan("csv", dir_.File("d"));
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_EQ(planned->source.splits_size(), 2);
  EXPECT_EQ(ReadCsv(planned->source).rows.size(), 1u);
}

TEST_F(SplitsTest, HeaderErrors) {
  EXPECT_EQ(Error("csv", Put("e.csv", "")),
            "$/e.csv is empty: a CSV file begins with a header line (or say header=false)");
  EXPECT_EQ(Error("csv", dir_.File("e.csv"), {{"header", "false"}}),
            "$/e.csv is empty: without a line in it the number of columns is not known");
  EXPECT_EQ(Error("csv", Put("t.csv", "a,b,a\n")), "$/t.csv:1: the header names column 'a' twice");
  EXPECT_EQ(Error("csv", Put("q.csv", "a,\"b\nc,d\n")), "$/q.csv:1: a quote in the first line is not closed");
  EXPECT_EQ(Error("csv", Put("r.csv", "a,b\"x\"\n")),
            "$/r.csv:1: a misplaced quote in the column name 'b\"x\"'");
  Put("f/1.csv", "a,b\n");
  Put("f/2.csv", "a,c\n");
  EXPECT_EQ(Error("csv", dir_.File("f")),
            "the headers differ: column 2 is 'c' in $/f/2.csv and 'b' in $/f/1.csv; read files of one header "
            "at a time");
  Put("g/1.csv", "a,b\n");
  Put("g/2.csv.gz", Gzip("a\n"));
  EXPECT_EQ(
      Error("csv", dir_.File("g")),
      "the headers differ: 1 columns in $/g/2.csv.gz, 2 in $/g/1.csv; read files of one header at a time");
}

TEST_F(SplitsTest, FormatOptions) {
  const std::string path = Put("t.csv", "a\n");
  EXPECT_EQ(Error("cvs", path),
            "unknown input format 'cvs'; there are csv, fixed, jsonl, parquet and text. Did you mean 'csv'?");
  EXPECT_EQ(Error("csv", path, {{"delimeter", ";"}}),
            "unknown input option 'delimeter'. Did you mean 'delimiter'?");
  EXPECT_EQ(Error("csv", path, {{"delimiter", ";;"}}),
            "delimiter=';;' must be one byte, and not a quote or a line end; a tab is \"tab\"");
  EXPECT_EQ(Error("csv", path, {{"header", "maybe"}}), "header='maybe' is neither true nor false");
  EXPECT_EQ(Error("fixed", path, {{"record_bytes", "0"}}),
            "record_bytes='0' must be a number from 1 to 1073741824");
  EXPECT_EQ(Error("fixed", path), "input of records of a fixed size needs record_bytes");
}

TEST_F(SplitsTest, QuoteScanOverManyBlocksAndTwoThreads) {
  // Every quote must be counted, wherever it stands in the scan's blocks: rows whose text holds line ends.
  std::string text = "id,text\n";
  while (text.size() < (size_t{9} << 20))
    text += StrCat(text.size(), ",\"x\n\n\"\"y\n", text.size() * 31, "\"\n");
  const std::string path = Put("big.csv", text);
  const pb::FileSource source = MustPlan("csv", path, 100003);
  EXPECT_GT(source.splits_size(), 90);
  for (const pb::Split& split : source.splits()) {
    if (split.first()) continue;
    // A row begins with its own offset.
    EXPECT_TRUE(text.substr(split.begin(), 40).starts_with(StrCat(split.begin(), ",\""))) << split.begin();
    EXPECT_LT(split.begin() % 100003, 100u);
  }
}

TEST_F(SplitsTest, ErrorsOfTheRoomAsErrorsOfTasks) {
  EXPECT_EQ(ToErrorInfo(absl::OkStatus()).kind(), pb::ErrorInfo::NONE);
  EXPECT_EQ(ToErrorInfo(DataLoss("x")).kind(), pb::ErrorInfo::BAD_INPUT);
  EXPECT_TRUE(ToErrorInfo(FailedPrecondition("x")).deterministic());
  EXPECT_EQ(ToErrorInfo(ResourceExhausted("x")).kind(), pb::ErrorInfo::SYSTEM);
  EXPECT_FALSE(ToErrorInfo(ResourceExhausted("x")).deterministic());
}

}  // namespace
}  // namespace millrace::io
