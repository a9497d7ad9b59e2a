// Values for a script inside a page: JSON that is safe between <script> tags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::report {

// In quotes; '<', '>' and '&' are written as \u escapes.
std::string JsonText(std::string_view text);
// The shortest text that reads back as the same double; null where it is not finite.
std::string JsonNumber(double value);
std::string JsonNumbers(const std::vector<double>& values);
std::string JsonTexts(const std::vector<std::string>& texts);

}  // namespace millrace::report
