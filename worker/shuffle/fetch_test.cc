// Segments over real gRPC on a loopback port.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/status.h"
#include "worker/shuffle/bulk_server.h"
#include "worker/shuffle/fetcher.h"
#include "worker/shuffle/run_reader.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

constexpr uint32_t kPartitions = 3;

class FetchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = SegmentStore::Create(folder_.File("worker"));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = std::move(*store);
    ASSERT_TRUE(store_->CreateJob(7).ok());
    BulkServerOptions options;
    options.check = [this](uint64_t, uint32_t, uint64_t version, const std::string&) {
      return version < oldest_version_ ? std::string("stale") : std::string();
    };
    auto server = BulkServer::Start(options, store_.get());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
  }

  // A segment of two generations; its records say where they belong.
  void WriteSegment(const std::string& name, int records, size_t value_bytes) {
    SegmentWriterOptions options;
    options.partitions = kPartitions;
    options.block_bytes = 4096;
    auto writer = SegmentWriter::Create(store_->JobDir(7) + "/segments/" + name, options);
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (int generation = 0; generation < 2; ++generation) {
      for (uint32_t p = 0; p < kPartitions; ++p) {
        (*writer)->BeginRun(p);
        for (int i = 0; i < records; ++i)
          (*writer)->Append(StrCat(name, "/", generation, "/", p, "/", i), std::string(value_bytes, 'v'));
        ASSERT_TRUE((*writer)->EndRun().ok());
      }
    }
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  pb::FetchRequest Request(uint32_t partition, const std::vector<std::string>& names) {
    pb::FetchRequest request;
    request.set_job(7);
    request.set_partition(partition);
    request.set_version(1);
    for (const std::string& name : names) request.add_segments()->set_path("j7/segments/" + name);
    return request;
  }

  static void ExpectRuns(const FetchedSegment& segment, const std::string& name, uint32_t partition,
                         int records) {
    ASSERT_EQ(segment.missing, "");
    ASSERT_EQ(segment.runs.size(), records == 0 ? 0u : 2u);
    for (size_t generation = 0; generation < segment.runs.size(); ++generation) {
      RunReader reader(segment.runs[generation]);
      for (int i = 0; i < records; ++i) {
        ASSERT_TRUE(reader.Next()) << reader.status();
        ASSERT_EQ(reader.key(), StrCat(name, "/", generation, "/", partition, "/", i));
      }
      EXPECT_FALSE(reader.Next());
      EXPECT_TRUE(reader.status().ok()) << reader.status();
    }
  }

  ScopedTempDir folder_;
  std::unique_ptr<SegmentStore> store_;
  std::unique_ptr<BulkServer> server_;
  std::unique_ptr<Fetcher> fetcher_ = MakeGrpcFetcher();
  std::atomic<uint64_t> oldest_version_{0};
};

