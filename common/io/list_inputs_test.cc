#include "common/io/list_inputs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/io/test_files.h"

namespace millrace::io {
namespace {

class ListInputsTest : public IoTest {
 protected:
  // Names below the folder, or the error's sentence; "$" stands for the folder.
  std::string List(std::string text) {
    for (size_t at; (at = text.find('$')) != text.npos;) text.replace(at, 1, dir_.path());
    const auto files = ListInputs(text);
    std::string out = files.ok() ? "" : MessageOf(files.status());
    if (files.ok()) {
      for (const pb::InputFile& file : *files) out += (out.empty() ? "" : " ") + file.uri();
    }
    for (size_t at; (at = out.find(dir_.path())) != out.npos;) out.replace(at, dir_.path().size(), "$");
    return out;
  }
};

TEST_F(ListInputsTest, FilesAndUris) {
  Put("a.csv", "1");
  Put("b c.csv", "22");
  EXPECT_EQ(List("$/a.csv"), "$/a.csv");
  EXPECT_EQ(List("file://$/a.csv"), "$/a.csv");
  EXPECT_EQ(List("file:$/b%20c.csv"), "$/b c.csv");
  EXPECT_EQ(List("$/b c.csv,$/a.csv, $/a.csv"), "$/a.csv $/b c.csv");
  EXPECT_EQ(List("$//x/../a.csv"), "$/a.csv");
}

TEST_F(ListInputsTest, PinsSizeTimeAndCompression) {
  Put("a.csv.gz", "xyz");
  Put("a.csv.zst", "x");
  const auto files = ListInputs(dir_.path());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].compression(), "gzip");
  EXPECT_EQ((*files)[0].size_bytes(), 3u);
  EXPECT_GT((*files)[0].mtime_ns(), 0);
  EXPECT_EQ((*files)[1].compression(), "zstd");
}

TEST_F(ListInputsTest, FoldersTakeTheirPartsOnly) {
  Put("out/part-00001.csv", "x");
  Put("out/part-00000.csv", "x");
  Put("out/_SUCCESS", "x");
  Put("out/.hidden", "x");
  Put("out/_temporary/t.csv", "x");
  Put("out/sub/part-00000.csv", "x");
  EXPECT_EQ(List("$/out"), "$/out/part-00000.csv $/out/part-00001.csv");
  Put("two/scaled/part-00000.csv", "x");
  Put("two/parameters/part-00000.csv", "x");
  EXPECT_EQ(List("$/two"), "input folder '$/two' holds folders but no files: name one of parameters, scaled");
  Put("none/_SUCCESS", "x");
  EXPECT_EQ(List("$/none"),
            "input folder '$/none' holds no files (names that begin with _ or . do not count)");
}

TEST_F(ListInputsTest, Globs) {
  for (const char* name :
       {"d/a1.csv", "d/a2.csv", "d/b1.csv", "d/a10.csv", "d/_x.csv", "d/.y.csv", "e/a1.csv", "d/[z].csv"}) {
    Put(name, "x");
  }
  EXPECT_EQ(List("$/d/a?.csv"), "$/d/a1.csv $/d/a2.csv");
  EXPECT_EQ(List("$/d/a*.csv"), "$/d/a1.csv $/d/a10.csv $/d/a2.csv");
  EXPECT_EQ(List("$/d/[!a]1.csv"), "$/d/b1.csv");
  EXPECT_EQ(List("$/*/a1.csv"), "$/d/a1.csv $/e/a1.csv");
  EXPECT_EQ(List("$/{d,e}/a1.csv"), "$/d/a1.csv $/e/a1.csv");
  EXPECT_EQ(List("$/d/{a{1,10},b*}.csv,$/e"), "$/d/a1.csv $/d/a10.csv $/d/b1.csv $/e/a1.csv");
  EXPECT_EQ(List("$/e*"), "$/e/a1.csv");
  EXPECT_EQ(List("$/d/[z].csv"), "$/d/[z].csv") << "an existing name wins over the pattern";
  EXPECT_EQ(List("$/d/q*.csv"), "no file matches the input pattern '$/d/q*.csv'; is the path right?");
  EXPECT_EQ(List("$/{d,e}/a2.csv"), "input '$/e/a2.csv' does not exist; did you mean $/e/a1.csv?");
}

TEST_F(ListInputsTest, WhatIsWrongIsSaid) {
  Put("data/prices.csv", "x");
  EXPECT_EQ(List("$/data/price.csv"),
            "input '$/data/price.csv' does not exist; did you mean $/data/prices.csv?");
  EXPECT_EQ(List("$/dat/prices.csv"), "input '$/dat/prices.csv' does not exist; did you mean $/data?");
  EXPECT_EQ(List("$/zzzzzz"), "input '$/zzzzzz' does not exist; is the path right?");
  EXPECT_EQ(List("$/dat/*.csv"), "input '$/dat/*.csv' does not exist; did you mean $/data?");
  EXPECT_EQ(List("data/prices.csv"), "path 'data/prices.csv' is not absolute; mrsubmit makes paths absolute");
  EXPECT_EQ(List(" , "), "no input given; name a file, a folder or a pattern");
  EXPECT_EQ(List("s3://bucket/x"),
            "cannot read 's3://bucket/x': s3:// is not supported yet; give a path or a file: URI");
  EXPECT_EQ(List("/dev/null"), "input '/dev/null' is not a regular file");
}

TEST_F(ListInputsTest, UnreadableFile) {
  const std::string path = Put("a.csv", "x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  ASSERT_EQ(chmod(dir_.path().c_str(), 0711), 0);
  const bool root = geteuid() == 0;  // root reads everything
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const absl::Status status = ListInputs(path).status();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_NE(MessageOf(status).find("a.csv"), std::string::npos) << status;
}

}  // namespace
}  // namespace millrace::io
