// Chart.js, taken in by the assembler at build time: CMakeLists.txt finds the file.
#include <string_view>

#include "jobs/report/cluster_report.h"

asm(".section .rodata\n"
    ".global mr_chart_begin\n"
    ".hidden mr_chart_begin\n"
    "mr_chart_begin:\n"
    ".incbin \"" MILLRACE_CHART_JS
    "\"\n"
    ".global mr_chart_end\n"
    ".hidden mr_chart_end\n"
    "mr_chart_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
__attribute__((visibility("hidden"))) extern const char mr_chart_begin[];
__attribute__((visibility("hidden"))) extern const char mr_chart_end[];
}

namespace millrace::report {

std::string_view ChartScript() {
  return {mr_chart_begin, static_cast<size_t>(mr_chart_end - mr_chart_begin)};
}

}  // namespace millrace::report
