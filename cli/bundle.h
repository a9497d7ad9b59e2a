// A bundle as mrsubmit sees it: a program with jobs, known by the SHA-256 of its file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace::cli {

struct JobOption {
  std::string name, type, default_value, meaning;
};
struct JobDescription {
  std::string name, meaning;
  std::vector<JobOption> options;
};

struct Bundle {
  std::string path;  // absolute
  std::string hash;  // SHA-256 of the file, hex
  std::vector<JobDescription> jobs;
};

// `file` as given with --bundle; empty: mrjobs beside this program. The hash and what the bundle says of
// itself
// (`BUNDLE describe --json`) are remembered by inode, size and time of the file under MILLRACE_CACHE_DIR,
// else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace; a folder that cannot be written only costs time.
absl::StatusOr<Bundle> OpenBundle(const std::string& file);

// The job's entry; an unknown name is refused with the nearest one.
absl::StatusOr<const JobDescription*> FindJob(const Bundle& bundle, const std::string& name);

// Checks names and the plain types of `options`, and makes local paths absolute (the type "path" and --input,
// --output; comma-separated lists piece by piece; a URI with a scheme stays as it is).
absl::Status CheckOptions(const JobDescription& job, std::map<std::string, std::string>* options);

// Parses the JSON of `describe --json`.
absl::StatusOr<std::vector<JobDescription>> ParseDescription(const std::string& json);

}  // namespace millrace::cli
