#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"

int main(int argc, char** argv) {
  return millrace::cli::Dispatch(std::vector<std::string>(argv + 1, argv + argc));
}
