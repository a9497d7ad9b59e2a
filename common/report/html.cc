#include "common/report/html.h"

#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/report/embedded.h"

namespace millrace::report {
namespace {

using Json = nlohmann::ordered_json;

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

// Data between script tags: no tag can begin in it. Outside of texts JSON has none of these bytes.
std::string Safe(std::string_view json) {
  std::string out;
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

absl::StatusOr<std::string> RenderHtml(std::string_view text) {
  const Json page = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object() || !page.contains("millrace_report") || !page.contains("items") ||
      !page["items"].is_array()) {
    return InvalidArgument("this is no report of a job");
  }
  if (page["millrace_report"] != 1) {
    return InvalidArgument("the report was written by a newer version; render it with that one");
  }
  return StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src "
      "'unsafe-inline'; "
      "style-src 'unsafe-inline'\">\n",
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>", Escaped(Text(page, "title")),
      "</title>\n<style>\n", PageStyle(), "</style>\n</head>\n<body>\n<main>\n<h1>",
      Escaped(Text(page, "title")), "</h1>\n<p class=\"sub\">", Escaped(Text(page, "subtitle")),
      "</p>\n<div id=\"items\"></div>\n<footer>Drawn with Chart.js (MIT licence), embedded in this page; "
      "nothing is loaded from the network.</footer>\n</main>\n<script>\n",
      ChartScript(), "\n</script>\n<script>\nconst report = ", Safe(page.dump()), ";\n", PageScript(),
      "</script>\n</body>\n</html>\n");
}

}  // namespace millrace::report
