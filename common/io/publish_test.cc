#include "common/io/publish.h"

#include <map>

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

using Tree = std::map<std::string, std::string>;  // relative path -> bytes; folders end with "/"

class PublishTest : public IoTest {
 protected:
  std::string Out(std::string_view name = "") {
    return name.empty() ? dir_.File("out") : JoinPath(dir_.File("out"), name);
  }

  void AddTo(const std::string& folder, const std::string& prefix, Tree* tree) {
    const auto names = ListDir(folder);
    if (!names.ok()) return;
    for (const std::string& name : *names) {
      const std::string path = JoinPath(folder, name);
      if (IsDirectory(path)) {
        (*tree)[prefix + name + "/"] = "";
        AddTo(path, prefix + name + "/", tree);
      } else {
        (*tree)[prefix + name] = *ReadFile(path);
      }
    }
  }
  Tree Snapshot() {
    Tree tree;
    AddTo(dir_.path(), "", &tree);
    return tree;
  }

  // A job's temporaries, and the list that publishes them.
  pb::FileList MakeJob(bool overwrite) {
    pb::FileList list;
    list.set_output(Out());
    list.set_overwrite(overwrite);
    for (const char* name : {"part-00000.csv", "part-00001.csv", "sub/part-00000.csv"}) {
      const std::string bytes = StrCat("new ", name);
      const std::string from =
          Put(StrCat("out/_temporary/j1/", std::string(name).substr(0, 3), BaseName(name), ".tmp"), bytes);
      auto* rename = list.add_renames();
      rename->set_from(from);
      rename->set_to(Out(name));
      rename->set_bytes(bytes.size());
    }
    auto* rejects = list.add_renames();  // of unknown size
    rejects->set_from(Put("out/_temporary/j1/r.tmp", "rejected"));
    rejects->set_to(Out("_rejects/s1-t0.txt"));
    for (const char* name : {"summary.json", "_SUCCESS"}) {
      auto* file = list.add_files();
      file->set_path(Out(name));
      file->set_contents(StrCat("contents of ", name));
    }
    list.add_remove(Out(kTemporaryName));
    return list;
  }
  Tree Wanted() {
    return {{"out/", ""},
            {"out/part-00000.csv", "new part-00000.csv"},
            {"out/part-00001.csv", "new part-00001.csv"},
            {"out/sub/", ""},
            {"out/sub/part-00000.csv", "new sub/part-00000.csv"},
            {"out/_rejects/", ""},
            {"out/_rejects/s1-t0.txt", "rejected"},
            {"out/summary.json", "contents of summary.json"},
            {"out/_SUCCESS", "contents of _SUCCESS"}};
  }
  void PutOldOutput() {
    Put("out/part-00000.csv", "old");
    Put("out/part-00007.csv", "old");
    Put("out/sub/part-00009.csv", "old");
    Put("out/gone/part-00000.csv", "old");
    Put("out/summary.json/folder/x", "old");
    Put("out/_rejects", "a file where a folder must be");
    Put("out/_SUCCESS", "old");
  }
};

TEST_F(PublishTest, TemporariesBecomeTheOutput) {
  const pb::FileList list = MakeJob(false);
  EXPECT_EQ(PublishFiles(list).message(), "");
  EXPECT_EQ(Snapshot(), Wanted());
  EXPECT_EQ(PublishFiles(list).message(), "");
  EXPECT_EQ(Snapshot(), Wanted());
}

TEST_F(PublishTest, OverwriteLeavesNothingOfTheOldOutput) {
  PutOldOutput();
  EXPECT_EQ(PublishFiles(MakeJob(true)).message(), "");
  EXPECT_EQ(Snapshot(), Wanted());
}

// Stops at every step, then runs the list again: the same folder. While it is not finished there is no
// _SUCCESS, neither the old one nor the new one, once something of the output has changed.
TEST_F(PublishTest, InterruptedAtEveryStepAndRunAgain) {
  for (const bool overwrite : {false, true}) {
    bool stopped = true;
    int steps = 0;
    for (int stop = 0; stopped; ++stop, ++steps) {
      ASSERT_TRUE(RemoveTree(Out()).ok());
      if (overwrite) PutOldOutput();
      const pb::FileList list = MakeJob(overwrite);
      const Tree before = Snapshot();
      int left = stop;
      const pb::ErrorInfo error = PublishFiles(list, [&] { return left-- > 0; });
      stopped = error.kind() == pb::ErrorInfo::KILLED;
      const Tree after = Snapshot();
      if (stopped && after.count("out/_SUCCESS") > 0 && after.at("out/_SUCCESS") == "old") {
        EXPECT_EQ(after, before) << "step " << stop;
      }
      if (after.count("out/_SUCCESS") > 0 && after.at("out/_SUCCESS") != "old") {
        for (const auto& [path, bytes] : Wanted())
          EXPECT_EQ(after.count(path), 1u) << path << " at step " << stop;
      }
      EXPECT_EQ(PublishFiles(list).message(), "") << "step " << stop;
      EXPECT_EQ(Snapshot(), Wanted()) << "step " << stop;
    }
    EXPECT_GT(steps, 12);
  }
}

