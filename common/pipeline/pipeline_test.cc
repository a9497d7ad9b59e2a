// Every operator, run in memory against a result computed by hand.
#include "common/pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>

#include "common/pipeline/testing/pipeline_fixture.h"

namespace millrace {
namespace {

struct Bar {
  std::string symbol;
  Date date;
  std::optional<double> close;
};
MR_RECORD(Bar, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_FIELD(close, "Close"))

struct Total {
  std::string symbol;
  double sum = 0;
};
MR_RECORD(Total, MR_FIELD(symbol, "Symbol"), MR_FIELD(sum, "Sum"))

using WordCount = KeyValue<std::string, int64_t>;

std::map<std::string, int64_t> AsMap(const std::vector<WordCount>& counts) {
  std::map<std::string, int64_t> map;
  for (const WordCount& count : counts) map[count.key] += count.value;
  return map;
}

TEST_F(PipelineTest, WordCountOverSeveralSplitsAndPartitions) {
  job_.mutable_settings().split_bytes = 8;
  job_.mutable_settings().partitions = 3;
  const auto counts =
      job_.ReadText(File("words.txt", "a b a\nc a\nb b\n"))
          .FlatMap<std::string>([](const std::string_view& line, Emitter<std::string>& out) {
            for (size_t i = 0; i < line.size(); i += 2) out(std::string(line.substr(i, 1)));
          })
          .KeyBy([](const std::string& word) { return word; }, [](const std::string&) { return int64_t{1}; })
          .ReduceByKey(Sum{})
          .Pairs()
          .Collect();
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_EQ(AsMap(counts), (std::map<std::string, int64_t>{{"a", 3}, {"b", 3}, {"c", 1}}));
}

TEST_F(PipelineTest, FunctionsCount) {
  const auto numbers = job_.Values<int64_t>({1, 2, 3, 4, 5, 6, 7}, 3).Filter([](int64_t n) {
    AddToCounter(n % 2 == 0 ? "even" : "odd");
    if (n == 7) AddToCounter("sevens", 70);
    return n > 4;
  });
  EXPECT_EQ(numbers.Count(), 3u);
  EXPECT_EQ(link_.counters(), (std::map<std::string, int64_t>{{"even", 3}, {"odd", 4}, {"sevens", 70}}));
  EXPECT_THROW(AddToCounter("outside"), std::logic_error);
}

TEST_F(PipelineTest, CombinerFlushesByLogicalBytesAndFoldsInOrder) {
  job_.mutable_settings().combine_flush_bytes = 1;  // a generation per new key
  const auto joined = job_.Values<std::string>({"x1", "y2", "x3", "x4", "y5"})
                          .KeyBy([](const std::string& s) { return s.substr(0, 1); },
                                 [](const std::string& s) { return s.substr(1); })
                          .ReduceByKey([](std::string& into, const std::string& v) { into += v; })
                          .Pairs()
                          .Collect();
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(joined[0].value, "134");
  EXPECT_EQ(joined[1].value, "25");
}

TEST_F(PipelineTest, GroupSortedSeesRowsInDateOrderAndTiesInFileOrder) {
  const std::string path =
      File("bars.csv",
           "Date,Close,Symbol\n2023-01-05,3,B\n2023-01-03,1,A\n2023-01-04,,B\n2023-01-03,7,B\n"
           "2023-01-03,8,B\n");
  job_.mutable_settings().split_bytes = 20;
  const auto lines = job_.Read<Bar>(path)
                         .KeyBy<&Bar::symbol>()
                         .GroupSorted<std::string, &Bar::date>(
                             [](const std::string& symbol, Rows<Bar> rows, Emitter<std::string>& out) {
                               std::string line = symbol;
                               for (const Bar& bar : rows)
                                 line += " " + std::to_string(bar.date.days % 10) + ":" +
                                         (bar.close ? std::to_string(static_cast<int>(*bar.close)) : "-");
                               out(line);
                             })
                         .Collect();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "A 0:1");
  EXPECT_EQ(lines[1], "B 0:7 0:8 1:- 2:3");
}

TEST_F(PipelineTest, GroupsThatAreNotReadAreSkipped) {
  const auto firsts = job_.Values<std::string>({"a1", "a2", "b1", "b2", "c1"})
                          .KeyBy([](const std::string& s) { return s.substr(0, 1); })
                          .GroupByKey<std::string>(
                              [](const std::string& key, Rows<std::string> rows, Emitter<std::string>& out) {
                                if (key == "b") return;
                                for (const std::string& row : rows) {
                                  out(row);
                                  break;
                                }
                              })
                          .Collect();
  EXPECT_EQ(firsts, (std::vector<std::string>{"a1", "c1"}));
}

TEST_F(PipelineTest, JoinsKeepTheOrderOfTheLeftSide) {
  const auto key = [](const std::string& s) { return s.substr(0, 1); };
  const auto left = job_.Values<std::string>({"a1", "b1", "a2", "d1"}).KeyBy(key);
  const auto right = job_.Values<std::string>({"aX", "aY", "bZ", "cW"}).KeyBy(key);
  std::vector<std::string> inner, outer, broadcast;
  for (const auto& pair : left.Join(right).Pairs().Collect())
    inner.push_back(pair.value.first + pair.value.second);
  EXPECT_EQ(inner, (std::vector<std::string>{"a1aX", "a1aY", "a2aX", "a2aY", "b1bZ"}));
  for (const auto& pair : left.LeftJoin(right).Pairs().Collect())
    outer.push_back(pair.value.first + pair.value.second.value_or("-"));
  EXPECT_EQ(outer, (std::vector<std::string>{"a1aX", "a1aY", "a2aX", "a2aY", "b1bZ", "d1-"}));
  for (const auto& pair : left.BroadcastJoin(right).Pairs().Collect())
    broadcast.push_back(pair.value.first + pair.value.second);
  EXPECT_EQ(broadcast, (std::vector<std::string>{"a1aX", "a1aY", "b1bZ", "a2aX", "a2aY"}));
}

TEST_F(PipelineTest, SortIsTotalOverPartitionsAndStable) {
  job_.mutable_settings().partitions = 4;
  job_.mutable_settings().split_bytes = 64;
  std::string text;
  uint64_t x = 7;
  std::vector<std::string> lines;
  for (int i = 0; i < 400; ++i) {
    x = x * 6364136223846793005ull + 1442695040888963407ull;
    lines.push_back(std::to_string((x >> 33) % 100) + "-" + std::to_string(i));
    text += lines.back() + "\n";
  }
  const auto sorted = job_.ReadText(File("lines.txt", text))
                          .Map([](const std::string_view& line) { return std::string(line); })
                          .SortBy([](const std::string& line) { return line.substr(0, line.find('-')); })
                          .Collect();
  std::stable_sort(lines.begin(), lines.end(), [](const std::string& a, const std::string& b) {
    return a.substr(0, a.find('-')) < b.substr(0, b.find('-'));
  });
  EXPECT_EQ(sorted, lines);
  EXPECT_EQ(link_.plans().size(), 2u) << "a sample, then the sort";
  EXPECT_EQ(link_.plans()[1].stages(0).shuffle().bounds_size(), 3);
}

TEST_F(PipelineTest, ASampleOfNumberedRowsNumbersThemLikeTheCount) {
  job_.mutable_settings().partitions = 4;
  job_.mutable_settings().split_bytes = 1 << 30;  // one split, and many to sample from
  constexpr int64_t kRows = 100'000;
  std::string text;
  for (int64_t i = 0; i < kRows; ++i) text += "line " + std::to_string(i) + "\n";
  const auto rows =
      job_.ReadText(File("numbered.txt", text))
          .WithRowNumber()
          .Map([](const Numbered<std::string_view>& line) { return static_cast<int64_t>(line.row); })
          .SortBy([](const int64_t& row) { return -row; })
          .Collect();
  ASSERT_EQ(rows.size(), static_cast<size_t>(kRows));
  for (int64_t i = 0; i < kRows; ++i) ASSERT_EQ(rows[static_cast<size_t>(i)], kRows - 1 - i);
}

TEST_F(PipelineTest, CachedDataIsComputedOnce) {
  const auto cached = job_.Values<int64_t>({1, 2, 3}).Map([](const int64_t& v) { return v * 10; }).Cache();
  EXPECT_EQ(cached.Collect(), (std::vector<int64_t>{10, 20, 30}));
  EXPECT_EQ(cached.Aggregate(Sum{}), 60);
  ASSERT_EQ(link_.plans().size(), 2u);
  EXPECT_EQ(link_.plans()[0].stages_size(), 2);
  EXPECT_EQ(link_.plans()[1].stages_size(), 1) << "the second action reads the cache";
}

TEST_F(PipelineTest, NarrowOperators) {
  const auto numbers = job_.Values<int64_t>({5, 1, 4, 1, 3});
  EXPECT_EQ(numbers.Filter(With(int64_t{2}), [](const int64_t& limit, const int64_t& v) { return v > limit; })
                .Collect(),
            (std::vector<int64_t>{5, 4, 3}));
  EXPECT_EQ(numbers.Union(numbers.Map([](const int64_t& v) { return -v; })).Count(), 10u);
  EXPECT_EQ(numbers.Take(2), (std::vector<int64_t>{5, 1}));
  const auto batches =
      numbers.MapBatch<int64_t>(2, [](std::span<const int64_t> batch, Emitter<int64_t>& out) {
        int64_t sum = 0;
        for (int64_t v : batch) sum += v;
        out(sum);
      });
  EXPECT_EQ(batches.Collect(), (std::vector<int64_t>{6, 5, 3}));
  EXPECT_EQ(numbers.Distinct().SortBy([](const int64_t& v) { return v; }).Collect(),
            (std::vector<int64_t>{1, 3, 4, 5}));
  std::vector<uint64_t> rows;
  for (const auto& row : numbers.Union(numbers).WithRowNumber().Collect()) rows.push_back(row.row);
  EXPECT_EQ(rows, (std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(numbers.Sample(1.0, 3).Count(), 5u);
  EXPECT_EQ(numbers.Sample(0.0, 3).Count(), 0u);
}

TEST_F(PipelineTest, TopPerKeyTakesTheGreatest) {
  const auto top = job_.Values<Total>({{"a", 1}, {"a", 5}, {"b", 2}, {"a", 3}})
                       .KeyBy<&Total::symbol>()
                       .TopPerKey<&Total::sum>(2);
  std::vector<double> sums;
  for (const auto& pair : top.Pairs().Collect()) sums.push_back(pair.value.sum);
  EXPECT_EQ(sums, (std::vector<double>{5, 3, 2}));
}

TEST_F(PipelineTest, WritesCsvWithHeaderMissingAndQuotes) {
  job_.Values<Bar>({{"A,B", Date{0}, 1.5}, {"", Date{1}, std::nullopt}}).Write("/out/bars");
  EXPECT_EQ(link_.Folder("bars"), "Symbol,Date,Close\n\"A,B\",1970-01-01,1.5\n\"\",1970-01-02,\n");
}

struct Event {
  std::string name;
  Date day;
  Timestamp at;
  std::optional<Date> until;
  double value = 0;
  float weight = 0;
  bool good = false;
  std::optional<int64_t> count;
};
MR_RECORD(Event, MR_NAMED(name), MR_NAMED(day), MR_NAMED(at), MR_NAMED(until), MR_NAMED(value),
          MR_NAMED(weight), MR_NAMED(good), MR_NAMED(count))

TEST_F(PipelineTest, WritesJsonThatOthersRead) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Event> events = {
      {"tab\t\x01\"q\"", Date{0}, Timestamp{1'500'000}, Date{1}, 1.5, -0.5f, true, 7},
      {"\xFF", Date{-1}, Timestamp{0}, std::nullopt, -infinity, static_cast<float>(infinity), false, {}},
      {"", Date{0}, Timestamp{0}, Date{0}, std::nan(""), std::nanf(""), false, -1}};
  job_.Values<Event>(events).Write("/out", {"jsonl", "jsonl"});
  const std::string text = link_.Folder("");
  EXPECT_EQ(text,
            R"({"name":"tab\t\u0001\"q\"","day":"1970-01-01","at":"1970-01-01T00:00:01.500000Z",)"
            R"("until":"1970-01-02","value":1.5,"weight":-0.5,"good":true,"count":7})"
            "\n"
            "{\"name\":\"\xEF\xBF\xBD\","
            R"("day":"1969-12-31","at":"1970-01-01T00:00:00Z","until":null,"value":"-inf","weight":"inf",)"
            R"("good":false,"count":null})"
            "\n"
            R"({"name":"","day":"1970-01-01","at":"1970-01-01T00:00:00Z","until":"1970-01-01",)"
            R"("value":null,"weight":null,"good":false,"count":-1})"
            "\n");
  // What we wrote we read: the first two lines, for no double is missing in them.
  const std::vector<Event> back =
      Job(link_).Read<Event>(File("e.jsonl", text.substr(0, text.rfind("{\"name\"")))).Collect();
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].name, events[0].name);
  EXPECT_EQ(back[0].at, events[0].at);
  EXPECT_EQ(back[1].day, events[1].day);
  EXPECT_EQ(back[1].value, -infinity);
  EXPECT_FALSE(back[1].until.has_value());
}

