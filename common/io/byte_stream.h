// A range of a file as a stream of uncompressed bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/plan.pb.h"

namespace millrace::io {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Up to n > 0 bytes; 0 at the end only. kDataLoss: broken compression; kFailedPrecondition: the file is
  // shorter than it was.
  virtual absl::StatusOr<size_t> Read(char* to, size_t n) = 0;
  // Nothing follows. False may only mean that it is not known yet.
  virtual bool at_end() const = 0;
  // Bytes of the file read so far, as they lie on the disk.
  virtual uint64_t file_bytes() const = 0;
  // The file still has the pinned size and time, and is still the one under its name.
  virtual absl::Status CheckUnchanged() const = 0;
};

// Bytes [begin, end) of a plain file, or all of a compressed one (begin and end are then those of the whole
// file). Checks at once that the file is the pinned one. `file` must outlive the stream.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenStream(const pb::InputFile& file, uint64_t begin,
                                                       uint64_t end);
inline absl::StatusOr<std::unique_ptr<ByteStream>> OpenStream(const pb::InputFile& file) {
  return OpenStream(file, 0, file.size_bytes());
}

}  // namespace millrace::io
