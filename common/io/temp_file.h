// A file written once, front to back, with its SHA-256 taken on the way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/files.h"
#include "common/base/sha256.h"

namespace millrace::io {

class TempFileOutput {
 public:
  struct Closed {
    uint64_t bytes = 0;
    uint64_t records = 0;
    std::string sha256;  // hex
  };

  // Creates (or truncates) `path` and the folders above it. Errors show in status().
  explicit TempFileOutput(std::string path, size_t buffer_bytes = size_t{256} << 10);
  ~TempFileOutput();  // a file that was not closed is removed
  TempFileOutput(const TempFileOutput&) = delete;
  TempFileOutput& operator=(const TempFileOutput&) = delete;

  // The first `hashed` of the bytes were given to hash() by the caller.
  void Write(std::string_view bytes, uint64_t records, size_t hashed = 0);
  Sha256& hash() { return hash_; }
  // After a failed write or close the file is gone and the status says why: kResourceExhausted "the disk that
  // holds ... is full".
  absl::Status Close(Closed* closed);
  const absl::Status& status() const { return status_; }
  const std::string& path() const { return path_; }

 private:
  void Flush(std::string_view bytes);
  void Abandon();

  std::string path_;
  std::string buffer_;
  size_t buffer_bytes_;
  UniqueFd fd_;
  Sha256 hash_;
  uint64_t bytes_ = 0, records_ = 0;
  absl::Status status_;
};

}  // namespace millrace::io
