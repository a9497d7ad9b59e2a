// An input file with the size and modification time that the plan pinned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "proto/plan.pb.h"

namespace millrace::io {

// Open for reading; `file` must outlive it. kFailedPrecondition: it is not, or no longer, the pinned one.
class PinnedFile {
 public:
  static absl::StatusOr<PinnedFile> Open(const pb::InputFile& file);
  // By descriptor and by name: the file may have been replaced.
  absl::Status CheckUnchanged() const;
  // Up to n > 0 bytes at an offset before the end; at least one.
  absl::StatusOr<size_t> Read(char* to, size_t n, uint64_t offset) const;
  int fd() const { return fd_.get(); }
  const std::string& path() const { return file_->uri(); }

 private:
  PinnedFile(const pb::InputFile& file, UniqueFd fd) : file_(&file), fd_(std::move(fd)) {}
  const pb::InputFile* file_;
  UniqueFd fd_;
};

}  // namespace millrace::io
