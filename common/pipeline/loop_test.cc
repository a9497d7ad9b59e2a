// Loops, actions side by side, shared values: what a driver does, and what a later one does after it.
#include <gtest/gtest.h>

#include "common/pipeline/pipeline.h"
#include "common/pipeline/testing/in_memory_link.h"

namespace millrace {
namespace {

struct Sums {
  int64_t total = 0;
  std::vector<int64_t> seen;
};
MR_RECORD(Sums, MR_NAMED(total), MR_NAMED(seen))

struct Line {
  int64_t value = 0;
};
MR_RECORD(Line, MR_NAMED(value))

Dataset<int64_t> Numbers(Job& job) { return job.Values<int64_t>({5, 3, 9, 1, 7}, 2); }

// A job with all that a loop has to carry over: a cache and a sort that are made before it and first used in
// it, a loop in the loop, a table per step, actions under way at the end of a step.
std::string Walk(Job& job) {
  job.mutable_settings().output = "/out";
  job.mutable_settings().partitions = 2;
  const auto cached = Numbers(job).Map([](const int64_t& x) { return x * 10; }).Cache();
  const auto sorted = Numbers(job).SortBy([](const int64_t& x) { return x; });
  const Sums end = job.Loop("outer", Sums{}, 4, [&](Sums& state, uint64_t i) {
    state.total += cached.Map(With(state.total), [](const int64_t& t, const int64_t& x) { return x + t; })
                       .Aggregate(Sum{});
    if (i > 0) state.seen.push_back(sorted.Collect()[i]);
    state.total = job.Loop("inner", state.total, i, [&](int64_t& inner, uint64_t) {
      inner += static_cast<int64_t>(cached.Count());
      return true;
    });
    job.Values<Line>({{state.total}}).StartWrite("/out/step" + std::to_string(i));
    job.Values<Line>({{state.total}, {1}}, 2)
        .StartWrite("/out/all", {.first_part = static_cast<uint32_t>(2 * i)});
    return state.seen.size() < 2;
  });
  std::string text = std::to_string(end.total);
  for (int64_t x : end.seen) text += " " + std::to_string(x);
  job.WriteFile("end.txt", text + "\n");
  return text;
}

TEST(LoopTest, ALaterDriverBeginsAfterTheLastStepAndEndsAlike) {
  testing::InMemoryLink whole;
  Job reference(whole);
  EXPECT_EQ(Walk(reference), "10790 3 5");
  ASSERT_EQ(whole.files().size(), 10u);  // three steps, two parts each of the table they share, and the end
  size_t fewest = SIZE_MAX;
  for (int lives = 0;; ++lives) {
    testing::InMemoryLink link;
    link.keep_log = true;
    link.starts_to_live = lives;
    bool died = false;
    try {
      Job first(link);
      Walk(first);
    } catch (const JobAborted& aborted) {
      died = true;
      EXPECT_STREQ(aborted.what(), "the driver is dead");
    }
    link.starts_to_live = -1;
    Job second(link);
    EXPECT_EQ(Walk(second), "10790 3 5") << "died after " << lives << " starts";
    EXPECT_EQ(link.files(), whole.files());
    EXPECT_EQ(link.plans().size(), whole.plans().size()) << "nothing is run twice";
    if (!died) break;
    fewest = std::min(fewest, link.log().size());
  }
  EXPECT_LE(fewest, 5u) << "the steps that are over are not in the log";
}

TEST(LoopTest, EndsAtTheLimitOrWhenTheStepSaysSo) {
  testing::InMemoryLink link;
  Job job(link);
  const auto count = [&](uint64_t max, int64_t stop) {
    return job.Loop("count", int64_t{0}, max, [&](int64_t& n, uint64_t i) {
      EXPECT_EQ(static_cast<uint64_t>(n), i);
      return ++n < stop;
    });
  };
  EXPECT_EQ(count(0, 9), 0);
  EXPECT_EQ(count(3, 9), 3);
  EXPECT_EQ(count(9, 3), 3);
}

// What a step made is gone after it: a driver that begins later would not have it.
TEST(LoopTest, DataSetsOfAStepEndWithIt) {
  testing::InMemoryLink link;
  Job job(link);
  std::optional<Dataset<int64_t>> kept;
  try {
    job.Loop("leaky", int64_t{0}, 2, [&](int64_t&, uint64_t) {
      if (kept) kept->Map([](const int64_t& x) { return x; }).Count();
      kept = Numbers(job).Cache();
      return true;
    });
    FAIL() << "no error";
  } catch (const JobAborted& aborted) {
    EXPECT_EQ(aborted.error().kind(), pb::ErrorInfo::USER_CODE);
    EXPECT_NE(std::string(aborted.what()).find("a step of loop 'leaky'"), std::string::npos)
        << aborted.what();
  }
}

TEST(LoopTest, AnotherLoopAtItsPlaceIsRefused) {
  testing::InMemoryLink link;
  link.keep_log = true;
  const auto step = [](int64_t&, uint64_t) { return true; };
  Job(link).Loop("one", int64_t{0}, 2, step);
  try {
    Job(link).Loop("two", int64_t{0}, 2, step);
    FAIL() << "no error";
  } catch (const JobAborted& aborted) {
    EXPECT_NE(std::string(aborted.what()).find("loop 'two' stands where loop 'one' stood"), std::string::npos)
        << aborted.what();
  }
}

TEST(StartedTest, SeveralUnderWayTakenInAnyOrder) {
  testing::InMemoryLink link;
  Job job(link);
  job.mutable_settings().output = "/out";
  const auto numbers = Numbers(job);
  auto count = numbers.StartCount();
  auto all = numbers.StartCollect();
  auto sum = numbers.StartAggregate(Sum{}, int64_t{-1});
  auto none = numbers.Filter([](const int64_t&) { return false; }).StartAggregate(Sum{}, int64_t{-1});
  auto written = numbers.Map([](const int64_t& x) { return Line{x}; }).StartWrite("/out");
  EXPECT_EQ(written.Get(), 5u);
  EXPECT_EQ(none.Get(), -1);
  EXPECT_EQ(sum.Get(), 25);
  EXPECT_EQ(all.Get(), (std::vector<int64_t>{5, 3, 9, 1, 7}));
  EXPECT_EQ(count.Get(), 5u);
  EXPECT_THROW(count.Get(), JobAborted);
}

struct ForgetfulOptions : CommonOptions {};
void Forgetful(Job& job, const ForgetfulOptions&) {
  Numbers(job)
      .Map([](const int64_t& x) { return x == 9 ? throw JobAborted({}) : x; })
      .StartCount();  // nobody asks
  job.Values<int64_t>({1}).Map([](const int64_t& x) { return Line{x}; }).StartWrite(job.settings().output);
}
MR_JOB("forgetful", Forgetful, "For this test")

// A link whose first action fails.
class FailingLink : public testing::InMemoryLink {
 public:
  absl::StatusOr<pb::ActionResult> AwaitAction(uint32_t action) override {
    awaited.push_back(action);
    pb::ActionResult result;
    if (action == 2) {
      result.mutable_error()->set_kind(pb::ErrorInfo::USER_CODE);
      result.mutable_error()->set_message("operator Map threw");
    }
    return result;
  }
  absl::Status StartAction(pb::ActionRequest) override { return absl::OkStatus(); }
  std::vector<uint32_t> awaited;
};

TEST(LoopTest, TheEndOfAStepWaitsForWhatItStarted) {
  FailingLink link;
  Job job(link);
  EXPECT_THROW(job.Loop("hasty", int64_t{0}, 1,
                        [&](int64_t&, uint64_t) {
                          Numbers(job).StartCount();
                          Numbers(job).StartCount();  // action 2
                          return true;
                        }),
               JobAborted);
  EXPECT_EQ(link.awaited, (std::vector<uint32_t>{1, 2}));
}

TEST(StartedTest, TheEndOfTheJobWaitsForWhatNobodyAskedFor) {
  FailingLink link;
  const pb::ErrorInfo error =
      testing::RunJob(link, "forgetful", {{"input", "x"}, {"output", "/nowhere/forgetful"}});
  EXPECT_EQ(error.message(), "operator Map threw");
  EXPECT_EQ(link.awaited, (std::vector<uint32_t>{1, 2}));
}

TEST(JoinTest, ARightSideThatDoesNotFitIsASentence) {
  testing::InMemoryLink link;
  Job job(link);
  const auto few = job.Values<int64_t>({1, 2}).KeyBy([](const int64_t& x) { return x; });
  // 17 MiB of key 2: over a quarter of the 64 MiB of this slot.
  const auto many = job.Values<int64_t>({1, 2, 2})
                        .FlatMap<std::string>([](const int64_t& x, Emitter<std::string>& out) {
                          for (int i = 0; i < (x == 1 ? 1 : 8500); ++i) out(std::string(1000, '0' + x));
                        })
                        .KeyBy([](const std::string& s) { return int64_t{s[0] - '0'}; });
  EXPECT_EQ(many.Join(few).Pairs().Count(), 17001u) << "on the left they stream";
  try {
    few.Join(many).Pairs().Count();
    FAIL() << "no error";
  } catch (const JobAborted& aborted) {
    EXPECT_EQ(aborted.error().kind(), pb::ErrorInfo::BAD_INPUT);
    EXPECT_TRUE(std::string(aborted.what())
                    .starts_with("Join: the right side has over 16 MiB of records for one key"))
        << aborted.what();
  }
}

TEST(SharedValuesTest, LargeValuesTravelOnceAndByName) {
  testing::InMemoryLink link;
  Job job(link);
  const std::string large(5000, 'x'), small = "y";
  const auto lengths = [&](const std::string& value) {
    return Numbers(job)
        .Map(With(value),
             [](const std::string& v, const int64_t& x) { return x + static_cast<int64_t>(v.size()); })
        .Aggregate(Max{});
  };
  EXPECT_EQ(lengths(large), 5009);
  EXPECT_EQ(lengths(small), 10);
  EXPECT_EQ(link.shared.size(), 1u);
  link.shared.clear();
  EXPECT_THROW(lengths(large), std::out_of_range) << "the link has it already: it is not sent again";
  std::string plans;
  for (const pb::Plan& plan : link.plans()) plans += plan.SerializeAsString();
  EXPECT_EQ(plans.find("xxxx"), std::string::npos);
  EXPECT_NE(plan::PlanText(link.plans()[0]).find("with 5002 bytes"), std::string::npos);
  EXPECT_NE(link.plans()[0].stages(0).branches(0).operators(1).shared().digest(), "");
}

TEST(SharedValuesTest, RecordsOfTheDriverAreSharedWhereTheyAreMany) {
  testing::InMemoryLink link;
  Job job(link);
  std::vector<std::string> records(300, std::string(60, 'z'));
  records.resize(400);  // the last partition is small
  EXPECT_EQ(job.Values<std::string>(records, 4).Collect(), records);
  const pb::ValuesSource& source = link.plans()[0].stages(0).branches(0).values();
  ASSERT_EQ(source.shared_size(), 4);
  EXPECT_EQ(source.partitions(0), "");
  EXPECT_EQ(source.partitions(3).size(), 100u);
  EXPECT_EQ(link.shared.size(), 1u) << "the first three are the same bytes";
}

// The plan's fingerprint names the values: others are another plan.
TEST(SharedValuesTest, FingerprintsTellValuesApart) {
  testing::InMemoryLink link;
  link.keep_log = true;
  const auto count = [&](char c) {
    Job job(link);
    return Numbers(job)
        .Filter(With(std::string(5000, c)), [](const std::string& v, const int64_t&) { return v[0] == 'a'; })
        .Count();
  };
  EXPECT_EQ(count('a'), 5u);
  EXPECT_EQ(count('a'), 5u);
  EXPECT_THROW(count('b'), JobAborted);
}

}  // namespace
}  // namespace millrace
