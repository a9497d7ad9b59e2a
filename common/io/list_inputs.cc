#include "common/io/list_inputs.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::io {
namespace {

bool IsHidden(std::string_view name) { return name.empty() || name[0] == '_' || name[0] == '.'; }
bool HasWildcard(std::string_view text) { return text.find_first_of("*?[") != text.npos; }

// At commas outside of braces.
std::vector<std::string> SplitList(std::string_view list) {
  std::vector<std::string> items(1);
  int depth = 0;
  for (const char c : list) {
    if (c == '{') ++depth;
    if (c == '}' && depth > 0) --depth;
    if (c == ',' && depth == 0) {
      items.emplace_back();
    } else {
      items.back().push_back(c);
    }
  }
  std::erase_if(items, [](const std::string& item) { return StripBlanks(item).empty(); });
  return items;
}

constexpr size_t kMaxAlternatives = 10000;

// a{b,c{d,e}}f -> abf, acdf, acef. Unbalanced braces are ordinary bytes.
absl::Status ExpandBraces(std::string_view text, std::vector<std::string>* out) {
  size_t open = text.find('{'), close = text.npos;
  std::vector<size_t> cuts;
  for (; open != text.npos && close == text.npos;
       open = close == text.npos ? text.find('{', open + 1) : open) {
    int depth = 0;
    cuts.assign(1, open);
    for (size_t i = open; i < text.size() && close == text.npos; ++i) {
      if (text[i] == '{') ++depth;
      if (text[i] == ',' && depth == 1) cuts.push_back(i);
      if (text[i] == '}' && --depth == 0) close = i;
    }
    if (close != text.npos) break;
  }
  if (close == text.npos) {
    if (out->size() >= kMaxAlternatives) {
      return InvalidArgument("input pattern ", Quote(text), " stands for more than ", kMaxAlternatives,
                             " paths");
    }
    out->emplace_back(text);
    return absl::OkStatus();
  }
  cuts.push_back(close);
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    MR_RETURN_IF_ERROR(
        ExpandBraces(StrCat(text.substr(0, cuts[0]), text.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1),
                            text.substr(close + 1)),
                     out));
  }
  return absl::OkStatus();
}

// The path does not exist: where it leaves what exists, and the nearest name there.
absl::Status DoesNotExist(const std::string& typed, const std::string& path) {
  std::string missing = path;
  while (!FileExists(DirName(missing)) && DirName(missing) != missing) missing = DirName(missing);
  const std::string folder = DirName(missing);
  if (IsDirectory(folder)) {
    const auto names = ListDir(folder);
    if (names.ok()) {
      const std::string near = Nearest(BaseName(missing), *names);
      if (!near.empty()) {
        return NotFound("input ", Quote(typed, 400), " does not exist; did you mean ", JoinPath(folder, near),
                        "?");
      }
    }
    if (missing != path)
      return NotFound("input ", Quote(typed, 400), " does not exist; there is no ", missing);
  }
  return NotFound("input ", Quote(typed, 400), " does not exist; is the path right?");
}

class Lister {
 public:
  absl::Status AddUri(const std::string& uri) {
    MR_ASSIGN_OR_RETURN(const std::string path, PathOfUri(uri));
    if (FileExists(path)) return AddPath(uri, path);
    std::vector<std::string> alternatives;
    MR_RETURN_IF_ERROR(ExpandBraces(path, &alternatives));
    for (const std::string& alternative : alternatives) {
      if (FileExists(alternative) || !HasWildcard(alternative)) {
        MR_RETURN_IF_ERROR(AddPath(alternatives.size() == 1 ? uri : alternative, alternative));
      } else {
        MR_RETURN_IF_ERROR(AddGlob(uri, alternative));
      }
    }
    return absl::OkStatus();
  }
  std::vector<pb::InputFile> Finish() {
    std::vector<pb::InputFile> files;
    for (auto& [path, file] : files_) files.push_back(std::move(file));
    return files;
  }

 private:
  absl::Status AddPath(const std::string& typed, const std::string& path) {
    auto info = StatFile(path);
    if (!info.ok() && info.status().code() == absl::StatusCode::kNotFound) return DoesNotExist(typed, path);
    if (!info.ok()) return info.status();
    if (!info->is_directory) return AddFile(path, *info);
    size_t files = 0;
    std::vector<std::string> folders;
    MR_RETURN_IF_ERROR(AddFolder(path, &files, &folders));
    if (files > 0) return absl::OkStatus();
    if (!folders.empty()) {
      return InvalidArgument("input folder ", Quote(typed, 400), " holds folders but no files: name one of ",
                             StrJoin(folders, ", "));
    }
    return InvalidArgument("input folder ", Quote(typed, 400),
                           " holds no files (names that begin with _ or . do not count)");
  }