TEST_F(PipelineTest, TablesWriteJsonThatOthersRead) {
  Schema schema;
  for (const auto& [name, type] : {std::pair("t", ValueType::kText), std::pair("x", ValueType::kDouble),
                                   std::pair("d", ValueType::kDate), std::pair("i", ValueType::kTimestamp)})
    schema.Add(name, type);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Row> rows = {
      Row{Value::Text("a\x02"), Value::Double(infinity), Value::Day(Date{0}), Value::Instant(Timestamp{0})},
      Row{Value::Null(), Value::Double(std::nan("")), Value::Null(), Value::Null()}};
  Table{schema, job_.Values<Row>(rows)}.Write("/out", {"jsonl", "jsonl"});
  EXPECT_EQ(link_.Folder(""),
            "{\"t\":\"a\\u0002\",\"x\":\"inf\",\"d\":\"1970-01-01\",\"i\":\"1970-01-01T00:00:00Z\"}\n"
            "{\"t\":null,\"x\":null,\"d\":null,\"i\":null}\n");
}

TEST_F(PipelineTest, TablesGoThroughWithTheirTypes) {
  const Table table = job_.ReadTable(File("t.csv", "id,x,y\na,1,2.5\nb,,3\n"));
  EXPECT_EQ(table.schema.ToString(), "id text, x double, y double");
  table.Write("/out");
  EXPECT_EQ(link_.Folder(""), "id,x,y\na,1.0,2.5\nb,,3.0\n");
}

