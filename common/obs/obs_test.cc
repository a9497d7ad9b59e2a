#include <gtest/gtest.h>

#include "common/obs/log.h"
#include "common/obs/metrics.h"

namespace millrace {
namespace {

TEST(Metrics, TextInNameOrder) {
  Metrics metrics;
  metrics.SetGauge("millrace_workers", "Workers registered.", {}, 2);
  metrics.SetCounter("millrace_jobs_total", "Jobs ended.", {{"state", "succeeded"}}, 3);
  metrics.SetCounter("millrace_jobs_total", "Jobs ended.", {{"state", "succeeded"}},
                     1);  // a counter never falls
  std::string text = metrics.Text();
  EXPECT_NE(text.find("# TYPE millrace_jobs_total counter"), std::string::npos) << text;
  EXPECT_NE(text.find("millrace_jobs_total{state=\"succeeded\"} 3"), std::string::npos) << text;
  EXPECT_NE(text.find("millrace_workers 2"), std::string::npos) << text;
  EXPECT_LT(text.find("millrace_jobs_total"), text.find("millrace_workers"));
}

TEST(Log, LevelsByName) {
  LogLevel level = LogLevel::kOff;
  ASSERT_TRUE(ParseLogLevel("debug", &level).ok());
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_FALSE(ParseLogLevel("loud", &level).ok());
  InitLog("obs_test", LogLevel::kError);
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_TRUE(LogEnabled(LogLevel::kError));
  InitLog("obs_test", LogLevel::kOff);
  EXPECT_FALSE(LogEnabled(LogLevel::kError));
}

}  // namespace
}  // namespace millrace
