#include "common/io/publish.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/format.h"

namespace millrace::io {
namespace {

// A path of the list may be relative to the output.
std::string Place(const pb::FileList& list, const std::string& path) { return JoinPath(list.output(), path); }

// A list that does not know a size (reject files) says 0.
bool HasSize(const FileInfo& info, uint64_t bytes) {
  return info.is_regular && (info.size == bytes || bytes == 0);
}

bool HasSize(const std::string& path, uint64_t bytes) {
  const auto info = StatFile(path);
  return info.ok() && HasSize(*info, bytes);
}

bool HasContents(const std::string& path, const std::string& contents) {
  if (!HasSize(path, contents.size())) return false;
  const auto bytes = ReadFile(path);
  return bytes.ok() && *bytes == contents;
}

class Publisher {
 public:
  Publisher(const pb::FileList& list, const std::function<bool()>& before_step)
      : list_(list), before_step_(before_step) {}

  absl::Status Run() {
    MR_RETURN_IF_ERROR(CheckRenames());
    if (list_.overwrite() && !Published()) MR_RETURN_IF_ERROR(RemoveOld());
    for (const auto& rename : list_.renames()) MR_RETURN_IF_ERROR(Rename(rename));
    for (const auto& file : list_.files()) MR_RETURN_IF_ERROR(Write(file));
    for (const std::string& path : list_.remove()) {
      MR_RETURN_IF_ERROR(Step());
      MR_RETURN_IF_ERROR(RemoveTree(Place(list_, path)));
    }
    MR_RETURN_IF_ERROR(Step());
    if (list_.remove_output_if_created() && rmdir(list_.output().c_str()) != 0 && errno != ENOENT &&
        errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
      return ErrnoStatus(errno, "remove", list_.output());
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Step() const {
    return before_step_ && !before_step_() ? Cancelled("publishing was interrupted") : absl::OkStatus();
  }

  // Before anything is touched: all that the list brings is there, still or already. A list that comes late,
  // when its temporaries are gone and the output is another one's, stops here.
  absl::Status CheckRenames() const {
    for (const auto& rename : list_.renames()) {
      const std::string from = Place(list_, rename.from()), to = Place(list_, rename.to());
      const auto info = StatFile(from);
      if (!info.ok()) {
        if (HasSize(to, rename.bytes())) continue;
        return NotFound("cannot publish ", to, ": the task's file ", from,
                        " is gone; was it removed by hand?");
      }
      if (!HasSize(*info, rename.bytes())) {
        return DataLoss("cannot publish ", to, ": the task's file ", from, " has ", info->size,
                        " bytes instead of ", rename.bytes());
      }
      if (!list_.overwrite() && FileExists(to)) {
        return AlreadyExists("output ", to,
                             " appeared while the job was running; remove it or use --overwrite");
      }
    }
    return absl::OkStatus();
  }

  // The last file stands as the list wants it: an earlier run got that far.
  bool Published() const {
    if (list_.files().empty()) return false;
    const auto& last = *list_.files().rbegin();
    return HasContents(Place(list_, last.path()), last.contents());
  }

  absl::Status RemoveOld() const {
    struct stat info;
    if (lstat(list_.output().c_str(), &info) != 0) return absl::OkStatus();
    MR_RETURN_IF_ERROR(Step());
    if (!IsDirectory(list_.output())) return RemoveFile(list_.output());
    // Without _SUCCESS nobody takes the rest for an output.
    MR_RETURN_IF_ERROR(RemoveFile(JoinPath(list_.output(), kSuccessName)));
    // What the list brings replaces what stands there by itself; removing it here could hit the new file that
    // a second worker has just put there.
    std::set<std::string> keep;
    for (const auto& rename : list_.renames()) keep.insert(Place(list_, rename.to()));
    for (const auto& file : list_.files()) keep.insert(Place(list_, file.path()));
    return RemoveBut(list_.output(), keep);
  }

  // Removes what is in `folder`, but for the files `keep` and the folders that hold them.
  absl::Status RemoveBut(const std::string& folder, const std::set<std::string>& keep) const {
    auto names = ListDir(folder);
    if (!names.ok()) return IsDirectory(folder) ? names.status() : absl::OkStatus();
    for (const std::string& name : *names) {
      const std::string path = JoinPath(folder, name);
      const auto below = keep.lower_bound(path + "/");
      const bool holds = below != keep.end() && below->starts_with(path + "/");
      const bool is_folder = IsDirectory(path);
      if ((name == kTemporaryName && folder == list_.output()) || (keep.count(path) > 0 && !is_folder))
        continue;
      if (holds && is_folder) {
        MR_RETURN_IF_ERROR(RemoveBut(path, keep));
        continue;
      }
      MR_RETURN_IF_ERROR(Step());
      // A folder where a file belongs, or a file where a folder belongs: only that kind is removed, never
      // what a second worker has put there meanwhile.
      if (keep.count(path) > 0) {
        MR_RETURN_IF_ERROR(RemoveBut(path, {}));
        MR_RETURN_IF_ERROR(Ignoring(ENOTDIR, rmdir(path.c_str()), path));
      } else if (holds) {
        MR_RETURN_IF_ERROR(Ignoring(EISDIR, unlink(path.c_str()), path));
      } else {
        MR_RETURN_IF_ERROR(RemoveTree(path));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status Ignoring(int error, int rc, const std::string& path) {
    return rc == 0 || errno == error || errno == ENOENT ? absl::OkStatus()
                                                        : ErrnoStatus(errno, "remove", path);
  }

  absl::Status Rename(const pb::FileList::Rename& rename) const {
    const std::string from = Place(list_, rename.from()), to = Place(list_, rename.to());
    if (!FileExists(from)) return CheckInPlace(rename);
    MR_RETURN_IF_ERROR(Step());
    MR_RETURN_IF_ERROR(MakeDirs(DirName(to)));
    MR_RETURN_IF_ERROR(Step());
    const absl::Status status = RenameFile(from, to);
    if (!status.ok() && !FileExists(from)) return CheckInPlace(rename);  // a second worker was faster
    return status;
  }

  absl::Status CheckInPlace(const pb::FileList::Rename& rename) const {
    const std::string to = Place(list_, rename.to());
    if (HasSize(to, rename.bytes())) return absl::OkStatus();
    return NotFound("cannot publish ", to, ": the task's file ", Place(list_, rename.from()), " is gone");
  }

  // Aside and renamed, so that it appears with all its bytes; the folder aside is removed with the
  // temporaries.
  absl::Status Write(const pb::FileList::SmallFile& file) const {
    const std::string to = Place(list_, file.path());
    if (HasContents(to, file.contents())) return absl::OkStatus();
    const std::string folder = JoinPath(list_.output(), kTemporaryName);
    const std::string aside = StrCat(folder, "/publish-", getpid(), "-", BaseName(to));
    absl::Status status;
    for (int attempt = 0; attempt < 3; ++attempt) {  // a second worker may remove the folder under our hands
      MR_RETURN_IF_ERROR(Step());
      MR_RETURN_IF_ERROR(MakeDirs(folder));
      MR_RETURN_IF_ERROR(MakeDirs(DirName(to)));
      status = WriteFile(aside, file.contents());
      MR_RETURN_IF_ERROR(Step());
      if (status.ok()) status = RenameFile(aside, to);
      if (status.ok() || HasContents(to, file.contents())) return absl::OkStatus();
      if (status.code() != absl::StatusCode::kNotFound) break;
    }
    (void)RemoveFile(aside);
    return status;
  }

  const pb::FileList& list_;
  const std::function<bool()>& before_step_;
};

}  // namespace

pb::ErrorInfo PublishFiles(const pb::FileList& list, const std::function<bool()>& before_step) {
  if (list.output().empty() && list.renames().empty() && list.files().empty())
    return {};  // a job without output
  if (list.output().empty() || list.output()[0] != '/' || AbsolutePath(list.output()) == "/") {
    pb::ErrorInfo error;
    error.set_kind(pb::ErrorInfo::INTERNAL);
    error.set_message(
        StrCat("cannot publish to ", Quote(list.output()), ": not an absolute path of a folder"));
    return error;
  }
  pb::ErrorInfo error = ToErrorInfo(Publisher(list, before_step).Run());
  if (before_step && error.message() == "publishing was interrupted") error.set_kind(pb::ErrorInfo::KILLED);
  // It is our own files that are missing or full here, not the user's input.
  if (error.kind() == pb::ErrorInfo::BAD_INPUT) {
    error.set_kind(pb::ErrorInfo::SYSTEM);
    error.set_deterministic(false);
  }
  return error;
}

absl::Status CheckOutput(const std::string& path, bool overwrite) {
  if (path.empty() || path[0] != '/')
    return InvalidArgument("output ", Quote(path, 400), " is not an absolute path");
  if (AbsolutePath(path) == "/")
    return InvalidArgument("output / is the root folder; name a folder of its own");
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(errno, "write to", path);
  }
  if (!IsDirectory(path)) {
    return AlreadyExists("output ", path, " exists and is not a folder; choose another name");
  }
  MR_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(path));
  if (names.empty()) return absl::OkStatus();
  const std::set<std::string> found(names.begin(), names.end());
  const bool temporary = found.count(kTemporaryName) > 0;
  if (!overwrite && names.size() == 1 && temporary) {
    return AlreadyExists("output ", path,
                         " holds the temporary files of a job that runs or was cut off; wait for it, ",
                         "or use --overwrite");
  }
  if (!overwrite) {
    return AlreadyExists("output ", path, " exists; use --overwrite to replace it, or choose another folder");
  }
  if (found.count(kSuccessName) == 0 && !temporary) {
    return FailedPrecondition("output ", path,
                              " holds files but no _SUCCESS of a job, so --overwrite does not touch ",
                              "it; remove it yourself or choose another folder");
  }
  return absl::OkStatus();
}

}  // namespace millrace::io