// Two interruptions in a row, and a second worker that runs the whole list at any step of the first one.
TEST_F(PublishTest, SecondWorkerAtEveryStep) {
  for (int at = 0; at < 20; ++at) {
    ASSERT_TRUE(RemoveTree(Out()).ok());
    PutOldOutput();
    const pb::FileList list = MakeJob(true);
    int left = at;
    const pb::ErrorInfo error = PublishFiles(list, [&] {
      if (left-- == 0) {
        EXPECT_EQ(PublishFiles(list).message(), "");
      }
      return true;
    });
    EXPECT_EQ(error.message(), "") << at;
    EXPECT_EQ(PublishFiles(list).message(), "");
    EXPECT_EQ(Snapshot(), Wanted()) << at;
  }
}

TEST_F(PublishTest, LateListDoesNotTouchTheNextOutput) {
  const pb::FileList list = MakeJob(true);
  EXPECT_EQ(PublishFiles(list).message(), "");
  ASSERT_TRUE(RemoveTree(Out()).ok());
  Put("out/part-00000.csv", "of another job");
  Put("out/_SUCCESS", "of another job");
  const Tree before = Snapshot();
  const pb::ErrorInfo error = PublishFiles(list);
  EXPECT_EQ(error.kind(), pb::ErrorInfo::SYSTEM);
  EXPECT_NE(error.message().find("is gone"), std::string::npos) << error.message();
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PublishTest, MissingOrWrongTemporaryStopsBeforeAnythingChanges) {
  pb::FileList list = MakeJob(false);
  ASSERT_TRUE(RemoveFile(list.renames(1).from()).ok());
  EXPECT_NE(PublishFiles(list).message().find("is gone"), std::string::npos);
  EXPECT_FALSE(FileExists(Out("part-00000.csv")));
  list = MakeJob(false);
  list.mutable_renames(2)->set_bytes(5);
  EXPECT_NE(PublishFiles(list).message().find("bytes instead of 5"), std::string::npos);
  EXPECT_FALSE(FileExists(Out("part-00000.csv")));
}

TEST_F(PublishTest, OutputThatAppearedMeanwhileIsRefused) {
  const pb::FileList list = MakeJob(false);
  Put("out/part-00001.csv", "somebody else's");
  EXPECT_NE(PublishFiles(list).message().find("appeared while the job was running"), std::string::npos);
  EXPECT_EQ(*ReadFile(Out("part-00001.csv")), "somebody else's");
}

TEST_F(PublishTest, FailureLeavesNothing) {
  MakeJob(false);
  pb::FileList list;
  list.set_output(Out());
  list.add_remove(Out(kTemporaryName));
  list.set_remove_output_if_created(true);
  EXPECT_EQ(PublishFiles(list).message(), "");
  EXPECT_FALSE(FileExists(Out()));
  EXPECT_EQ(PublishFiles(list).message(), "");
  PutOldOutput();  // an output that was there before stays
  MakeJob(true);
  EXPECT_EQ(PublishFiles(list).message(), "");
  EXPECT_EQ(*ReadFile(Out("_SUCCESS")), "old");
  EXPECT_FALSE(FileExists(Out(kTemporaryName)));
}

TEST_F(PublishTest, NeverAtTheRoot) {
  pb::FileList list;
  EXPECT_EQ(PublishFiles(list).kind(), pb::ErrorInfo::NONE);  // nothing to do
  for (const char* output : {"/", "//", "/x/..", "relative"}) {
    list.set_output(output);
    list.set_overwrite(true);
    EXPECT_EQ(PublishFiles(list).kind(), pb::ErrorInfo::INTERNAL) << output;
  }
}

TEST_F(PublishTest, CheckOutput) {
  EXPECT_TRUE(CheckOutput(Out(), false).ok());
  ASSERT_TRUE(MakeDirs(Out()).ok());
  EXPECT_TRUE(CheckOutput(Out(), false).ok());
  Put("out/mine.txt", "precious");
  EXPECT_EQ(CheckOutput(Out(), false).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CheckOutput(Out(), true).code(), absl::StatusCode::kFailedPrecondition);
  Put("out/_SUCCESS", "x");
  EXPECT_EQ(CheckOutput(Out(), false).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(CheckOutput(Out(), true).ok());
  ASSERT_TRUE(MakeDirs(dir_.File("cut/_temporary")).ok());
  EXPECT_NE(MessageOf(CheckOutput(dir_.File("cut"), false)).find("runs or was cut off"), std::string::npos);
  EXPECT_TRUE(CheckOutput(dir_.File("cut"), true).ok());
  EXPECT_EQ(CheckOutput(Put("file", "x"), true).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CheckOutput("relative", true).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckOutput("/", true).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::io