TEST_F(FetchTest, BringsAllSegmentsOfAPartitionInMemoryAndInAFile) {
  WriteSegment("small", 3, 10);
  WriteSegment("empty", 0, 0);
  WriteSegment("large", 2000, 500);  // 2 MB a partition: several messages
  for (const uint64_t budget : {uint64_t{0}, uint64_t{10'000}, uint64_t{1} << 30}) {
    for (uint32_t p = 0; p < kPartitions; ++p) {
      FetchOptions options;
      options.memory_budget_bytes = budget;
      options.temporary_path = folder_.File("fetched");
      const auto result =
          fetcher_->Fetch(server_->address(), Request(p, {"small", "empty", "large"}), options);
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_EQ(result->segments.size(), 3u);
      ExpectRuns(result->segments[0], "small", p, 3);
      ExpectRuns(result->segments[1], "empty", p, 0);
      ExpectRuns(result->segments[2], "large", p, 2000);
      EXPECT_LE(result->memory_bytes, budget);
      EXPECT_EQ(result->file_bytes > 0, budget < 1'000'000);
      EXPECT_FALSE(FileExists(folder_.File("fetched"))) << "the temporary file has no name once it is open";
    }
  }
}

TEST_F(FetchTest, WholeSegmentForAlignedReads) {
  WriteSegment("a", 5, 10);
  pb::FetchRequest request = Request(0, {"a"});
  request.set_whole(true);
  FetchOptions options;
  options.memory_budget_bytes = 1 << 20;
  const auto result = fetcher_->Fetch(server_->address(), request, options);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->segments[0].runs.size(), 2u * kPartitions);
}

TEST_F(FetchTest, MissingDamagedStaleAndForeignSegmentsAreNamed) {
  WriteSegment("a", 5, 10);
  WriteSegment("cut", 5, 10);
  const std::string cut = store_->JobDir(7) + "/segments/cut";
  ASSERT_EQ(::truncate(cut.c_str(), 100), 0);
  ASSERT_TRUE(WriteFile(folder_.File("secret"), "secret").ok());
  pb::FetchRequest request = Request(1, {"none", "cut", "a", "../../../secret"});
  request.add_segments()->set_path("j8/segments/a");
  request.add_segments()->set_path("/etc/passwd");
  FetchOptions options;
  options.memory_budget_bytes = 1 << 20;
  auto result = fetcher_->Fetch(server_->address(), request, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NE(result->segments[0].missing.find("there is no segment"), std::string::npos);
  EXPECT_FALSE(result->segments[0].corrupt);
  EXPECT_NE(result->segments[1].missing.find("damaged"), std::string::npos);
  EXPECT_TRUE(result->segments[1].corrupt);
  ExpectRuns(result->segments[2], "a", 1, 5);
  for (size_t i = 3; i < 6; ++i)
    EXPECT_NE(result->segments[i].missing.find("is no segment of job 7"), std::string::npos) << i;

  oldest_version_ = 2;
  result = fetcher_->Fetch(server_->address(), Request(1, {"a"}), options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->segments[0].missing, "stale");
  result = fetcher_->Fetch(server_->address(), Request(kPartitions, {"a"}), options);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->segments[0].missing.empty());
}

TEST_F(FetchTest, ADeadWorkerMakesItsSegmentsMissing) {
  WriteSegment("a", 5, 10);
  const std::string address = server_->address();
  server_.reset();
  const auto result = fetcher_->Fetch(address, Request(1, {"a", "b"}), FetchOptions());
  ASSERT_TRUE(result.ok()) << result.status();
  for (const FetchedSegment& segment : result->segments) {
    EXPECT_NE(segment.missing.find(StrCat("worker ", address, " cannot be reached")), std::string::npos);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(fetcher_->Fetch("nowhere", Request(1, {}), FetchOptions()).status()));
}

TEST_F(FetchTest, CancelStopsIt) {
  WriteSegment("large", 2000, 500);
  FetchOptions options;
  options.memory_budget_bytes = 1 << 30;
  options.cancelled = [] { return true; };
  EXPECT_TRUE(
      absl::IsCancelled(fetcher_->Fetch(server_->address(), Request(1, {"large"}), options).status()));
}

TEST_F(FetchTest, FullDiskIsALocalError) {
  WriteSegment("a", 5, 10);
  FetchOptions options;
  options.temporary_path = folder_.File("no/such/folder/file");
  EXPECT_FALSE(fetcher_->Fetch(server_->address(), Request(1, {"a"}), options).ok());
}

TEST(SegmentStoreTest, OneWorkerPerWorkDirAndNoLeftOvers) {
  const ScopedTempDir folder;
  auto store = SegmentStore::Create(folder.File("w"));
  ASSERT_TRUE(store.ok());
  const auto second = SegmentStore::Create(folder.File("w"));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(second.status()).find("--work-dir"), std::string::npos);
  ASSERT_TRUE((*store)->CreateJob(3).ok());
  ASSERT_TRUE(WriteFile((*store)->JobDir(3) + "/segments/x", "x").ok());
  ASSERT_TRUE(WriteFile((*store)->BundlePath("abc"), "x").ok());
  store->reset();
  store = SegmentStore::Create(folder.File("w"));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_FALSE(FileExists((*store)->JobDir(3))) << "left by a process that is gone";
  EXPECT_TRUE(FileExists((*store)->BundlePath("abc"))) << "named by its hash: still good";
  ASSERT_TRUE((*store)->CreateJob(4).ok());
  ASSERT_TRUE((*store)->DropJob(4).ok());
  EXPECT_FALSE(FileExists((*store)->JobDir(4)));
  ASSERT_TRUE((*store)->CreateJob(5).ok());
  const std::string retired = (*store)->RetireJob(5);
  ASSERT_TRUE((*store)->CreateJob(5).ok()) << "it comes again before the old files are gone";
  ASSERT_TRUE(RemoveTree(retired).ok());
  EXPECT_TRUE(FileExists((*store)->JobDir(5)));
  ASSERT_TRUE((*store)->RemoveEverything().ok());
  EXPECT_FALSE(FileExists(folder.File("w")));
}

TEST(SegmentCacheTest, DropsByPrefixAndKeepsReadersAlive) {
  const ScopedTempDir folder;
  auto writer = SegmentWriter::Create(folder.File("s"), {});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Finish().ok());
  SegmentCache cache(2);
  const auto first = cache.Open(folder.File("s"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(cache.Open(folder.File("s"))->get(), first->get());
  ASSERT_TRUE(RemoveFile(folder.File("s")).ok());
  EXPECT_TRUE(cache.Open(folder.File("s")).ok());
  cache.Drop(folder.path());
  EXPECT_TRUE(absl::IsNotFound(cache.Open(folder.File("s")).status()));
  EXPECT_EQ((*first)->info().partitions, 1u);
}

}  // namespace
}  // namespace millrace
