// A bundle of small and of badly behaved jobs, for the tests of local mode and of executors.
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace {
namespace {

struct Count {
  std::string_view line;
  uint64_t count = 0;
};
MR_RECORD(Count, MR_NAMED(line), MR_NAMED(count))

// line TAB count, in byte order.
void CountLines(Job& job, const CommonOptions& options) {
  job.ReadText(options.input)
      .KeyBy([](const std::string_view& line) { return line; },
             [](const std::string_view&) { return uint64_t{1}; })
      .InKeyOrder()
      .ReduceByKey(Sum{})
      .Pairs()
      .Map([](const KeyValue<std::string_view, uint64_t>& pair) {
        AddToCounter("different_lines");
        return Count{pair.key, pair.value};
      })
      .Write(options.output, {.format = "tsv"});
}
MR_JOB("count-lines", CountLines, "How often every line occurs")

void SortLines(Job& job, const CommonOptions& options) {
  job.ReadText(options.input)
      .SortBy([](const std::string_view& line) { return line; })
      .Write(options.output, {.format = "text"});
}
MR_JOB("sort-lines", SortLines, "The lines in byte order")

struct BoomOptions : CommonOptions {
  std::string how = "throw";
  std::string at = "5";
};
MR_OPTIONS(BoomOptions, MR_OPTION(how, "text", "throw, segv, abort, hang, alloc, stack"),
           MR_OPTION(at, "text", "The line that does it"))

int Overflow(int n) {  // NOLINT(misc-no-recursion)
  volatile char room[4096];
  room[0] = static_cast<char>(n);
  return n == 0 ? 0 : Overflow(n + 1) + room[0];
}

void Misbehave(const std::string& how) {
  if (how == "throw") throw std::runtime_error("boom");
  if (how == "segv") std::raise(SIGSEGV);
  if (how == "abort") std::abort();
  if (how == "stack") std::exit(Overflow(1));
  static volatile bool forever = true;
  while (how == "hang" && forever) {
  }
  static std::vector<std::unique_ptr<std::string>> heap;
  while (how == "alloc") heap.push_back(std::make_unique<std::string>(16 << 20, 'x'));
}

void Boom(Job& job, const BoomOptions& options) {
  job.ReadText(options.input)
      .Map(
          With(options.how, options.at),
          [](const std::string& how, const std::string& at, const std::string_view& line) {
            if (line == at) Misbehave(how);
            return line;
          },
          "Map(Boom)")
      .Write(options.output, {.format = "text"});
}
MR_JOB("boom", Boom, "Misbehaves at one line")

void DriverBoom(Job& job, const BoomOptions& options) {
  const uint64_t lines = job.ReadText(options.input).Count();
  if (lines > 0) Misbehave(options.how);
}
MR_JOB("driver-boom", DriverBoom, "Misbehaves in the job function")

}  // namespace
}  // namespace millrace
