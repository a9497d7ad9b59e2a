#include "common/config/option_table.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace millrace {
namespace {

std::string Sentence(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

struct Fixture {
  uint32_t slots = 0, lease = 0;
  uint64_t memory = 0;
  bool quiet = false;
  std::string output, level;
  std::vector<std::string> roots;
  OptionTable table{"mrtest", "Tests the table."};
  Fixture() {
    table.Add("slots", &slots, 2, "N", "How many tasks run at once.").Range(1, 64);
    table.AddBytes("slot-memory", &memory, 256ull << 20, "Memory of a slot.").Range(64 << 20, 1e12);
    table.AddMs("lease", &lease, 4000, "How long a lease holds.");
    table.Add("quiet", &quiet, false, "Says nothing.");
    table.Add("output", &output, "", "URI", "Where to.").Env("MRTEST_OUTPUT");
    table.Add("log-level", &level, "info", "LEVEL", "What is shown.").Choices({"info", "error"});
    table.AddList("shared-root", &roots, "DIR", "Folders all see.");
  }
};

TEST(OptionTable, DefaultsAndValues) {
  Fixture f;
  ASSERT_TRUE(f.table.ParseArgs({}).ok());
  EXPECT_EQ(f.slots, 2u);
  EXPECT_EQ(f.memory, 256ull << 20);
  absl::Status parsed = f.table.ParseArgs({"--slots=4", "--slot-memory", "1GiB", "--lease=2s", "--quiet",
                                           "--shared-root=/a", "--shared-root=/b", "--output="});
  ASSERT_TRUE(parsed.ok()) << Sentence(parsed);
  EXPECT_EQ(f.slots, 4u);
  EXPECT_EQ(f.memory, 1ull << 30);
  EXPECT_EQ(f.lease, 2000u);
  EXPECT_TRUE(f.quiet);
  EXPECT_EQ(f.roots, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_TRUE(f.table.Given("slots"));
  EXPECT_FALSE(f.table.Given("log-level"));
}

TEST(OptionTable, ErrorsAreSentences) {
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--slot=4"})),
            "unknown option --slot; did you mean --slots?");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--slots=zwei"})), "--slots: \"zwei\" is no whole number");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--slots=-1"})), "--slots: \"-1\" is no whole number");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--slots=65"})), "--slots: \"65\" is out of range: 1 to 64");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--slots=99999999999"})),
            "--slots: \"99999999999\" is too large");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--log-level=loud"})),
            "--log-level: \"loud\" is none of info, error");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"--quiet=maybe"})),
            "--quiet: \"maybe\" is neither true nor false");
  EXPECT_EQ(Sentence(Fixture().table.ParseArgs({"surplus"})),
            "unexpected argument \"surplus\"; see mrtest --help");
  EXPECT_NE(Sentence(Fixture().table.ParseArgs({"--slot-memory=12 apples"})).find("is no size"),
            std::string::npos);
  EXPECT_FALSE(Fixture().table.ParseArgs({"--slots"}).ok());
}

TEST(OptionTable, EnvironmentWhenNotGiven) {
  setenv("MRTEST_OUTPUT", "/from/env", 1);
  Fixture a;
  ASSERT_TRUE(a.table.ParseArgs({}).ok());
  EXPECT_EQ(a.output, "/from/env");
  Fixture b;
  ASSERT_TRUE(b.table.ParseArgs({"--output=/given"}).ok());
  EXPECT_EQ(b.output, "/given");
  unsetenv("MRTEST_OUTPUT");
}

TEST(OptionTable, RestKeepsWhatFollows) {
  Fixture f;
  std::vector<std::string> rest;
  f.table.Rest(&rest, "JOB");
  ASSERT_TRUE(f.table.ParseArgs({"--slots=3", "run", "wordcount", "--input=", "--slots=9"}).ok());
  EXPECT_EQ(f.slots, 3u);
  EXPECT_EQ(rest, (std::vector<std::string>{"run", "wordcount", "--input=", "--slots=9"}));
  Fixture g;
  g.table.Rest(&rest, "JOB");
  EXPECT_EQ(Sentence(g.table.ParseArgs({"--slotz=3", "run"})),
            "unknown option --slotz; did you mean --slots?");
}

TEST(OptionTable, PositionalAndUnknownPairs) {
  Fixture f;
  std::vector<std::string> words;
  std::map<std::string, std::string> others;
  f.table.Positional(&words, "JOB");
  f.table.Unknown(&others);
  ASSERT_TRUE(
      f.table.ParseArgs({"wordcount", "--quiet", "--tokens=ascii", "--slots=3", "--header", "more"}).ok());
  EXPECT_EQ(words, (std::vector<std::string>{"wordcount", "more"}));
  EXPECT_EQ(others, (std::map<std::string, std::string>{{"tokens", "ascii"}, {"header", "true"}}));
  EXPECT_TRUE(f.quiet);
}

TEST(OptionTable, HelpNamesDefaultUnitAndMeaning) {
  std::string help = Fixture().table.Help();
  EXPECT_NE(help.find("--slot-memory=SIZE  (default 256MiB)"), std::string::npos) << help;
  EXPECT_NE(help.find("--lease=TIME  (default 4s)"), std::string::npos) << help;
  EXPECT_NE(help.find("How many tasks run at once."), std::string::npos);
}

TEST(Loopback, OnlyLoopbackUntilKeysExist) {
  EXPECT_TRUE(CheckLoopback("127.0.0.1:0").ok());
  EXPECT_TRUE(CheckLoopback("127.8.8.8:7070").ok());
  EXPECT_TRUE(CheckLoopback("localhost:7070").ok());
  EXPECT_TRUE(CheckLoopback("[::1]:7070").ok());
  EXPECT_NE(Sentence(CheckLoopback("0.0.0.0:7070")).find("until keys exist, only loopback"),
            std::string::npos);
  EXPECT_FALSE(CheckLoopback("10.0.0.1:7070").ok());
  EXPECT_FALSE(CheckLoopback("127.0.0.1.example.org:7070").ok());
  EXPECT_FALSE(CheckLoopback("127.0.0.1").ok());
  EXPECT_FALSE(CheckLoopback("127.0.0.1:70000").ok());
}

}  // namespace
}  // namespace millrace
