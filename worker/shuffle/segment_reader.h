// Opens a segment file and says where its runs lie. Reads with pread only; nothing is mapped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/shuffle/segment_writer.h"

namespace millrace {

// A file held open for reading; closed with its last owner, so that a file can be removed under its readers.
class OpenFile {
 public:
  OpenFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  // Reads exactly `bytes`; kDataLoss when the file is shorter than that, kUnavailable when reading fails.
  absl::Status ReadExactly(uint64_t offset, size_t bytes, char* to) const;

 private:
  const int fd_;
  const std::string path_;
};

// Where the blocks of one run are: a range of a file, or of memory. Cheap to copy.
struct RunSource {
  std::shared_ptr<const OpenFile> file;  // either this
  std::shared_ptr<const char[]> memory;  // or this
  uint64_t offset = 0;
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  uint64_t logical_bytes = 0;
  uint32_t partition = 0;
  std::string name;  // for messages: path, or address and path
};

// A segment file whose trailer and footer have been verified. Immutable, usable by several threads.
class SegmentReader {
 public:
  // kNotFound: no such file. kDataLoss: cut short, or not what was written (path, offset, what to do).
  static absl::StatusOr<std::shared_ptr<const SegmentReader>> Open(const std::string& path);
  // Takes over an open file; `path` is for messages.
  static absl::StatusOr<std::shared_ptr<const SegmentReader>> OpenFd(int fd, const std::string& path);

  const SegmentInfo& info() const { return info_; }  // runs sorted by partition, in file order within one
  const std::string& path() const { return file_->path(); }
  const std::shared_ptr<const OpenFile>& file() const { return file_; }

  // Indices into info().runs: [first, second). Empty for a partition that is out of range.
  std::pair<size_t, size_t> RunRange(uint32_t partition) const;
  std::vector<RunSource> RunsOf(uint32_t partition) const;
  std::vector<RunSource> AllRuns() const;  // by partition, then in order

 private:
  SegmentReader() = default;
  absl::Status Load();
  RunSource SourceOf(const RunInfo& run) const;

  std::shared_ptr<const OpenFile> file_;
  SegmentInfo info_;
  std::vector<size_t> first_run_;  // per partition, one more at the end
};

}  // namespace millrace
