#include "worker/executor/shuffle_input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "worker/executor/testing.h"

namespace millrace {
namespace {

struct Record {
  std::string key, value;
  uint32_t tag = 0;
  bool operator==(const Record&) const = default;
};

// Reads segments of "worker 2" from its folder, as its bulk server would.
class FakeFetcher : public Fetcher {
 public:
  explicit FakeFetcher(std::string work_dir) : work_dir_(std::move(work_dir)) {}
  absl::StatusOr<FetchResult> Fetch(const std::string& address, const pb::FetchRequest& request,
                                    const FetchOptions&) override {
    EXPECT_EQ(address, "there:2");
    ++requests;
    FetchResult result;
    for (const auto& segment : request.segments()) {
      result.segments.push_back(OpenLocalSegment(work_dir_, request, segment, nullptr));
    }
    return result;
  }
  int requests = 0;

 private:
  const std::string work_dir_;
};

class ShuffleInputTest : public testing::Test {
 protected:
  ShuffleInputTest() : fetcher_(dir_.File("w2")) {
    for (const char* worker : {"w1", "w2"}) {
      EXPECT_TRUE(MakeDirs(dir_.File(StrCat(worker, "/j7/segments"))).ok());
    }
    EXPECT_TRUE(MakeDirs(dir_.File("w1/j7/spill")).ok());
  }

  // One map output with `runs` runs of `count` records in partition 1; others go to partition 0.
  void AddMap(pb::Manifest* manifest, uint32_t worker, int runs, int count, uint32_t tag) {
    const uint32_t task = manifest->maps_size();
    const std::string name = StrCat("j7/segments/s", manifest->stage(), "-t", task, "-a0-1.seg");
    SegmentWriterOptions options;
    options.partitions = 2;
    auto writer = SegmentWriter::Create(dir_.File(StrCat("w", worker, "/", name)), options);
    ASSERT_TRUE(writer.ok()) << writer.status();
    uint64_t records = 0;
    for (int run = 0; run < runs; ++run) {
      (*writer)->BeginRun(0);
      (*writer)->Append("other", "partition");
      ASSERT_TRUE((*writer)->EndRun().ok());
      std::vector<std::string> keys;
      for (int i = 0; i < count; ++i) keys.push_back("key number " + std::to_string(random_() % 50));
      std::sort(keys.begin(), keys.end());
      (*writer)->BeginRun(1);
      for (int i = 0; i < count; ++i) {
        const std::string value = StrCat(tag, ".", task, ".", run, ".", i, std::string(100, 'v'));
        (*writer)->Append(keys[i], value);
        model_.push_back({keys[i], value, tag});
      }
      ASSERT_TRUE((*writer)->EndRun().ok());
      records += count + 1;
    }
    auto info = (*writer)->Finish();
    ASSERT_TRUE(info.ok()) << info.status();
    pb::MapLocation* map = manifest->add_maps();
    map->set_task(task);
    map->set_worker(worker);
    map->set_path(name);
    map->set_records(records);
  }

  // `tags` stages of `maps` maps on two workers.
  std::vector<std::shared_ptr<const pb::Manifest>> Build(int tags, int maps, int runs, int count) {
    std::vector<std::shared_ptr<const pb::Manifest>> manifests;
    for (int tag = 0; tag < tags; ++tag) {
      auto manifest = std::make_shared<pb::Manifest>();
      manifest->set_job(7);
      manifest->set_stage(3 + tag);
      manifest->set_version(5);
      pb::WorkerAddress* address = manifest->add_workers();
      address->set_worker(2);
      address->set_bulk_address("there:2");
      for (int map = 0; map < maps; ++map) AddMap(manifest.get(), map % 3 == 1 ? 2 : 1, runs, count, tag);
      manifests.push_back(manifest);
    }
    return manifests;
  }

  ShuffleInputOptions Options(std::vector<std::shared_ptr<const pb::Manifest>> manifests) {
    ShuffleInputOptions options;
    options.job = 7;
    options.manifests = std::move(manifests);
    options.partition = 1;
    options.worker = 1;
    options.work_dir = dir_.File("w1");
    options.temporary = dir_.File("w1/j7/spill/s9-t1-a0-1");
    options.fetcher = [this] { return &fetcher_; };
    options.on_missing = [this](std::vector<pb::MissingInput> missing) {
      missing_ = std::move(missing);
      context_.Stop();
    };
    return options;
  }

