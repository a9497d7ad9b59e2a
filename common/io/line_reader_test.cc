#include "common/io/line_reader.h"

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

struct Lines {
  std::vector<std::string> lines, bad;
  absl::Status status;
  bool operator==(const Lines& other) const { return lines == other.lines && bad == other.bad; }
};

Lines ReadLines(const pb::FileSource& source, const ReaderLimits& limits = {}) {
  Lines result;
  for (int split = 0; split < source.splits_size() && result.status.ok(); ++split) {
    LineReader reader(source, split, limits, [&](std::string message, std::string_view) {
      result.bad.push_back(std::move(message));
      return true;
    });
    while (reader.Next()) result.lines.emplace_back(reader.line());
    EXPECT_FALSE(reader.Next());
    result.status = reader.status();
    if (result.status.ok()) {
      EXPECT_EQ(reader.bytes_consumed(), source.splits(split).end() - source.splits(split).begin());
    }
  }
  return result;
}

std::string ReadBlocks(const pb::FileSource& source, const ReaderLimits& limits, size_t* bad) {
  std::string all;
  for (int split = 0; split < source.splits_size(); ++split) {
    LineReader reader(source, split, limits, [&](std::string, std::string_view) { return ++*bad, true; });
    std::string_view block;
    while (reader.NextBlock(&block)) {
      EXPECT_FALSE(block.empty());
      all += block;
      if (block.back() != '\n') all += "$";  // the end of the file only
    }
    EXPECT_TRUE(reader.status().ok()) << reader.status();
    EXPECT_EQ(reader.bytes_consumed(), source.splits(split).end() - source.splits(split).begin());
  }
  return all;
}

using LineReaderTest = IoTest;
using Strings = std::vector<std::string>;

TEST_F(LineReaderTest, LinesEndWithLf) {
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", "a\n\nb\r\nc"))).lines, (Strings{"a", "", "b\r", "c"}));
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", "a\n"))).lines, (Strings{"a"}));
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", "\n"))).lines, (Strings{""}));
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", ""))).lines, (Strings{}));
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", "a\r\n\r\n\r"), 0, {{"strip_cr", "true"}})).lines,
            (Strings{"a", "", ""}));
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t", std::string("\xEF\xBB\xBF\0x\n", 6)))).lines,
            (Strings{std::string("\xEF\xBB\xBF\0x", 5)}));
}

TEST_F(LineReaderTest, EverySplitAndBufferGivesTheSameLinesAndBlocks) {
  const std::string text =
      "one\n\n\nfour\r\n" + std::string(70, 'x') + "\nsix\n" + std::string(64, 'y') + "\nlast";
  const std::string path = Put("t", text);
  const Lines whole = ReadLines(MustPlan("text", path));
  EXPECT_EQ(whole.lines.size(), 8u);
  for (uint64_t split_bytes = 1; split_bytes <= text.size() + 1; ++split_bytes) {
    const pb::FileSource source = MustPlan("text", path, split_bytes);
    for (const uint64_t buffer : {1, 7, 64, 65, 1000}) {
      ReaderLimits limits;
      limits.buffer_bytes = buffer;
      EXPECT_TRUE(ReadLines(source, limits) == whole);
      size_t bad = 0;
      EXPECT_EQ(ReadBlocks(source, limits, &bad), text + "$");
      EXPECT_EQ(bad, 0u);
    }
  }
}

TEST_F(LineReaderTest, LongLinesAreRejectedWhateverTheBuffer) {
  const std::string text = std::string(41, 'x') + "\nab\n" + std::string(300, 'y') + "\n" +
                           std::string(300, 'z') + "\n" + std::string(40, 'o') + "\ncd\n" +
                           std::string(41, 'w');
  const std::string path = Put("t", text);
  for (const uint64_t buffer : {1, 10, 41, 42, 64, 100, 10000}) {
    for (const uint64_t split_bytes : {0, 50}) {
      ReaderLimits limits;
      limits.buffer_bytes = buffer;
      limits.max_record_bytes = 40;
      const pb::FileSource source = MustPlan("text", path, split_bytes);
      const Lines result = ReadLines(source, limits);
      EXPECT_EQ(result.lines, (Strings{"ab", std::string(40, 'o'), "cd"})) << buffer;
      ASSERT_EQ(result.bad.size(), 4u) << buffer;
      EXPECT_NE(result.bad[1].find("t:3 (byte 45); raise --max-record-bytes"), std::string::npos)
          << result.bad[1];
      size_t bad = 0;
      EXPECT_EQ(ReadBlocks(source, limits, &bad), "ab\n" + std::string(40, 'o') + "\ncd\n") << buffer;
      EXPECT_EQ(bad, 4u);
    }
  }
}

