// One self-contained page of HTML out of a report.json.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace millrace::report {

// The whole page: style, data and Chart.js (MIT licence) inside, nothing is fetched; light and dark, on
// paper, on a phone, by keyboard; every chart has its numbers as a table below. The same input gives the same
// bytes. kInvalidArgument, as a sentence: `json` is no report.
absl::StatusOr<std::string> RenderHtml(std::string_view json);

}  // namespace millrace::report
