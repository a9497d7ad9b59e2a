// mr_scenarios [--rewrite] FILE...: runs scenario scripts and compares the commands that come with those
// that stand in the script; --rewrite puts what came in their place.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/scenarios/script.h"

namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void PrintDifference(const std::string& file, const std::string& want, const std::string& got) {
  const auto wanted = Lines(want), came = Lines(got);
  size_t i = 0;
  while (i < wanted.size() && i < came.size() && wanted[i] == came[i]) ++i;
  std::printf("%s:%zu differs\n  stands: %s\n  came:   %s\n", file.c_str(), i + 1,
              i < wanted.size() ? wanted[i].c_str() : "(end)", i < came.size() ? came[i].c_str() : "(end)");
}

}  // namespace

int main(int argc, char** argv) {
  bool rewrite = false;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rewrite") == 0) {
      rewrite = true;
    } else {
      files.emplace_back(argv[i]);
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "usage: mr_scenarios [--rewrite] FILE...\n");
    return 2;
  }
  int wrong = 0;
  for (const std::string& file : files) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) {
      std::printf("%s cannot be read\n", file.c_str());
      ++wrong;
      continue;
    }
    try {
      millrace::scenarios::Script script;
      const std::string came = script.Run(text.str());
      if (came == text.str()) continue;
      if (rewrite) {
        std::ofstream(file) << came;
        std::printf("%s rewritten\n", file.c_str());
      } else {
        PrintDifference(file, text.str(), came);
        ++wrong;
      }
    } catch (const std::runtime_error& error) {
      std::printf("%s: %s\n", file.c_str(), error.what());
      ++wrong;
    }
  }
  std::printf("%zu scenarios, %d wrong\n", files.size(), wrong);
  return wrong == 0 ? 0 : 1;
}