TEST_F(PipelineTest, ErrorsNameFileLineColumnAndValue) {
  const std::string path = File("bad.csv", "Symbol,Date,Close\nA,2023-01-03,1\nB,2023-01-04,abc\n");
  try {
    job_.Read<Bar>(path).Count();
    FAIL() << "no error";
  } catch (const JobAborted& aborted) {
    EXPECT_EQ(aborted.error().kind(), pb::ErrorInfo::BAD_INPUT);
    EXPECT_NE(aborted.error().message().find("bad.csv:3, column Close: 'abc'"), std::string::npos)
        << aborted.what();
  }
  const std::string other = File("other.csv", "Symbol,Date,Closed\nA,2023-01-03,1\n");
  try {
    Job fresh(link_);
    fresh.Read<Bar>(other);
    FAIL() << "no error";
  } catch (const JobAborted& aborted) {
    EXPECT_EQ(aborted.error().kind(), pb::ErrorInfo::USAGE);
    EXPECT_NE(aborted.error().message().find("did you mean 'Closed'"), std::string::npos) << aborted.what();
  }
}

struct EchoOptions : CommonOptions {
  std::string mode = "plain";
  int64_t times = 1;
  std::optional<Date> from;
  std::vector<Date> days;
  std::vector<uint32_t> sizes = {20, 50};
};
MR_OPTIONS(EchoOptions, MR_OPTION(mode, "plain|loud", "How"), MR_OPTION(times, "integer", "How often"),
           MR_OPTION(from, "date", "First day"), MR_OPTION(days, "dates", "Days"),
           MR_OPTION(sizes, "integers", "Sizes"))
