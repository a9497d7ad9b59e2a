// Shared libraries that are opened when they are first needed (Parquet). They come with the installation,
// beside the programs: docs/decisions/0009-parquet-is-a-plugin.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

inline constexpr char kParquetPlugin[] = "libmillrace_parquet.so";

// The environment variable that names their folder: programs pass it on to the bundles that they start.
inline constexpr char kPluginFolder[] = "MILLRACE_PLUGIN_DIR";

// Where a plugin may lie: $MILLRACE_PLUGIN_DIR alone where it is set; else the program's folder, ../bin and
// ../lib/millrace beside it.
std::vector<std::string> PluginFolders();
// The plugin's path, "" where it is not found.
std::string FindPlugin(std::string_view file_name);
// Sets the variable, where it is not set, to the folder that has the plugin, or to the program's own. Call it
// before any thread is started.
void ExportPluginFolder(std::string_view file_name);

}  // namespace millrace
