// The page of a clustering: elbow, scatter and one plot per cluster; everything inline, nothing is fetched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::report {

struct ElbowPoint {
  uint32_t k = 0;
  double cost = 0;
};

struct ClusterMember {
  std::string name;
  uint32_t cluster = 0;
  double average_daily = 0, average_cumulative = 0;
  std::vector<double> line;  // one value per column, NaN = none
};

struct ClusterReport {
  std::string title;
  std::string subtitle;
  uint32_t k = 0;
  double silhouette = 0;
  std::vector<std::string> columns;  // of the lines: dates
  std::vector<ElbowPoint> elbow;
  std::vector<ClusterMember> members;  // in the order of the table
};

// The whole page. The same report gives the same bytes.
std::string RenderHtml(const ClusterReport& report);

// Chart.js as it was embedded at build time (MIT licence).
std::string_view ChartScript();

}  // namespace millrace::report
