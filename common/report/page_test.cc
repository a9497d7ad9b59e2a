#include "common/report/page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/report/html.h"

namespace millrace::report {
namespace {

Page Example() {
  Page page{"A <b>title</b> & more", "subtitle", {}};
  page.Add(Figures{{{"rows", Short(12345)}}});
  page.Add(Part{"Part", "note"});
  Chart chart{.kind = Chart::Kind::kLine, .title = "</script><script>alert(1)</script>"};
  chart.categories = {"2023-01-03", "2023-01-04"};
  chart.series.push_back({.name = "a\xff", .y = {0.1, kNone}});
  chart.bands.push_back({"2023-01-03", "2023-01-04", "band"});
  page.Add(chart);
  page.Add(Sheet{.title = "Sheet", .columns = {"a"}, .rows = {{"1"}}});
  page.Add(HeatMap{.title = "Heat", .columns = {"a"}, .rows = {"a"}, .values = {{1}}});
  return page;
}

TEST(Page, IsTheSameJsonEveryTimeAndKeepsDoubles) {
  const std::string json = ToJson(Example());
  EXPECT_EQ(json, ToJson(Example()));
  const auto parsed = nlohmann::json::parse(json);
  EXPECT_EQ(parsed["items"].size(), 5u);
  EXPECT_EQ(parsed["items"][2]["series"][0]["y"][0], 0.1);
  EXPECT_TRUE(parsed["items"][2]["series"][0]["y"][1].is_null());
  EXPECT_EQ(parsed["items"][2]["series"][0]["name"], "a\xef\xbf\xbd") << "bytes that are no UTF-8";
}

TEST(Html, TextsOfDataCannotLeaveTheirPlace) {
  const auto html = RenderHtml(ToJson(Example()));
  ASSERT_TRUE(html.ok());
  EXPECT_EQ(html->find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(html->find("<b>title"), std::string::npos);
  EXPECT_NE(html->find("A &lt;b>title"), std::string::npos);
  EXPECT_EQ(html->find("src=\"http"), std::string::npos);
  EXPECT_EQ(html->find("href=\"http"), std::string::npos);
}

TEST(Html, WhatIsNoReportIsASentence) {
  for (const char* text : {"", "{", "[]", "{\"items\": 3}", "{\"millrace_report\": 1, \"items\": {}}"}) {
    EXPECT_EQ(RenderHtml(text).status().message(), "this is no report of a job") << text;
  }
  EXPECT_EQ(RenderHtml("{\"millrace_report\": 2, \"items\": []}").status().message(),
            "the report was written by a newer version; render it with that one");
}

TEST(Page, NumbersForPeople) {
  EXPECT_EQ(Short(0), "0");
  EXPECT_EQ(Short(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(Short(-12345.678), "-12\u202f346");
  EXPECT_EQ(Short(999), "999");
  EXPECT_EQ(Short(0.012345), "0.01235");
  EXPECT_EQ(Short(2.5), "2.5");
  EXPECT_EQ(Short(1e-9), "1e-09");
  EXPECT_EQ(Short(kNone), "–");
  EXPECT_EQ(Percent(0.1234), "12.3 %");
}

TEST(Page, LongTextsEndInAnEllipsis) {
  EXPECT_EQ(Clipped("abcd", 4), "abcd");
  EXPECT_EQ(Clipped("abcde", 4), "abc…");
  EXPECT_EQ(Clipped("äöüß", 4), "äöüß");
  EXPECT_EQ(Clipped("äöüßa", 4), "äöü…");
  EXPECT_EQ(Clipped("", 4), "");
}

}  // namespace
}  // namespace millrace::report
