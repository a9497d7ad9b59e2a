#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "common/base/plugin.h"

int main(int argc, char** argv) {
  millrace::ExportPluginFolder(millrace::kParquetPlugin);  // bundles may lie elsewhere
  const int code = millrace::cli::Dispatch(std::vector<std::string>(argv + 1, argv + argc));
  // Everything is said and every child waited for: the threads of gRPC need not be taken down one by one,
  // which takes longer than a small job.
  const bool written = std::fflush(stdout) == 0;
  std::fflush(stderr);
  _exit(written || code != 0 ? code : 1);
}