  std::vector<Record> ReadAll(MergedInput* input) {
    std::vector<Record> records;
    while (input->Next())
      records.push_back({std::string(input->key()), std::string(input->value()), input->tag()});
    return records;
  }
  // The model stands in the order (tag, map, run, position) already.
  std::vector<Record> SortedModel() {
    auto model = model_;
    std::stable_sort(model.begin(), model.end(),
                     [](const Record& a, const Record& b) { return a.key < b.key; });
    return model;
  }

  ScopedTempDir dir_;
  FakeContext context_;
  FakeFetcher fetcher_;
  std::mt19937 random_{1};
  std::vector<Record> model_;
  std::vector<pb::MissingInput> missing_;
};

TEST_F(ShuffleInputTest, MergesLikeAStableSort) {
  MergedInput input(Options(Build(2, 7, 3, 40)), &context_);
  EXPECT_EQ(ReadAll(&input), SortedModel());
  EXPECT_EQ(input.records(), model_.size());
  EXPECT_EQ(input.merged_bytes(), 0u);
  EXPECT_EQ(fetcher_.requests, 2);  // one per stage and worker
  EXPECT_FALSE(context_.stopped());
}

TEST_F(ShuffleInputTest, SeveralPassesKeepTheOrder) {
  auto options = Options(Build(2, 10, 4, 30));
  options.merge_bytes = 30'000;  // four runs at once
  MergedInput input(options, &context_);
  EXPECT_EQ(ReadAll(&input), SortedModel());
  EXPECT_GT(input.merged_bytes(), 0u);
  EXPECT_TRUE(ListDir(dir_.File("w1/j7/spill"))->empty());
}

TEST_F(ShuffleInputTest, OneRunAndNone) {
  MergedInput one(Options(Build(1, 1, 1, 100)), &context_);
  EXPECT_EQ(ReadAll(&one), SortedModel());
  MergedInput none(Options(Build(1, 0, 0, 0)), &context_);
  EXPECT_FALSE(none.Next());
  EXPECT_FALSE(none.Next());
  EXPECT_FALSE(context_.stopped());
}

TEST_F(ShuffleInputTest, AlignedIsTheWholeOutputOfOneMap) {
  auto manifests = Build(1, 3, 2, 20);
  auto options = Options(manifests);
  options.aligned = true;
  options.partition = 1;  // the map; it lies on the other worker
  MergedInput input(options, &context_);
  std::vector<Record> expected(2, {"other", "partition", 0});
  for (const Record& r : model_) {
    if (r.value.rfind("0.1.", 0) == 0) expected.push_back(r);
  }
  EXPECT_EQ(ReadAll(&input), expected);
}

TEST_F(ShuffleInputTest, NamesWhatIsMissing) {
  auto manifests = Build(1, 4, 1, 10);
  ASSERT_TRUE(RemoveFile(dir_.File("w1/j7/segments/s3-t2-a0-1.seg")).ok());
  ASSERT_TRUE(RemoveFile(dir_.File("w2/j7/segments/s3-t1-a0-1.seg")).ok());
  MergedInput input(Options(manifests), &context_);
  EXPECT_FALSE(input.Next());
  ASSERT_EQ(missing_.size(), 2u);
  std::vector<uint32_t> tasks = {missing_[0].task(), missing_[1].task()};
  std::sort(tasks.begin(), tasks.end());
  EXPECT_EQ(tasks, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(missing_[0].stage(), 3u);
  EXPECT_EQ(missing_[0].version(), 5u);
  EXPECT_FALSE(missing_[0].corrupt());
  EXPECT_FALSE(missing_[0].reason().empty());
}

TEST_F(ShuffleInputTest, AFlippedBitIsFoundWhereverItLies) {
  auto manifests = Build(1, 2, 1, 100);
  const std::string path = dir_.File("w1/j7/segments/s3-t0-a0-1.seg");
  const std::string good = *ReadFile(path);
  for (size_t at = 0; at < good.size(); at += 97) {
    std::string bad = good;
    bad[at] ^= 4;
    ASSERT_TRUE(WriteFile(path, bad).ok());
    FakeContext context;
    missing_.clear();
    auto options = Options(manifests);
    options.on_missing = [&](std::vector<pb::MissingInput> missing) {
      missing_ = std::move(missing);
      context.Stop();
    };
    MergedInput input(options, &context);
    const auto records = ReadAll(&input);
    // Damage in the blocks of another partition does not concern this reader.
    if (missing_.empty()) {
      EXPECT_EQ(records, SortedModel()) << at;
      continue;
    }
    EXPECT_EQ(missing_[0].task(), 0u);
    EXPECT_TRUE(missing_[0].corrupt()) << at << " " << missing_[0].reason();
  }
}

}  // namespace
}  // namespace millrace
