// mr_sim: runs the scheduler through simulated fleets with faults, a seed each.
//   mr_sim --seeds=1000 --first=1 [--faults=crash,cut,...] [--broken=N] [--trace] [--keep-going]
// Exit code 0: no complaint. The same seed always replays to the same step.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/throughput.h"
#include "tests/sim/world.h"

namespace {

bool Value(const char* argument, const char* name, std::string* value) {
  const size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0) return false;
  *value = argument + length;
  return true;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seeds = 1000, first = 1;
  bool keep_going = false;
  millrace::sim::SimOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string value;
    if (Value(argv[i], "--seeds=", &value)) {
      seeds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (Value(argv[i], "--first=", &value)) {
      first = std::strtoull(value.c_str(), nullptr, 10);
    } else if (Value(argv[i], "--faults=", &value)) {
      options.kinds = Split(value);
    } else if (Value(argv[i], "--broken=", &value)) {
      options.broken = static_cast<millrace::scheduler::BrokenRule>(std::atoi(value.c_str()));
    } else if (std::strcmp(argv[i], "--trace") == 0) {
      options.trace = true;
    } else if (std::strcmp(argv[i], "--throughput") == 0) {
      for (uint32_t tasks : {1'000u, 10'000u, 100'000u}) {
        std::printf("3 stages of %u tasks, 100 workers: %.0f tasks/s (with stories %.0f)\n", tasks,
                    millrace::sim::TasksPerSecond(tasks, 100, false),
                    millrace::sim::TasksPerSecond(tasks, 100, true));
      }
      return 0;
    } else if (std::strcmp(argv[i], "--keep-going") == 0) {
      keep_going = true;
    } else {
      std::fprintf(
          stderr,
          "usage: mr_sim [--seeds=N] [--first=S] [--faults=KIND,...] [--broken=0..8] [--trace] "
          "[--keep-going]\n"
          "       mr_sim --throughput\n"
          "kinds: crash cut driver restart drain dup reorder delay slow lost corrupt trouble kill unsteady "
          "publish\n");
      return 2;
    }
  }
  uint64_t steps = 0, faults = 0, complaints = 0, ran = 0;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    millrace::sim::World world(seed, options);
    const millrace::sim::Outcome outcome = world.Run();
    ++ran;
    steps += outcome.steps;
    faults += outcome.faults;
    if (outcome.complaint.empty()) continue;
    ++complaints;
    std::printf("seed %llu, step %llu, %lld ms: %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(outcome.steps), static_cast<long long>(outcome.end_ms),
                outcome.complaint.c_str());
    if (!keep_going) {
      std::printf("replay with its story: mr_sim --first=%llu --seeds=1 --trace\n",
                  static_cast<unsigned long long>(seed));
      break;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%llu seeds, %llu steps, %llu faults injected, %llu complaints, %.1f s\n",
              static_cast<unsigned long long>(ran), static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(faults), static_cast<unsigned long long>(complaints), seconds);
  return complaints == 0 ? 0 : 1;
}
