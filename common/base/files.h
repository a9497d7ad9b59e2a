// Files and folders of the local disk. Errors are sentences that name the path; a full disk is
// kResourceExhausted, a missing file kNotFound, no permission kPermissionDenied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace {

// Owns a file descriptor; closes it at the end.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct FileInfo {
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0, device = 0;
  bool is_directory = false;
  bool is_regular = false;
};

// All descriptors are opened close-on-exec.
absl::StatusOr<UniqueFd> OpenForRead(const std::string& path);
// Creates or empties the file; parents must exist. For reading and writing.
absl::StatusOr<UniqueFd> CreateFile(const std::string& path);

// Follows links. kNotFound when there is nothing.
absl::StatusOr<FileInfo> StatFile(const std::string& path);
absl::StatusOr<FileInfo> StatFd(int fd, const std::string& path);
bool FileExists(const std::string& path);
bool IsDirectory(const std::string& path);

// The whole file; kResourceExhausted when it has more than max_bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes = uint64_t{1} << 31);
// Appears at once under `path` with all its bytes: written beside it as PATH.tmp-PID-N, renamed. With
// `sync` it is on the disk on return.
absl::Status WriteFile(const std::string& path, std::string_view bytes, bool sync = false);
// In place, creating the file when there is none.
absl::Status AppendFile(const std::string& path, std::string_view bytes);

// Writes all bytes at the descriptor's position. `path` is for messages.
absl::Status WriteFull(int fd, std::string_view bytes, const std::string& path);
absl::Status PWriteFull(int fd, std::string_view bytes, uint64_t offset, const std::string& path);
// Reads up to `size` bytes at `offset`; fewer only at the end of the file. Returns how many.
absl::StatusOr<size_t> PRead(int fd, char* buffer, size_t size, uint64_t offset, const std::string& path);
// Exactly `size` bytes; kDataLoss when the file ends before.
absl::Status PReadFull(int fd, char* buffer, size_t size, uint64_t offset, const std::string& path);

// With parents; fine when it is there.
absl::Status MakeDirs(const std::string& path);
// Names in the folder without "." and "..", in byte order.
absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);
// Fine when there is nothing.
absl::Status RemoveFile(const std::string& path);
// The folder or file with all that is in it; links are removed, not followed. Fine when there is nothing.
absl::Status RemoveTree(const std::string& path);
inline absl::Status RemoveAll(const std::string& path) { return RemoveTree(path); }
// Replaces `to` atomically (same file system).
absl::Status RenameFile(const std::string& from, const std::string& to);

// "a" + "b" -> "a/b"; an absolute `name` wins; an empty folder gives `name`.
std::string JoinPath(std::string_view folder, std::string_view name);
std::string_view BaseName(std::string_view path);
std::string DirName(std::string_view path);  // "." for a bare name
// Against the working directory, "." and ".." and double slashes resolved by text.
std::string AbsolutePath(std::string_view path);

// A fresh folder below $TMPDIR (or /tmp), removed at the end. For tests and scratch.
class ScopedTempDir {
 public:
  explicit ScopedTempDir(std::string_view prefix = "millrace");
  ~ScopedTempDir();
  ScopedTempDir(const ScopedTempDir&) = delete;
  ScopedTempDir& operator=(const ScopedTempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return JoinPath(path_, name); }

 private:
  std::string path_;
};

}  // namespace millrace
