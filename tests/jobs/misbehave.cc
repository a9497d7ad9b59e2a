// Jobs that go wrong in every way that user code can: for the end-to-end tests of error handling.
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "common/pipeline/pipeline.h"

namespace millrace {
namespace {

struct MisbehaveOptions : CommonOptions {
  std::string how = "throw";
  std::string at = "bad";
};
MR_OPTIONS(MisbehaveOptions,
           MR_OPTION(how, "throw|segfault|abort|hang|allocate|overflow|driver-throw|none",
                     "What happens at the bad line"),
           MR_OPTION(at, "text", "The line at which it happens"))

// Every level needs its volatile frame after the call, so no optimiser makes a loop of it.
__attribute__((noinline)) int Overflow(int depth) {
  volatile char frame[4096];
  frame[depth & 4095] = static_cast<char>(depth);
  return depth < 0 ? 0 : Overflow(depth + 1) + frame[depth & 4095];
}

void Happen(const std::string& how) {
  if (how == "throw") throw std::runtime_error("this line is not liked");
  if (how == "segfault") std::raise(SIGSEGV);
  if (how == "abort") std::abort();
  if (how == "overflow") {
    volatile int sum = Overflow(0);
    (void)sum;
  }
  if (how == "allocate") {
    std::vector<std::vector<char>> all;
    for (;;) all.emplace_back(64 << 20, 'x');
  }
  if (how == "hang") {
    volatile bool forever = true;
    while (forever) {
    }
  }
}

void Misbehave(Job& job, const MisbehaveOptions& options) {
  if (options.how == "driver-throw") throw std::runtime_error("the job function does not want to");
  job.ReadText(options.input)
      .Map(
          With(options.how, options.at),
          [](const std::string& how, const std::string& at, const std::string_view& line) {
            if (line == at) Happen(how);
            return std::string(line);
          },
          "Misbehave")
      .Write(options.output);
}
MR_JOB("misbehave", Misbehave, "Copies lines; goes wrong at one of them")

}  // namespace
}  // namespace millrace
