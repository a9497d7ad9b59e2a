#include "jobs/report/json.h"

#include <cmath>

#include "common/pipeline/pipeline.h"

namespace millrace::report {

std::string JsonText(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string JsonNumber(double value) { return std::isfinite(value) ? FormatDouble(value) : "null"; }

std::string JsonNumbers(const std::vector<double>& values) {
  std::string out = "[";
  for (double value : values) out += (out.size() > 1 ? "," : "") + JsonNumber(value);
  return out + "]";
}

std::string JsonTexts(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + JsonText(text);
  return out + "]";
}

}  // namespace millrace::report
