// The bytes of one split, streamed through a buffer of bounded size: plain, gzip or zstd.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proto/plan.pb.h"

namespace millrace::io {

// Called for a record that cannot be used, with the sentence and the bytes of the record (or as much of
// them as fits into the buffer). Returns whether to go on with the next record.
using BadRecordFn = std::function<bool(std::string message, std::string_view raw)>;

struct ReaderLimits {
  uint64_t max_record_bytes = uint64_t{16} << 20;  // at most 1 GiB is taken
  uint64_t buffer_bytes = uint64_t{128}
                          << 10;  // in the L2 cache; grows to max_record_bytes for a long record
};

// At least this many readable bytes follow data()+size(), so that vector loads need no tail loop.
inline constexpr size_t kInputPadding = 64;

class ByteStream;

// Checks at open and at the end that the file still has the size and time that were pinned.
class SplitInput {
 public:
  // `source` must outlive the object.
  SplitInput(const pb::FileSource& source, int split, const ReaderLimits& limits);
  ~SplitInput();
  SplitInput(const SplitInput&) = delete;
  SplitInput& operator=(const SplitInput&) = delete;

  // The bytes at hand.
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  // Offset of data()[0] in the (uncompressed) file.
  uint64_t position() const { return position_; }
  // Nothing follows the bytes at hand.
  bool at_end() const { return at_end_; }

  // Discards the first `used` bytes at hand and reads more behind the rest: at least one byte, or the end of
  // the split is found (at_end), or the read failed (status). Pointers into the old bytes are dead. Returns
  // false on failure. When the rest fills the buffer it grows; the caller bounds the rest by
  // max_record_bytes.
  bool Refill(size_t used);

  // Bytes of the split (compressed ones where the file is) that are done with when the first `used` bytes at
  // hand are: end - begin after all of it. Only a guess in the middle of a compressed file.
  uint64_t bytes_consumed(size_t used) const;
  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const std::string& path() const { return file_.uri(); }
  const ReaderLimits& limits() const { return limits_; }
  const pb::Split& split() const { return split_; }
  // The buffer at first: the split's size where that is less than limits().buffer_bytes.
  size_t capacity() const { return capacity_; }

  // "FILE:LINE" of an offset: reads the file from its start, for error messages only. The offset within
  // the line does not matter.
  std::string FileLine(uint64_t offset) const;
  // "record longer than ..." for a record that begins at `offset`.
  std::string TooLong(uint64_t offset) const;

 private:
  void Open();
  bool CheckUnchanged();

  const pb::InputFile& file_;
  const pb::Split& split_;
  ReaderLimits limits_;
  std::unique_ptr<ByteStream> stream_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  char* data_ = nullptr;
  size_t size_ = 0;
  uint64_t position_ = 0;
  bool at_end_ = false;
  absl::Status status_;
};

}  // namespace millrace::io
