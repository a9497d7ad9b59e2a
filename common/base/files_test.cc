#include "common/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "common/base/profile.h"
#include "common/base/status.h"
#include "common/base/thread.h"

namespace millrace {
namespace {

TEST(Files, WriteReadListRemove) {
  std::string gone;
  {
    ScopedTempDir dir;
    gone = dir.path();
    ASSERT_TRUE(WriteFile(dir.File("b"), "two").ok());
    ASSERT_TRUE(WriteFile(dir.File("a"), "one", /*sync=*/true).ok());
    ASSERT_TRUE(WriteFile(dir.File("a"), "three").ok());
    ASSERT_TRUE(AppendFile(dir.File("a"), "+four").ok());
    ASSERT_TRUE(MakeDirs(dir.File("c/d/e")).ok());
    ASSERT_TRUE(MakeDirs(dir.File("c/d/e")).ok());
    ASSERT_TRUE(MakeDirs(dir.File("c/d/f/")).ok());
    ASSERT_TRUE(MakeDirs(dir.File("kept")).ok());
    ASSERT_TRUE(WriteFile(dir.File("kept/file"), "").ok());
    ASSERT_EQ(::symlink("../kept", dir.File("c/link").c_str()), 0);
    EXPECT_EQ(*ReadFile(dir.File("a")), "three+four");
    EXPECT_EQ(*ListDir(dir.path()), (std::vector<std::string>{"a", "b", "c", "kept"}));
    EXPECT_EQ(StatFile(dir.File("b"))->size, 3u);
    EXPECT_TRUE(IsDirectory(dir.File("c")));
    EXPECT_FALSE(IsDirectory(dir.File("b")));
    ASSERT_TRUE(RenameFile(dir.File("b"), dir.File("a")).ok());
    EXPECT_EQ(*ReadFile(dir.File("a")), "two");
    ASSERT_TRUE(RemoveTree(dir.File("c")).ok());
    ASSERT_TRUE(RemoveTree(dir.File("c")).ok());
    ASSERT_TRUE(RemoveFile(dir.File("none")).ok());
    EXPECT_EQ(*ListDir(dir.path()), (std::vector<std::string>{"a", "kept"}));
    EXPECT_TRUE(FileExists(dir.File("kept/file"))) << "links are removed, not followed";
  }
  EXPECT_FALSE(FileExists(gone));
  EXPECT_FALSE(ReadFile("/proc/self/status")->empty()) << "size 0 by stat";
}

TEST(Files, ReadAndWriteAtOffsets) {
  ScopedTempDir dir;
  const std::string path = dir.File("x");
  UniqueFd fd = *CreateFile(path);
  ASSERT_TRUE(PWriteFull(fd.get(), "hello world", 0, path).ok());
  ASSERT_TRUE(PWriteFull(fd.get(), "W", 6, path).ok());
  char buffer[16];
  EXPECT_EQ(*PRead(fd.get(), buffer, 16, 6, path), 5u);
  EXPECT_EQ(std::string(buffer, 5), "World");
  EXPECT_TRUE(PReadFull(fd.get(), buffer, 5, 0, path).ok());
  const absl::Status status = PReadFull(fd.get(), buffer, 16, 6, path);
  EXPECT_EQ(MessageOf(status), StrCat("'", path, "' ends at byte 11, but 16 bytes were expected at byte 6"));
  UniqueFd other = std::move(fd);
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(other.valid());
}

TEST(Files, ErrorsAreSentencesThatNameThePath) {
  ScopedTempDir dir;
  const std::string none = dir.File("none");
  EXPECT_EQ(ReadFile(none).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(ReadFile(none).status()),
            StrCat("cannot open '", none, "': No such file or directory"));
  EXPECT_EQ(MessageOf(ReadFile(dir.path()).status()),
            StrCat("cannot read '", dir.path(), "': it is a folder"));
  EXPECT_FALSE(ListDir(none).ok());
  EXPECT_FALSE(StatFile(none).ok());
  EXPECT_FALSE(WriteFile(dir.File("none/x"), "").ok());
  ASSERT_TRUE(WriteFile(dir.File("f"), "12345").ok());
  EXPECT_EQ(ReadFile(dir.File("f"), 4).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReadFile(dir.File("f"), 5).ok());
  EXPECT_EQ(MakeDirs(dir.File("f")).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(MakeDirs(dir.File("f/g")).ok());
  ASSERT_TRUE(MakeDirs(dir.File("folder")).ok());
  EXPECT_FALSE(WriteFile(dir.File("folder"), "x").ok());
  EXPECT_EQ(*ListDir(dir.path()), (std::vector<std::string>{"f", "folder"})) << "no temporary is left";
}

TEST(Files, ATreeOfManyFilesIsRemoved) {
  ScopedTempDir dir;
  for (int i = 0; i < 40; ++i) {
    const std::string folder = dir.File("tree/" + std::to_string(i % 10));
    ASSERT_TRUE(MakeDirs(folder).ok());
    ASSERT_TRUE(WriteFile(folder + "/f" + std::to_string(i), "x").ok());
  }
  ASSERT_TRUE(RemoveTree(dir.File("tree")).ok());
  EXPECT_FALSE(FileExists(dir.File("tree")));
  EXPECT_TRUE(RemoveTree(dir.File("tree")).ok());
}

TEST(Files, AFullDiskIsSaidSo) {
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.valid());
  const absl::Status status = WriteFull(full.get(), "x", "/data/part-00000");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(MessageOf(status).starts_with("the disk is full while writing /data/part-00000"));
}

TEST(Files, PathText) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("a", ""), "a");
  EXPECT_EQ(BaseName("/a/b.csv"), "b.csv");
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(DirName("/a/b"), "/a");
  EXPECT_EQ(DirName("/a/b/"), "/a");
  EXPECT_EQ(DirName("/a"), "/");
  EXPECT_EQ(DirName("/"), "/");
  EXPECT_EQ(DirName("a//b"), "a");
  EXPECT_EQ(DirName("a"), ".");
  EXPECT_EQ(AbsolutePath("/a/./b//../c/"), "/a/c");
  EXPECT_EQ(AbsolutePath("/../.."), "/");
  EXPECT_TRUE(AbsolutePath("x").ends_with("/x"));
}

TEST(Profile, IsStableWithinAMachine) {
  EXPECT_EQ(CheckCpu(), "");
  const NumericProfile& profile = GetNumericProfile();
  EXPECT_EQ(profile.digest.size(), 16u);
  EXPECT_EQ(profile.text.substr(0, 6), "glibc ");
  EXPECT_EQ(&profile, &GetNumericProfile());
}

// Run by hand with GLIBC_TUNABLES to see that a machine without FMA has another profile.
TEST(Profile, PrintIt) {
  std::printf("profile %s: %s\n", GetNumericProfile().digest.c_str(), GetNumericProfile().text.c_str());
}

TEST(BlockingQueue, DrainsAfterClose) {
  BlockingQueue<int> queue;
  std::thread pusher([&queue] {
    SetThreadName("a-name-longer-than-fifteen");
    for (int i = 0; i < 100; ++i) queue.Push(i);
    queue.Close();
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.Pop(), i);
  EXPECT_EQ(queue.Pop(), std::nullopt);
  EXPECT_FALSE(queue.Push(1));
  pusher.join();
}

}  // namespace
}  // namespace millrace