TEST_F(LineReaderTest, FirstLongLineEndsTheReadingWithoutAHandler) {
  ReaderLimits limits;
  limits.max_record_bytes = 2;
  const pb::FileSource source = MustPlan("text", Put("t", "ab\nabc\nab\n"));
  LineReader reader(source, 0, limits);
  EXPECT_TRUE(reader.Next());
  EXPECT_FALSE(reader.Next());
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LineReaderTest, WhereCountsLinesOfTheFileNotOfTheSplit) {
  const pb::FileSource source = MustPlan("text", Put("t", "a\nb\nc\nd\n"), 4);
  ASSERT_EQ(source.splits_size(), 2);
  LineReader reader(source, 1, {});
  ASSERT_TRUE(reader.Next());
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.line(), "d");
  EXPECT_TRUE(reader.Where().ends_with("/t:4")) << reader.Where();
}

TEST_F(LineReaderTest, CompressedText) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += StrCat("line ", i, "\n");
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t.gz", Gzip(text)))).lines.size(), 100000u);
  EXPECT_EQ(ReadLines(MustPlan("text", Put("t.zst", Zstd(text)))).lines.size(), 100000u);
  const pb::FileSource source = MustPlan("text", Put("t.gz", Gzip("a\nb\n")));
  LineReader reader(source, 0, {});
  ASSERT_TRUE(reader.Next() && reader.Next());
  EXPECT_TRUE(reader.Where().ends_with("t.gz:2")) << reader.Where();
}

using FixedReaderTest = IoTest;

TEST_F(FixedReaderTest, RecordsOverSplitsAndBuffers) {
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += StrCat(1000000 + i);
  const std::string path = Put("r.bin", bytes);
  for (uint64_t split_bytes = 0; split_bytes < 60; ++split_bytes) {
    const pb::FileSource source = MustPlan("fixed", path, split_bytes, {{"record_bytes", "7"}});
    for (const uint64_t buffer : {1, 7, 8, 100, 1000}) {
      ReaderLimits limits;
      limits.buffer_bytes = buffer;
      std::string all;
      for (int split = 0; split < source.splits_size(); ++split) {
        FixedReader reader(source, split, limits);
        while (reader.Next()) all += reader.record();
        EXPECT_FALSE(reader.Next());
        EXPECT_TRUE(reader.status().ok()) << reader.status();
        EXPECT_EQ(reader.bytes_consumed(), source.splits(split).end() - source.splits(split).begin());
      }
      EXPECT_EQ(all, bytes) << split_bytes << " " << buffer;
    }
  }
}

TEST_F(FixedReaderTest, RemainderIsNamed) {
  const auto planned = Plan("fixed", Put("r.bin", "12345678"), 0, {{"record_bytes", "3"}});
  EXPECT_NE(MessageOf(planned.status())
                .find("has 8 bytes, which is not a multiple of record_bytes=3 (2 bytes are left"),
            std::string::npos)
      << planned.status();
  const pb::FileSource source = MustPlan("fixed", Put("r.gz", Gzip("12345678")), 0, {{"record_bytes", "3"}});
  FixedReader reader(source, 0, {});
  EXPECT_TRUE(reader.Next() && reader.Next());
  EXPECT_TRUE(reader.Where().ends_with("r.gz, record 1 (at byte 3)")) << reader.Where();
  EXPECT_FALSE(reader.Next());
  EXPECT_NE(MessageOf(reader.status()).find("ends with 2 of the 3 bytes of a record"), std::string::npos);
}

TEST_F(FixedReaderTest, EmptyFile) {
  const auto planned = Plan("fixed", Put("r.bin", ""), 10, {{"record_bytes", "3"}});
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_FALSE(planned->has_records);
  FixedReader reader(planned->source, 0, {});
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.status().ok()) << reader.status();
}

}  // namespace
}  // namespace millrace::io
