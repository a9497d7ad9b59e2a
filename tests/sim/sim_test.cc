// The sound scheduler passes; each rule that is broken on purpose is noticed within 1,000 seeds; a seed
// replays.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/sim/throughput.h"
#include "tests/sim/world.h"

namespace millrace::sim {
namespace {

using scheduler::BrokenRule;

TEST(Sim, SoundSchedulerPasses) {
  uint64_t faults = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    World world(seed, {});
    const Outcome outcome = world.Run();
    faults += outcome.faults;
    ASSERT_EQ(outcome.complaint, "") << "replay with its story: mr_sim --seeds=1 --trace --first=" << seed;
  }
  EXPECT_GT(faults, 20'000u);  // the seeds do hurt
}

TEST(Sim, PassesWithoutFaults) {
  SimOptions options;
  options.kinds = {"none"};
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    World world(seed, options);
    ASSERT_EQ(world.Run().complaint, "") << "seed " << seed;
  }
}

TEST(Sim, SameSeedReplaysToTheSameStep) {
  SimOptions options;
  options.broken = BrokenRule::kDoubleWinner;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    World one(seed, options), two(seed, options);
    const Outcome first = one.Run(), second = two.Run();
    ASSERT_EQ(first.complaint, second.complaint) << "seed " << seed;
    ASSERT_EQ(first.steps, second.steps) << "seed " << seed;
    ASSERT_EQ(first.end_ms, second.end_ms) << "seed " << seed;
  }
}

// Not a measurement (mr_sim --throughput is one): ten times the tasks must not take a hundred times as long.
TEST(Scheduler, LargeStagesAreNotQuadratic) {
  const double small = TasksPerSecond(2'000, 100, true), large = TasksPerSecond(50'000, 100, true);
  ASSERT_GT(small, 0);
  ASSERT_GT(large, 0);
  EXPECT_GT(large, small / 8);
}

class BrokenRuleTest : public testing::TestWithParam<BrokenRule> {};

TEST_P(BrokenRuleTest, IsCaughtWithin1000Seeds) {
  SimOptions options;
  options.broken = GetParam();
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    World world(seed, options);
    const Outcome outcome = world.Run();
    if (outcome.complaint.empty()) continue;
    std::printf("caught by seed %llu at step %llu: %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(outcome.steps), outcome.complaint.c_str());
    return;
  }
  FAIL() << "no seed noticed";
}

std::string RuleName(const testing::TestParamInfo<BrokenRule>& info) {
  switch (info.param) {
    case BrokenRule::kNone:
      return "None";
    case BrokenRule::kAcceptStaleEpoch:
      return "AcceptStaleEpoch";
    case BrokenRule::kTellBeforeJournal:
      return "TellBeforeJournal";
    case BrokenRule::kNeverRequeueLost:
      return "NeverRequeueLost";
    case BrokenRule::kIgnoreManifestVersion:
      return "IgnoreManifestVersion";
    case BrokenRule::kDoubleWinner:
      return "DoubleWinner";
    case BrokenRule::kIgnoreCredits:
      return "IgnoreCredits";
    case BrokenRule::kPublishEarly:
      return "PublishEarly";
    case BrokenRule::kSkipDigestCheck:
      return "SkipDigestCheck";
  }
  return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(Rules, BrokenRuleTest,
                         testing::Values(BrokenRule::kAcceptStaleEpoch, BrokenRule::kTellBeforeJournal,
                                         BrokenRule::kNeverRequeueLost, BrokenRule::kIgnoreManifestVersion,
                                         BrokenRule::kDoubleWinner, BrokenRule::kIgnoreCredits,
                                         BrokenRule::kPublishEarly, BrokenRule::kSkipDigestCheck),
                         RuleName);

}  // namespace
}  // namespace millrace::sim
