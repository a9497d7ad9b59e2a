// From what the user typed to pinned files.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/plan.pb.h"

namespace millrace::io {

// `uri_list`: comma-separated (commas inside {} belong to the pattern) absolute paths or file: URIs. Each is
// a file, a folder (its direct files and those in folders named name=value in it, but for names that begin
// with "_" or "."), or a glob: * ? [a-z] [!a] {a,b}, where * and ? stop at "/" and do not match a leading
// ".". An existing path wins over its reading as a glob. Every file comes once, in byte order of the paths,
// with size and modification time; compression by the extension (.gz, .zst). Errors (kNotFound,
// kInvalidArgument, kPermissionDenied) name the path as it was typed, and the nearest name beside it where
// there is one.
absl::StatusOr<std::vector<pb::InputFile>> ListInputs(std::string_view uri_list);

// The path of a file: URI, or the text itself. kInvalidArgument for other schemes and relative paths.
absl::StatusOr<std::string> PathOfUri(std::string_view uri);

}  // namespace millrace::io