  absl::Status AddFolder(const std::string& path, size_t* files, std::vector<std::string>* folders) {
    MR_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(path));
    for (const std::string& name : names) {
      if (IsHidden(name)) continue;
      const std::string child = JoinPath(path, name);
      MR_ASSIGN_OR_RETURN(const FileInfo info, StatFile(child));
      if (info.is_directory) {
        if (folders->size() < 20) folders->push_back(name);
        if (const size_t equals = name.find('='); equals != name.npos && equals > 0)
          MR_RETURN_IF_ERROR(AddFolder(child, files, folders));
        continue;
      }
      MR_RETURN_IF_ERROR(AddFile(child, info));
      ++*files;
    }
    return absl::OkStatus();
  }

  absl::Status AddGlob(const std::string& typed, const std::string& pattern) {
    glob_t found{};
    const int rc = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
    std::vector<std::string> paths;
    if (rc == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    if (rc != 0 && rc != GLOB_NOMATCH)
      return ResourceExhausted("cannot expand the input pattern ", Quote(typed, 400));
    const bool wants_hidden = BaseName(pattern).substr(0, 1) == "_";
    size_t files = 0;
    std::vector<std::string> folders;
    for (const std::string& path : paths) {
      if (BaseName(path).substr(0, 1) == "_" && !wants_hidden) continue;
      MR_ASSIGN_OR_RETURN(const FileInfo info, StatFile(path));
      if (info.is_directory) {
        MR_RETURN_IF_ERROR(AddFolder(path, &files, &folders));
      } else {
        MR_RETURN_IF_ERROR(AddFile(path, info));
        ++files;
      }
    }
    if (files > 0) return absl::OkStatus();
    const std::string folder = DirName(pattern);
    if (!HasWildcard(folder) && !FileExists(folder)) return DoesNotExist(typed, folder);
    return NotFound("no file matches the input pattern ", Quote(typed, 400), "; is the path right?");
  }

  absl::Status AddFile(const std::string& path, const FileInfo& info) {
    if (!info.is_regular) return InvalidArgument("input ", Quote(path, 400), " is not a regular file");
    if (faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) return ErrnoStatus(errno, "read", path);
    pb::InputFile file;
    file.set_uri(path);
    file.set_size_bytes(info.size);
    file.set_mtime_ns(info.mtime_ns);
    if (path.ends_with(".gz")) file.set_compression("gzip");
    if (path.ends_with(".zst")) file.set_compression("zstd");
    files_.insert_or_assign(path, std::move(file));
    return absl::OkStatus();
  }

  std::map<std::string, pb::InputFile> files_;  // byte order
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> PathOfUri(std::string_view uri) {
  const std::string_view trimmed = StripBlanks(uri);
  std::string path(trimmed);
  if (trimmed.starts_with("file:")) {
    std::string_view rest = trimmed.substr(5);
    if (rest.starts_with("//localhost/")) rest.remove_prefix(11);
    if (rest.starts_with("///")) rest.remove_prefix(2);
    if (rest.starts_with("//"))
      return InvalidArgument("cannot read ", Quote(trimmed, 400), ": files of other hosts are not supported");
    path = PercentDecode(rest);
  } else if (const size_t colon = trimmed.find("://"); colon != trimmed.npos && trimmed.find('/') > colon) {
    return InvalidArgument("cannot read ", Quote(trimmed, 400), ": ", trimmed.substr(0, colon),
                           ":// is not supported yet; give a path or a file: URI");
  }
  if (path.find('\0') != path.npos) return InvalidArgument("path ", Quote(path, 400), " holds a zero byte");
  if (path.empty() || path[0] != '/') {
    return InvalidArgument("path ", Quote(trimmed, 400), " is not absolute; mrsubmit makes paths absolute");
  }
  return AbsolutePath(path);
}

absl::StatusOr<std::vector<pb::InputFile>> ListInputs(std::string_view uri_list) {
  Lister lister;
  const auto whole = PathOfUri(uri_list);
  if (whole.ok() && FileExists(*whole)) {  // a path may hold commas
    MR_RETURN_IF_ERROR(lister.AddUri(std::string(uri_list)));
    return lister.Finish();
  }
  const std::vector<std::string> items = SplitList(uri_list);
  if (items.empty()) return InvalidArgument("no input given; name a file, a folder or a pattern");
  for (const std::string& item : items) MR_RETURN_IF_ERROR(lister.AddUri(item));
  return lister.Finish();
}

}  // namespace millrace::io
