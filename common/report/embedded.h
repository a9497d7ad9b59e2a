// Files that are part of the program.
#pragma once

#include <string_view>

namespace millrace::report {

std::string_view ChartScript();  // Chart.js (MIT licence)
std::string_view PageScript();   // page.js
std::string_view PageStyle();    // page.css

}  // namespace millrace::report
