#include "worker/shuffle/segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/files.h"
#include "common/base/random.h"
#include "common/base/status.h"

namespace millrace {
namespace {

using Record = std::pair<std::string, std::string>;
struct TestRun {
  uint32_t partition;
  std::vector<Record> records;
};

std::string RandomText(Random* random, size_t max_bytes) {
  std::string text(random->Below(max_bytes + 1), '\0');
  const char letters = random->Chance(0.5) ? 4 : 127;  // some compress, some do not
  for (char& c : text) c = static_cast<char>(random->Below(static_cast<uint64_t>(letters)));
  return text;
}

std::vector<TestRun> RandomRuns(uint64_t seed, uint32_t partitions) {
  Random random(seed);
  std::vector<TestRun> runs;
  const uint64_t generations = 1 + random.Below(3);
  for (uint64_t g = 0; g < generations; ++g) {
    for (uint32_t p = 0; p < partitions; ++p) {
      TestRun run{p, {}};
      const uint64_t records = random.Chance(0.3) ? 0 : random.Below(200);
      for (uint64_t i = 0; i < records; ++i) {
        const size_t largest = random.Chance(0.02) ? 5000 : 60;
        run.records.emplace_back(RandomText(&random, largest), RandomText(&random, largest));
      }
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

absl::StatusOr<SegmentInfo> Write(const std::string& path, const std::vector<TestRun>& runs,
                                  const SegmentWriterOptions& options) {
  MR_ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> writer, SegmentWriter::Create(path, options));
  for (const TestRun& run : runs) {
    writer->BeginRun(run.partition);
    for (const Record& record : run.records) writer->Append(record.first, record.second);
    MR_RETURN_IF_ERROR(writer->EndRun());
  }
  return writer->Finish();
}

std::vector<Record> ReadAll(const RunSource& source, size_t buffer_bytes, absl::Status* status) {
  RunReader reader(source, buffer_bytes);
  std::vector<Record> records;
  while (reader.Next()) records.emplace_back(reader.key(), reader.value());
  *status = reader.status();
  return records;
}

void ExpectHolds(const SegmentReader& reader, const std::vector<TestRun>& runs, uint32_t partitions,
                 size_t buffer_bytes) {
  for (uint32_t p = 0; p < partitions; ++p) {
    std::vector<RunSource> found = reader.RunsOf(p);
    size_t next = 0;
    for (const TestRun& run : runs) {
      if (run.partition != p || run.records.empty()) continue;
      ASSERT_LT(next, found.size());
      absl::Status status;
      EXPECT_EQ(ReadAll(found[next], buffer_bytes, &status), run.records);
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(found[next].records, run.records.size());
      ++next;
    }
    EXPECT_EQ(next, found.size());
  }
}

TEST(SegmentTest, BringsBackEveryRecordWhateverTheSizes) {
  const ScopedTempDir folder;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const uint32_t partitions = 1 + static_cast<uint32_t>(seed % 7);
    const std::vector<TestRun> runs = RandomRuns(seed, partitions);
    SegmentWriterOptions options;
    options.partitions = partitions;
    options.block_bytes = 64u << (seed % 9);
    options.buffer_bytes = 100 << (seed % 8);
    options.lz4 = seed % 2 == 1;
    const std::string path = folder.File(StrCat("s", seed));
    const auto info = Write(path, runs, options);
    ASSERT_TRUE(info.ok()) << info.status();
    const auto reader = SegmentReader::Open(path);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ((*reader)->info().digest, info->digest);
    EXPECT_EQ((*reader)->info().records, info->records);
    EXPECT_EQ((*reader)->info().logical_bytes, info->logical_bytes);
    EXPECT_EQ(StatFile(path)->size, info->file_bytes);
    ExpectHolds(**reader, runs, partitions, 32);
    ExpectHolds(**reader, runs, partitions, 1 << 20);
    EXPECT_TRUE((*reader)->RunsOf(partitions).empty());
  }
}

TEST(SegmentTest, ReadsRunsFromMemoryInPlace) {
  const ScopedTempDir folder;
  const std::vector<TestRun> runs = {{0, {{"a", "1"}, {"b", std::string(300, 'x')}}}, {1, {{"c", ""}}}};
  SegmentWriterOptions options;
  options.partitions = 2;
  options.block_bytes = 64;
  ASSERT_TRUE(Write(folder.File("s"), runs, options).ok());
  const std::string bytes = *ReadFile(folder.File("s"));
  const auto reader = SegmentReader::Open(folder.File("s"));
  ASSERT_TRUE(reader.ok());
  std::shared_ptr<char[]> memory(new char[bytes.size()]);
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  for (uint32_t p = 0; p < 2; ++p) {
    RunSource source = (*reader)->RunsOf(p).at(0);
    source.file = nullptr;
    source.memory = memory;
    absl::Status status;
    EXPECT_EQ(ReadAll(source, 0, &status), runs[p].records);
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(SegmentTest, DigestIsOfTheRecordsNotOfTheBlocks) {
  const ScopedTempDir folder;
  std::vector<TestRun> runs = RandomRuns(7, 4);
  std::string digest;
  for (const uint32_t block_bytes : {64u, 1000u, 65536u}) {
    for (const bool lz4 : {false, true}) {
      SegmentWriterOptions options;
      options.partitions = 4;
      options.block_bytes = block_bytes;
      options.lz4 = lz4;
      const auto info = Write(folder.File("s"), runs, options);
      ASSERT_TRUE(info.ok());
      ASSERT_EQ(info->digest.size(), 16u);
      if (digest.empty()) digest = info->digest;
      EXPECT_EQ(info->digest, digest) << block_bytes << lz4;
    }
  }
  SegmentWriterOptions options;
  options.partitions = 4;
  // One byte of one record, two records swapped, a record in another partition, a run cut in two: all differ.
  std::vector<std::vector<TestRun>> others(4, runs);
  TestRun& first = runs[0].records.size() > 2 ? runs[0] : runs[1];
  const size_t at = static_cast<size_t>(&first - runs.data());
  ASSERT_GT(first.records.size(), 2u);
  others[0][at].records[1].second += "!";
  std::swap(others[1][at].records[0], others[1][at].records[1]);
  others[2][at].partition = 3;
  TestRun tail{first.partition, {first.records.back()}};
  others[3][at].records.pop_back();
  others[3].insert(others[3].begin() + static_cast<ptrdiff_t>(at) + 1, tail);
  for (const auto& other : others) {
    const auto info = Write(folder.File("o"), other, options);
    ASSERT_TRUE(info.ok());
    EXPECT_NE(info->digest, digest);
  }
}

// Every single flipped bit pattern of every byte, and every length that is too short, is noticed.
TEST(SegmentTest, DamageAnywhereIsNoticed) {
  const ScopedTempDir folder;
  const std::vector<TestRun> runs = {
      {0, {{"key", "value"}, {"key2", std::string(70, 'y')}}}, {2, {{"z", "zz"}}}, {0, {{"q", "r"}}}};
  for (const bool lz4 : {false, true}) {
    SegmentWriterOptions options;
    options.partitions = 3;
    options.block_bytes = 64;
    options.lz4 = lz4;
    ASSERT_TRUE(Write(folder.File("good"), runs, options).ok());
    const std::string good = *ReadFile(folder.File("good"));
    const auto outcome = [&](const std::string& bytes) -> absl::Status {
      const int fd = ::memfd_create("bad", MFD_CLOEXEC);  // thousands of files would be slow
      MR_RETURN_IF_ERROR(WriteFull(fd, bytes, "bad"));
      MR_ASSIGN_OR_RETURN(const auto reader, SegmentReader::OpenFd(fd, folder.File("bad")));
      for (const RunSource& run : reader->AllRuns()) {
        absl::Status status;
        ReadAll(run, 64, &status);
        MR_RETURN_IF_ERROR(status);
      }
      return absl::OkStatus();
    };
    ASSERT_TRUE(outcome(good).ok());
    for (size_t i = 0; i < good.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        const absl::Status status = outcome(bad);
        ASSERT_TRUE(absl::IsDataLoss(status)) << "byte " << i << " flip " << flip << ": " << status;
        EXPECT_NE(MessageOf(status).find("damaged at byte"), std::string::npos);
        EXPECT_NE(MessageOf(status).find(folder.File("bad")), std::string::npos);
      }
      ASSERT_TRUE(absl::IsDataLoss(outcome(good.substr(0, i)))) << "cut at " << i;
    }
    ASSERT_TRUE(absl::IsDataLoss(outcome(good + "x")));
  }
}

TEST(SegmentTest, FileCutUnderAnOpenReaderIsDataLoss) {
  const ScopedTempDir folder;
  const std::vector<TestRun> runs = {{0, {{"k", std::string(1000, 'v')}, {"l", std::string(1000, 'w')}}}};
  SegmentWriterOptions options;
  options.block_bytes = 64;
  ASSERT_TRUE(Write(folder.File("s"), runs, options).ok());
  const auto reader = SegmentReader::Open(folder.File("s"));
  ASSERT_TRUE(reader.ok());
  ASSERT_EQ(::truncate(folder.File("s").c_str(), 1100), 0);
  absl::Status status;
  EXPECT_EQ(ReadAll((*reader)->RunsOf(0).at(0), 64, &status).size(), 1u);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

// What a worker announces and what it sends may differ: the blocks are right, but not those of this run.
TEST(SegmentTest, BlocksThatAreNotWhatWasAnnouncedAreDamage) {
  const ScopedTempDir folder;
  SegmentWriterOptions options;
  options.partitions = 2;
  ASSERT_TRUE(Write(folder.File("s"), {{1, {{"k", "v"}, {"l", "w"}}}, {1, {{"m", "x"}}}}, options).ok());
  const auto reader = SegmentReader::Open(folder.File("s"));
  ASSERT_TRUE(reader.ok());
  const std::vector<RunSource> runs = (*reader)->RunsOf(1);
  const auto outcome = [](const RunSource& source) {
    absl::Status status;
    ReadAll(source, 4096, &status);
    return MessageOf(status);
  };
  EXPECT_EQ(outcome(runs[0]), "");
  RunSource wrong = runs[0];
  wrong.records = 3;
  EXPECT_NE(outcome(wrong).find("records missing"), std::string::npos);
  wrong = runs[0];
  wrong.partition = 0;
  EXPECT_NE(outcome(wrong).find("another partition"), std::string::npos);
  wrong = runs[0];
  wrong.disk_bytes += runs[1].disk_bytes;
  EXPECT_NE(outcome(wrong).find("another run"), std::string::npos);
  wrong = runs[0];
  wrong.disk_bytes -= 1;
  EXPECT_NE(outcome(wrong).find("longer than its run"), std::string::npos);
  wrong.disk_bytes = 20;
  EXPECT_NE(outcome(wrong).find("inside a block"), std::string::npos);
}

TEST(SegmentTest, MisuseIsAnErrorNotACrash) {
  const ScopedTempDir folder;
  SegmentWriterOptions options;
  options.partitions = 2;
  auto writer = SegmentWriter::Create(folder.File("a"), options);
  ASSERT_TRUE(writer.ok());
  (*writer)->Append("outside", "a run");
  EXPECT_TRUE(absl::IsInternal((*writer)->EndRun()));
  (*writer)->Append("after", "the error");
  EXPECT_FALSE((*writer)->Finish().ok());
  writer->reset();
  EXPECT_FALSE(FileExists(folder.File("a"))) << "an unfinished file must go";

  writer = SegmentWriter::Create(folder.File("b"), options);
  (*writer)->BeginRun(2);
  EXPECT_TRUE(absl::IsInternal((*writer)->status()));
  EXPECT_TRUE(absl::IsNotFound(SegmentReader::Open(folder.File("none")).status()));
  EXPECT_TRUE(absl::IsNotFound(SegmentReader::Open(folder.path()).status()));
  EXPECT_FALSE(SegmentWriter::Create(folder.File("no/such/folder"), options).ok());
}

TEST(SegmentTest, FullDiskIsASentence) {
  SegmentWriterOptions options;
  const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  const ScopedTempDir folder;  // the path is for messages and removal
  auto writer = SegmentWriter::Adopt(fd, folder.File("s"), options);
  ASSERT_TRUE(writer.ok());
  (*writer)->BeginRun(0);
  const std::string value(1000, 'v');
  for (int i = 0; i < 1000; ++i) (*writer)->Append("key", value);
  const absl::Status status = (*writer)->EndRun();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_NE(MessageOf(status).find("the disk is full"), std::string::npos);
  EXPECT_TRUE(absl::IsResourceExhausted((*writer)->Finish().status()));
}

TEST(SegmentTest, EmptySegmentAndEmptyRecords) {
  const ScopedTempDir folder;
  SegmentWriterOptions options;
  options.partitions = 5;
  ASSERT_TRUE(Write(folder.File("e"), {}, options).ok());
  const auto empty = SegmentReader::Open(folder.File("e"));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ((*empty)->info().partitions, 5u);
  EXPECT_TRUE((*empty)->AllRuns().empty());

  const std::vector<TestRun> runs = {{3, {{"", ""}, {"", ""}}}};
  ASSERT_TRUE(Write(folder.File("r"), runs, options).ok());
  const auto reader = SegmentReader::Open(folder.File("r"));
  ASSERT_TRUE(reader.ok());
  ExpectHolds(**reader, runs, 5, 32);

  auto writer = SegmentWriter::Create(folder.File("n"), options);
  ASSERT_TRUE(writer.ok());
  (*writer)->BeginRun(3);
  for (int i = 0; i < 2; ++i)
    (*writer)->Append(std::string_view(), std::string_view());  // which point nowhere
  ASSERT_TRUE((*writer)->EndRun().ok());
  ASSERT_TRUE((*writer)->Finish().ok());
  const auto nowhere = SegmentReader::Open(folder.File("n"));
  ASSERT_TRUE(nowhere.ok());
  ExpectHolds(**nowhere, runs, 5, 32);
}

TEST(BufferPoolTest, GivesBackWhatWasReleased) {
  BufferPool pool(256 * 1024);
  char* data = nullptr;
  {
    const PooledBuffer buffer = pool.Acquire(70'000);
    EXPECT_GE(buffer.capacity(), 70'000u);
    EXPECT_EQ(pool.in_use_bytes(), buffer.capacity());
    data = buffer.data();
  }
  EXPECT_EQ(pool.in_use_bytes(), 0u);
  PooledBuffer again = pool.Acquire(100'000);
  EXPECT_EQ(again.data(), data) << "same size class, same memory";
  PooledBuffer moved = std::move(again);
  again = pool.Acquire(1'000'000);
  again = PooledBuffer();
  EXPECT_EQ(pool.retained_bytes(), 0u) << "more than it may keep";
}

}  // namespace
}  // namespace millrace
