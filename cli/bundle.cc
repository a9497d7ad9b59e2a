#include "cli/bundle.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/files.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/uri.h"

extern char** environ;

namespace millrace::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string CacheFolder() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string folder = variable("MILLRACE_CACHE_DIR");
  if (!folder.empty()) return folder;
  if (std::string base = variable("XDG_CACHE_HOME"); !base.empty()) return base + "/millrace";
  if (std::string home = variable("HOME"); !home.empty()) return home + "/.cache/millrace";
  return "";
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  auto file = OpenForRead(path);
  if (!file.ok()) return file.status();
  Sha256 sha;
  std::string buffer(1 << 20, '\0');
  for (uint64_t offset = 0;;) {
    auto n = PRead(file->get(), buffer.data(), buffer.size(), offset, path);
    if (!n.ok()) return n.status();
    if (*n == 0) return sha.FinishHex();
    sha.Update(std::string_view(buffer.data(), *n));
    offset += *n;
  }
}

// Runs `path describe --json` and returns what it prints.
absl::StatusOr<std::string> Describe(const std::string& path) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("no pipe could be made");
  UniqueFd in(ends[0]), out(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  std::string program = path, word = "describe", flag = "--json";
  char* argv[] = {program.data(), word.data(), flag.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return InvalidArgument("cannot start the bundle ", path, ": ", std::string(std::strerror(error)));
  }
  out.Reset();
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(in.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  int state = 0;
  while (::waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    return InvalidArgument(path, " is no Millrace bundle: `", path, " describe --json` failed");
  }
  return text;
}

// What is remembered has to be read before every job: separators that stand in no text instead of JSON.
constexpr char kField = '\x1f', kEntry = '\x1e';

// "" when it cannot be written so.
std::string Pack(const std::vector<JobDescription>& jobs) {
  std::string text;
  size_t separators = 0;
  auto add = [&](const std::string& field, char end) {
    text += field;
    text += end;
    ++separators;
  };
  for (const JobDescription& job : jobs) {
    add(job.name, kField);
    add(job.meaning, job.options.empty() ? kEntry : kField);
    for (const JobOption& option : job.options) {
      add(option.name, kField);
      add(option.type, kField);
      add(option.default_value, kField);
      add(option.meaning, &option == &job.options.back() ? kEntry : kField);
    }
  }
  const auto found =
      std::count_if(text.begin(), text.end(), [](char c) { return c == kField || c == kEntry; });
  return static_cast<size_t>(found) == separators ? text : "";
}

std::vector<JobDescription> Unpack(std::string_view text) {
  std::vector<JobDescription> jobs;
  for (std::string_view entry : StrSplit(text, kEntry)) {
    const std::vector<std::string_view> fields = StrSplit(entry, kField);
    if (fields.size() < 2) continue;  // after the last one
    JobDescription& job = jobs.emplace_back();
    job.name = fields[0];
    job.meaning = fields[1];
    for (size_t i = 2; i + 4 <= fields.size(); i += 4) {
      job.options.push_back({std::string(fields[i]), std::string(fields[i + 1]), std::string(fields[i + 2]),
                             std::string(fields[i + 3])});
    }
  }
  return jobs;
}

absl::Status CheckType(const JobDescription& job, const JobOption& option, const std::string& value) {
  const std::string shown = StrCat("--", option.name, "=", value);
  if (option.type.find('|') != std::string::npos) {
    std::vector<std::string> choices;
    for (std::string_view choice : StrSplit(option.type, '|')) choices.emplace_back(choice);
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
    return InvalidArgument("option ", shown, " of ", job.name, " takes one of ", option.type, ".",
                           DidYouMean(value, choices));
  }
  if (option.type == "integer" || option.type == "number") {
    char* end = nullptr;
    errno = 0;
    if (option.type == "integer") {
      std::strtoll(value.c_str(), &end, 10);
    } else {
      std::strtod(value.c_str(), &end);
    }
    if (value.empty() || *end != '\0' || errno == ERANGE || value[0] == ' ') {
      return InvalidArgument("option ", shown, " of ", job.name, " takes ",
                             std::string(option.type == "integer" ? "an integer" : "a number"),
                             ", for instance --", option.name, "=",
                             option.default_value.empty() || option.default_value[0] == '('
                                 ? std::string("1")
                                 : option.default_value);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<JobDescription>> ParseDescription(const std::string& text) {
  std::vector<JobDescription> jobs;
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("jobs") || !root["jobs"].is_array()) {
    return InvalidArgument("what the bundle says of itself is not the JSON of a Millrace bundle");
  }
  auto text_of = [](const json& object, const char* name) {
    auto it = object.find(name);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  for (const json& entry : root["jobs"]) {
    JobDescription job{text_of(entry, "name"), text_of(entry, "meaning"), {}};
    if (entry.contains("options")) {
      for (const json& option : entry["options"]) {
        job.options.push_back({text_of(option, "name"), text_of(option, "type"), text_of(option, "default"),
                               text_of(option, "meaning")});
      }
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

absl::StatusOr<Bundle> OpenBundle(const std::string& file) {
  Bundle bundle;
  std::error_code error;
  if (file.empty()) {
    bundle.path = (fs::read_symlink("/proc/self/exe", error).parent_path() / "mrjobs").string();
  } else {
    bundle.path = AbsolutePath(file);
  }
  struct stat info {};
  if (::stat(bundle.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return InvalidArgument("there is no bundle ", bundle.path,
                           std::string(file.empty() ? "; name yours with --bundle=FILE" : ""));
  }
  // The entry's name holds all that it depends on; a changed file has another name.
  const std::string folder = CacheFolder();
  const std::string entry =
      StrCat(folder, "/bundle-", info.st_dev, "-", info.st_ino, "-", info.st_size, "-", info.st_mtim.tv_sec,
             "-", info.st_mtim.tv_nsec, "-", info.st_ctim.tv_sec, "-", info.st_ctim.tv_nsec, ".jobs");
  if (!folder.empty()) {
    if (auto text = ReadFile(entry); text.ok()) {
      const size_t line = text->find('\n');
      if (line == 64) {
        bundle.hash = text->substr(0, line);
        bundle.jobs = Unpack(std::string_view(*text).substr(line + 1));
        if (!bundle.jobs.empty()) return bundle;
      }
    }
  }
  auto hash = Sha256OfFile(bundle.path);
  if (!hash.ok()) return hash.status();
  bundle.hash = *std::move(hash);
  auto text = Describe(bundle.path);
  if (!text.ok()) return text.status();
  auto jobs = ParseDescription(*text);
  if (!jobs.ok()) return jobs.status();
  bundle.jobs = *std::move(jobs);
  if (const std::string packed = Pack(bundle.jobs); !folder.empty() && !packed.empty()) {
    (void)MakeDirs(folder);
    (void)WriteFile(entry, StrCat(bundle.hash, "\n", packed));
  }
  return bundle;
}

absl::StatusOr<const JobDescription*> FindJob(const Bundle& bundle, const std::string& name) {
  std::vector<std::string> names;
  for (const JobDescription& job : bundle.jobs) {
    if (job.name == name) return &job;
    names.push_back(job.name);
  }
  return InvalidArgument("unknown job '", name, "'.", DidYouMean(name, names),
                         " `mrsubmit jobs` lists what the bundle offers.");
}

absl::Status CheckOptions(const JobDescription& job, std::map<std::string, std::string>* options) {
  for (auto& [name, value] : *options) {
    const JobOption* found = nullptr;
    std::vector<std::string> names;
    for (const JobOption& option : job.options) {
      if (option.name == name) found = &option;
      names.push_back(option.name);
    }
    if (found == nullptr) {
      const std::string nearest = Nearest(name, names);
      return InvalidArgument("job ", job.name, " has no option --", name, ".",
                             nearest.empty() ? std::string() : StrCat(" Did you mean --", nearest, "?"),
                             " `mrsubmit jobs ", job.name, "` lists them.");
    }
    if (absl::Status status = CheckType(job, *found, value); !status.ok()) return status;
    if (found->type == "path" || name == "input" || name == "output") {
      value = AbsoluteUris(value);
    }
  }
  for (const JobOption& option : job.options) {
    if (option.default_value == "(required)" && options->count(option.name) == 0) {
      return InvalidArgument("job ", job.name, " needs --", option.name, ": ", option.meaning);
    }
  }
  return absl::OkStatus();
}

}  // namespace millrace::cli
