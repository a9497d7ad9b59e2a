// Pages of reports: out of the report.json that a job left in its output.
#pragma once

#include <string>

namespace millrace::cli {

// Writes `file` and says so; the exit code. An output without a report, or one that is not here, is a
// sentence.
int WriteReportPage(const std::string& output, const std::string& file);

}  // namespace millrace::cli
