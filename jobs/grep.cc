// The lines that contain a text, in the order of the input.
//
//   mrsubmit run --local grep --input=access.log --output=found --pattern=' 404 '
//
// The pattern is bytes, not an expression. A CR belongs to its line.
//
// Stages: one pass; nothing is shuffled. Memory: a block of the input per slot.
#include <cstring>

#include "common/pipeline/pipeline.h"

namespace millrace {

struct GrepOptions : CommonOptions {
  std::string pattern = kRequired;
};
MR_OPTIONS(GrepOptions, MR_OPTION(pattern, "text", "Lines that contain these bytes are kept"))

// Many lines at once: looks for the pattern first and for the ends of its line only where it is.
void MatchingLines(std::string_view pattern, std::string_view block, Emitter<std::string_view>& out) {
  while (!block.empty()) {
    const auto* hit =
        static_cast<const char*>(memmem(block.data(), block.size(), pattern.data(), pattern.size()));
    if (hit == nullptr) return;
    const size_t at = static_cast<size_t>(hit - block.data());
    const size_t begin = at == 0 ? 0 : block.rfind('\n', at - 1) + 1;
    const size_t end = std::min(block.find('\n', at), block.size());
    out(block.substr(begin, end - begin));
    block.remove_prefix(std::min(end + 1, block.size()));
  }
}

void Grep(Job& job, const GrepOptions& options) {
  if (options.pattern.empty()) job.Fail("--pattern is empty: give the text to look for");
  if (options.pattern.find('\n') != std::string::npos)
    job.Fail("--pattern has a line end: it is looked for inside lines");
  job.ReadTextBlocks(options.input)
      .FlatMap<std::string_view>(
          With(options.pattern),
          [](const std::string& pattern, std::string_view block, Emitter<std::string_view>& out) {
            MatchingLines(pattern, block, out);
          },
          "Grep")
      .Write(options.output);
}
MR_JOB("grep", Grep, "Lines that contain a text")

}  // namespace millrace
