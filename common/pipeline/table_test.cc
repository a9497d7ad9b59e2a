// Tables: types found and given, folders as columns, jsonl; and the operators that came with them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/pipeline/pipeline.h"
#include "common/pipeline/testing/in_memory_link.h"

namespace millrace {
namespace {

class TableTest : public ::testing::Test {
 protected:
  TableTest() : job_(link_) {
    char name[] = "/tmp/millrace_table_XXXXXX";
    folder_ = ::mkdtemp(name);
    job_.mutable_settings().output = "/out";
  }
  ~TableTest() override { std::filesystem::remove_all(folder_); }
  std::string File(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
  // Rows as "a|1.0|null".
  static std::vector<std::string> Lines(const Table& table) {
    std::vector<std::string> lines;
    for (const Row& row : table.rows.Collect()) {
      std::string line;
      for (const Value& value : row)
        line += (line.empty() ? "" : "|") + (value.is_null() ? "null" : value.ToString());
      lines.push_back(line);
    }
    return lines;
  }
  template <typename Fn>
  static std::string ErrorOf(Fn fn) {
    try {
      fn();
    } catch (const JobAborted& aborted) {
      return aborted.what();
    }
    return "no error";
  }
  testing::InMemoryLink link_;
  Job job_;
  std::string folder_;
};

using Texts = std::vector<std::string>;

TEST_F(TableTest, JsonlHasTheTypesOfItsMembers) {
  const std::string path =
      File("t.jsonl",
           "{\"id\":\"007\",\"x\":1,\"in\":{\"y\":true}}\n{\"x\":2.5,\"id\":\"b\",\"in\":{\"y\":null}}\n");
  const Table table = job_.ReadTable(path);
  EXPECT_EQ(table.schema.ToString(), "id text, x double, in.y text");
  EXPECT_EQ(Lines(table), (Texts{"007|1.0|true", "b|2.5|null"}));
  EXPECT_NE(ErrorOf([&] { job_.ReadTable(path, {.columns = {"idd"}}); }).find("did you mean 'id'?"),
            std::string::npos);
  const Table any = job_.ReadTable(path, {.untyped = true});
  EXPECT_EQ(any.rows.Collect()[0][2].type(), ValueType::kBool);
  const std::string bad = File("bad.jsonl", "{\"x\":1}\n{\"x\":\"abc\"}\n");
  const auto read = [&] { job_.ReadTable(bad, {.types = {{"x", ValueType::kDouble}}}).rows.Count(); };
  EXPECT_NE(ErrorOf(read).find("bad.jsonl:2, member x: 'abc' is not a double"), std::string::npos);
}

TEST_F(TableTest, GivenTypesGoBeforeFoundOnes) {
  const std::string path = File("t.csv", "a,b,c\n1,2,3\n4,5,6\n");
  const Table table = job_.ReadTable(path, {.text = {"a"}, .types = {{"b", ValueType::kInt64}}, .sample = 1});
  EXPECT_EQ(table.schema.ToString(), "a text, b int64, c double");
  EXPECT_EQ(Lines(table), (Texts{"1|2|3.0", "4|5|6.0"}));
  ASSERT_EQ(table.sample.size(), 1u);
  EXPECT_EQ(table.sample[0][2].AsText(), "3");
}

TEST_F(TableTest, BlanksAreMissingWhereThatIsAsked) {
  const std::string path = File("t.csv", "a,b\n1,x\n \t,\" \"\n\"\",y\n");
  const Table table = job_.ReadTable(path, {.blank_missing = true});
  EXPECT_EQ(table.schema.ToString(), "a double, b text");
  EXPECT_EQ(Lines(table), (Texts{"1.0|x", "null|null", "null|y"}));
  EXPECT_EQ(job_.ReadTable(path).schema.ToString(), "a text, b text");
}

TEST_F(TableTest, FoldersAreColumnsBehindThoseOfTheFiles) {
  File("in/year=2023/city=S%C3%A3o/a.csv", "x\n1\n");
  File("in/year=2024/city=__HIVE_DEFAULT_PARTITION__/b.csv", "x\n2\n");
  const Table table = job_.ReadTable(folder_ + "/in");
  EXPECT_EQ(table.schema.ToString(), "x double, year double, city text");
  EXPECT_EQ(table.folders, (Texts{"year", "city"}));
  EXPECT_EQ(Lines(table), (Texts{"1.0|2023.0|São", "2.0|2024.0|null"}));
  EXPECT_EQ(Lines(job_.ReadTable(folder_ + "/in", {.columns = {"city"}})), (Texts{"São", "null"}));
  // Named as a file, it is a file; and folders of one kind only.
  EXPECT_EQ(job_.ReadTable(folder_ + "/in/year=2023/city=S%C3%A3o/a.csv").schema.ToString(), "x double");
  File("in/month=1/c.csv", "x\n3\n");
  EXPECT_NE(ErrorOf([&] { job_.ReadTable(folder_ + "/in"); }).find("read folders of one kind"),
            std::string::npos);
}

TEST_F(TableTest, TheSchemaFileIsForTheInput) {
  const std::string path = File("t.csv", "id,x,d\n1,7,2023-01-03\n2,oops,2023-01-04\n");
  const auto table = [&](const std::string& schema) {
    Job job(link_);
    job.mutable_settings().input = path;
    job.mutable_settings().schema = File("schema.json", schema);
    const Table read = job.ReadTable(path);
    return read.schema.ToString() + "; " + StrJoin(Lines(read), "; ");
  };
  EXPECT_EQ(table(R"({"columns": [{"name": "d", "type": "date"}, {"name": "id", "type": "int64"}]})"),
            "d date, id int64; 2023-01-03|1; 2023-01-04|2");
  EXPECT_EQ(table(R"({"columns": [{"name": "id", "type": "text"}], "blank_missing": true})"),
            "id text; 1; 2");
  const std::string misfit = R"({"columns": [{"name": "x", "type": "int64"}]})";
  EXPECT_NE(ErrorOf([&] { table(misfit); }).find("t.csv:3, column x: 'oops' is not a int64"),
            std::string::npos)
      << ErrorOf([&] { table(misfit); });
  EXPECT_NE(ErrorOf([&] {
              table(R"({"columns": [{"name": "y", "type": "int64"}]})");
            }).find("there is no column 'y'"),
            std::string::npos);
  EXPECT_NE(ErrorOf([&] {
              table(R"({"columns": [{"name": "x", "type": "integer"}]})");
            }).find("column 1 wants a name and a type"),
            std::string::npos);
  EXPECT_NE(ErrorOf([&] { table("[]"); }).find("is no schema"), std::string::npos);
  EXPECT_NE(ErrorOf([&] { table(""); }).find("cannot be read or is empty"), std::string::npos);
}

TEST_F(TableTest, AccumulateHasAStatePerTask) {
  job_.mutable_settings().split_bytes = 4;
  const auto sums =
      job_.ReadText(File("n.txt", "1\n2\n3\n4\n5\n"))
          .Accumulate<std::string, int>(
              With(std::string("sum ")),
              [](const std::string&, int& sum, const std::string_view& line, Emitter<std::string>& out) {
                sum += line[0] - '0';
                if (line == "3") out("three");
              },
              [](const std::string& name, int& sum, Emitter<std::string>& out) {
                out(name + std::to_string(sum));
              })
          .Collect();
  EXPECT_EQ(sums, (Texts{"sum 3", "three", "sum 7", "sum 5"}));
}

TEST_F(TableTest, ASampleOfASmallInputIsAllOfIt) {
  const auto lines = job_.ReadText(File("n.txt", "1\n2\n"))
                         .Map([](const std::string_view& line) { return std::string(line); })
                         .CollectSample();
  EXPECT_EQ(lines, (Texts{"1", "2"}));
}

TEST_F(TableTest, ASampleOfALargeInputIsSpreadOverIt) {
  std::string text;
  for (int i = 0; i < 3'000'000; ++i) text += std::to_string(1'000'000 + i % 9'000'000) + "\n";
  job_.mutable_settings().partition_bytes = 1 << 20;  // so that several partitions are wanted
  const auto lines = job_.ReadText(File("n.txt", text))
                         .Map([](const std::string_view& line) { return std::string(line); })
                         .CollectSample();
  EXPECT_LT(lines.size(), 2'500'000u);
  EXPECT_GT(lines.size(), 1'000'000u);
  EXPECT_EQ(lines.front(), "1000000");
  EXPECT_GT(lines.back(), "3900000");
}

TEST_F(TableTest, PartitionsAreAsAskedUnlessTheUserSays) {
  const auto counts = [&](uint32_t settings) {
    job_.mutable_settings().partitions = settings;
    return job_.Values<std::string>({"a", "b", "c"})
        .KeyBy([](const std::string& s) { return s; })
        .Partitions(5)
        .ReduceByKey([](std::string&, const std::string&) {})
        .Pairs()
        .CollectPerTask()
        .size();
  };
  EXPECT_EQ(counts(0), 5u);
  EXPECT_EQ(counts(2), 2u);
}

}  // namespace
}  // namespace millrace
