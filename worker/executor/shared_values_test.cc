#include "worker/executor/shared_values.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/files.h"
#include "common/base/sha256.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

std::string Digest(const std::string& value) {
  Sha256 sha;
  sha.Update(value);
  return sha.Finish();
}

TEST(SharedValuesTest, WhatTheWorkerStoresTheExecutorReads) {
  char name[] = "/tmp/millrace_shared_XXXXXX";
  const std::string work_dir = ::mkdtemp(name);
  auto store = SegmentStore::Create(work_dir);
  ASSERT_TRUE(store.ok());
  const std::string value(10'000, 'v'), other = "other";
  ASSERT_TRUE((*store)->StoreShared(7, Digest(value), value).ok());
  ASSERT_TRUE((*store)->StoreShared(7, Digest(value), value).ok()) << "twice is once";
  SharedValues values((*store)->JobDir(7));
  const auto got = values.Get(Digest(value));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(**got, value);
  EXPECT_EQ(values.Get(Digest(value))->get(), got->get()) << "all tasks share the bytes";
  EXPECT_EQ(values.Get(Digest(other)).status().code(), absl::StatusCode::kNotFound);
  // A damaged one is never handed out.
  ASSERT_TRUE(WriteFile(SharedValuePath((*store)->JobDir(7), Digest(other)), "othex").ok());
  const absl::Status damaged = values.Get(Digest(other)).status();
  EXPECT_EQ(damaged.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(damaged.message().find("is damaged"), std::string::npos) << damaged;
  ASSERT_TRUE((*store)->DropJob(7).ok());
  EXPECT_FALSE(FileExists(SharedValuePath((*store)->JobDir(7), Digest(value))));
  ASSERT_TRUE((*store)->RemoveEverything().ok());
}

}  // namespace
}  // namespace millrace