void Echo(Job& job, const EchoOptions& options) {
  if (options.times < 0) job.Fail("--times must not be negative");
  if (options.times == 5) throw BadInput("five is no good");
  if (options.from.has_value())
    job.Fail(StrCat(options.from->ToString(), " ", options.days.size(), " ", options.sizes.back()));
  job.ReadText(options.input).Write(options.output);
}
MR_JOB("echo-test", Echo, "For this test")

struct TwoInputs : OutputOptions {
  std::string left = kRequired, right = kRequired;
};
MR_OPTIONS(TwoInputs, MR_OPTION(left, "path", "One"), MR_OPTION(right, "path", "Another"))
void Both(Job& job, const TwoInputs& options) {
  job.ReadText(options.left).Union(job.ReadText(options.right)).Write(options.output);
}
MR_JOB("two-inputs-test", Both, "For this test")

TEST_F(PipelineTest, AJobThatNamesItsInputsTakesNoInputOption) {
  const std::string left = File("left.txt", "l\n"), right = File("right.txt", "r\n");
  testing::InMemoryLink link;
  std::map<std::string, std::string> options = {{"left", left}, {"right", right}, {"output", folder_ + "/o"}};
  EXPECT_EQ(testing::RunJob(link, "two-inputs-test", options).kind(), pb::ErrorInfo::NONE);
  EXPECT_EQ(link.Folder(""), "l\nr\n");
  options["input"] = left;
  EXPECT_NE(testing::RunJob(link, "two-inputs-test", options).message().find("no option --input"),
            std::string::npos);
  options.erase("input");
  options.erase("right");
  EXPECT_NE(testing::RunJob(link, "two-inputs-test", options).message().find("--right is required"),
            std::string::npos);
  for (const OptionInfo& info : JobRegistry::Get().Find("two-inputs-test")->options)
    EXPECT_NE(info.name, "input");
}

