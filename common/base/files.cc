#include "common/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>

#include "common/base/status.h"

namespace millrace {
namespace {
constexpr size_t kManyFiles = 8;
}  // namespace

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

absl::StatusOr<UniqueFd> OpenForRead(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open", path);
  return fd;
}

absl::StatusOr<UniqueFd> CreateFile(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd) return ErrnoStatus(errno, "create", path);
  return fd;
}

namespace {
FileInfo InfoOf(const struct stat& st) {
  FileInfo info;
  info.size = static_cast<uint64_t>(st.st_size);
  info.mtime_ns = st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec;
  info.inode = st.st_ino;
  info.device = st.st_dev;
  info.is_directory = S_ISDIR(st.st_mode);
  info.is_regular = S_ISREG(st.st_mode);
  return info;
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
}  // namespace

absl::StatusOr<FileInfo> StatFile(const std::string& path) {
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, "look at", path);
  return InfoOf(st);
}

absl::StatusOr<FileInfo> StatFd(int fd, const std::string& path) {
  struct stat st;
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, "look at", path);
  return InfoOf(st);
}

bool FileExists(const std::string& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0;
}

bool IsDirectory(const std::string& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  MR_ASSIGN_OR_RETURN(const UniqueFd fd, OpenForRead(path));
  MR_ASSIGN_OR_RETURN(const FileInfo info, StatFd(fd.get(), path));
  if (info.is_directory) return InvalidArgument("cannot read '", path, "': it is a folder");
  std::string bytes;
  // Files of /proc and pipes say size 0: read until the end, whatever was said.
  for (size_t chunk = std::min(info.size, max_bytes) + 1;; chunk = std::max<size_t>(65536, bytes.size())) {
    const size_t at = bytes.size();
    bytes.resize(at + chunk);
    const ssize_t got = ::read(fd.get(), bytes.data() + at, chunk);
    const int error = errno;
    bytes.resize(at + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return ErrnoStatus(error, "read", path);
    if (got == 0) return bytes;
    if (bytes.size() > max_bytes) {
      return ResourceExhausted("'", path, "' has more than ", HumanBytes(max_bytes), ", the limit here");
    }
  }
}

absl::Status WriteFile(const std::string& path, std::string_view bytes, bool sync) {
  static std::atomic<uint64_t> counter{0};
  const std::string temporary = StrCat(path, ".tmp-", ::getpid(), "-", counter.fetch_add(1));
  absl::Status status = [&]() -> absl::Status {
    MR_ASSIGN_OR_RETURN(UniqueFd fd, CreateFile(temporary));
    MR_RETURN_IF_ERROR(WriteFull(fd.get(), bytes, path));
    if (sync && ::fsync(fd.get()) != 0) return ErrnoStatus(errno, "write to", path);
    if (::close(fd.Release()) != 0) return ErrnoStatus(errno, "write to", path);
    return RenameFile(temporary, path);
  }();
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

absl::Status AppendFile(const std::string& path, std::string_view bytes) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!fd) return ErrnoStatus(errno, "open", path);
  return WriteFull(fd.get(), bytes, path);
}

absl::Status WriteFull(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus(errno, "write to", path);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status PWriteFull(int fd, std::string_view bytes, uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus(errno, "write to", path);
    bytes.remove_prefix(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> PRead(int fd, char* buffer, size_t size, uint64_t offset, const std::string& path) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, buffer + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::Status PReadFull(int fd, char* buffer, size_t size, uint64_t offset, const std::string& path) {
  MR_ASSIGN_OR_RETURN(const size_t got, PRead(fd, buffer, size, offset, path));
  if (got == size) return absl::OkStatus();
  return DataLoss("'", path, "' ends at byte ", offset + got, ", but ", size, " bytes were expected at byte ",
                  offset);
}

absl::Status MakeDirs(const std::string& path) {
  if (path.empty() || ::mkdir(path.c_str(), 0777) == 0) return absl::OkStatus();
  int error = errno;
  if (error == ENOENT) {
    const std::string parent = DirName(path);
    if (parent == path || parent == ".") return ErrnoStatus(error, "create the folder", path);
    MR_RETURN_IF_ERROR(MakeDirs(parent));
    if (::mkdir(path.c_str(), 0777) == 0) return absl::OkStatus();
    error = errno;
  }
  if (error == EEXIST && IsDirectory(path)) return absl::OkStatus();
  if (error == EEXIST)
    return AlreadyExists("cannot create the folder '", path, "': a file of that name exists");
  return ErrnoStatus(error, "create the folder", path);
}

absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path) {
  std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (dir == nullptr) return ErrnoStatus(errno, "list the folder", path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return ErrnoStatus(errno, "list the folder", path);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  return ErrnoStatus(errno, "remove", path);
}

absl::Status RemoveTree(const std::string& path) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus() : ErrnoStatus(errno, "remove", path);
  }
  if (!S_ISDIR(st.st_mode)) return RemoveFile(path);
  MR_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(path));
  // Freeing the pages of large files takes nearly as long as filling them did: by two threads where there are
  // many.
  absl::Status removed[2];
  const auto remove = [&](size_t first, size_t step) {
    for (size_t i = first; i < names.size() && removed[first].ok(); i += step)
      removed[first] = RemoveTree(JoinPath(path, names[i]));
  };
  std::thread second;
  if (names.size() >= kManyFiles) {
    try {
      second = std::thread(remove, 1, 2);
    } catch (const std::system_error&) {  // no room for a thread: then alone
    }
  }
  remove(0, second.joinable() ? 2 : 1);
  if (second.joinable()) second.join();
  for (const absl::Status& status : removed) MR_RETURN_IF_ERROR(status);
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, "remove the folder", path);
}

absl::Status RenameFile(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("rename '", from, "' to"), to);
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || name.starts_with('/')) return std::string(name);
  if (name.empty()) return std::string(folder);
  return StrCat(folder, folder.ends_with('/') ? "" : "/", name);
}

std::string_view BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string DirName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  while (path.size() > 1 && (path.size() > slash || path.ends_with('/'))) path.remove_suffix(1);
  return std::string(path);
}

std::string AbsolutePath(std::string_view path) {
  std::string whole(path);
  if (!path.starts_with('/')) {
    std::unique_ptr<char, decltype(&std::free)> cwd(::getcwd(nullptr, 0), &std::free);
    whole = JoinPath(cwd ? cwd.get() : "/", path);
  }
  std::vector<std::string_view> parts;
  for (const std::string_view part : StrSplit(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return StrCat("/", StrJoin(parts, "/"));
}

ScopedTempDir::ScopedTempDir(std::string_view prefix) {
  const char* root = std::getenv("TMPDIR");
  path_ = StrCat(root != nullptr && *root != '\0' ? root : "/tmp", "/", prefix, "-XXXXXX");
  if (::mkdtemp(path_.data()) == nullptr) {
    std::fprintf(stderr, "cannot create the temporary folder %s\n", path_.c_str());
    std::abort();
  }
}

ScopedTempDir::~ScopedTempDir() { (void)RemoveTree(path_); }

}  // namespace millrace
