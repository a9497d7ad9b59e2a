// The page's style and script, and Chart.js: taken in by the assembler at build time, CMakeLists.txt finds
// the files.
#include "common/report/embedded.h"

#define MR_EMBED(name, path) \
  asm(".section .rodata\n"   \
      ".global mr_" name     \
      "_begin\n"             \
      ".hidden mr_" name     \
      "_begin\n"             \
      "mr_" name             \
      "_begin:\n"            \
      ".incbin \"" path      \
      "\"\n"                 \
      ".global mr_" name     \
      "_end\n"               \
      ".hidden mr_" name     \
      "_end\n"               \
      "mr_" name             \
      "_end:\n"              \
      ".byte 0\n"            \
      ".previous\n")

MR_EMBED("chart", MILLRACE_CHART_JS);
MR_EMBED("page_js", MILLRACE_PAGE_JS);
MR_EMBED("page_css", MILLRACE_PAGE_CSS);

extern "C" {
__attribute__((visibility("hidden"))) extern const char mr_chart_begin[], mr_chart_end[];
__attribute__((visibility("hidden"))) extern const char mr_page_js_begin[], mr_page_js_end[];
__attribute__((visibility("hidden"))) extern const char mr_page_css_begin[], mr_page_css_end[];
}

namespace millrace::report {

std::string_view ChartScript() {
  return {mr_chart_begin, static_cast<size_t>(mr_chart_end - mr_chart_begin)};
}
std::string_view PageScript() {
  return {mr_page_js_begin, static_cast<size_t>(mr_page_js_end - mr_page_js_begin)};
}
std::string_view PageStyle() {
  return {mr_page_css_begin, static_cast<size_t>(mr_page_css_end - mr_page_css_begin)};
}

}  // namespace millrace::report