TEST_F(PipelineTest, JobsCheckTheirOptions) {
  const std::string input = File("in.txt", "x\ny\n");
  const std::string output = folder_ + "/out";
  const auto run = [&](std::map<std::string, std::string> options) {
    testing::InMemoryLink link;
    options.insert({"input", input});
    options.insert({"output", output});
    const pb::ErrorInfo error = testing::RunJob(link, "echo-test", options);
    return error.kind() == pb::ErrorInfo::NONE ? link.Folder("") : error.message();
  };
  EXPECT_EQ(run({}), "x\ny\n");
  EXPECT_NE(run({{"mod", "loud"}}).find("did you mean --mode"), std::string::npos) << run({{"mod", "loud"}});
  EXPECT_NE(run({{"mod", "loud"}}).find("echo-test"), std::string::npos) << run({{"mod", "loud"}});
  EXPECT_NE(run({{"mode", "quiet"}}).find("plain|loud"), std::string::npos);
  EXPECT_NE(run({{"times", "x"}}).find("not a valid integer"), std::string::npos);
  EXPECT_EQ(run({{"times", "-1"}}), "--times must not be negative");
  EXPECT_NE(run({{"times", ""}}).find("'' is not a valid integer"), std::string::npos);
  EXPECT_EQ(run({{"times", "5"}}), "five is no good");
  EXPECT_EQ(run({{"from", "2008-04-15"}}), "2008-04-15 0 50");
  EXPECT_EQ(run({{"from", "2008-04-15"}, {"days", "2009-01-28,,2022-06-30"}, {"sizes", "7"}}),
            "2008-04-15 2 7");
  EXPECT_EQ(run({{"from", ""}}), "x\ny\n");
  EXPECT_EQ(run({{"from", "2008-02-30"}}), "--from=2008-02-30: '2008-02-30' is not a valid date");
  EXPECT_EQ(run({{"days", "2008-04-15,x"}}), "--days=2008-04-15,x: 'x' is not a valid date");
  EXPECT_EQ(run({{"sizes", "20,-5"}}), "--sizes=20,-5: '-5' is not a valid integer");
  EXPECT_NE(run({{"input", folder_ + "/nothing.txt"}}).find("nothing.txt"), std::string::npos);
  File("empty.txt", "");
  EXPECT_NE(run({{"input", folder_ + "/empty.txt"}}).find("has no records"), std::string::npos);
}

}  // namespace
}  // namespace millrace
