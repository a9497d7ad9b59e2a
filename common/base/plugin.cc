#include "common/base/plugin.h"

#include <stdlib.h>
#include <unistd.h>

#include <climits>

#include "common/base/files.h"

namespace millrace {

std::vector<std::string> PluginFolders() {
  const char* named = ::getenv(kPluginFolder);
  if (named != nullptr && *named != '\0') return {named};
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return {};
  const std::string own = DirName(std::string_view(path, static_cast<size_t>(size)));
  return {own, AbsolutePath(own + "/../bin"), AbsolutePath(own + "/../lib/millrace")};
}

std::string FindPlugin(std::string_view file_name) {
  for (const std::string& folder : PluginFolders())
    if (const std::string path = JoinPath(folder, file_name); FileExists(path)) return path;
  return "";
}

void ExportPluginFolder(std::string_view file_name) {
  const std::string found = FindPlugin(file_name);
  const std::vector<std::string> folders = PluginFolders();
  if (!found.empty()) {
    ::setenv(kPluginFolder, DirName(found).c_str(), 0);
  } else if (!folders.empty()) {
    ::setenv(kPluginFolder, folders.front().c_str(), 0);
  }
}

}  // namespace millrace
