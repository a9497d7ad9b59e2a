// A stream over the records of one run. Every block's checksum is verified before a record of it is seen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "worker/shuffle/buffer_pool.h"
#include "worker/shuffle/segment_format.h"
#include "worker/shuffle/segment_reader.h"

namespace millrace {

class RunReader {
 public:
  // `buffer_bytes`: read ahead for file sources (pread of that much at once; grows to the largest block
  // met). Memory sources are read in place. A compressed block needs as much again as its raw size.
  explicit RunReader(RunSource source, size_t buffer_bytes = 128 * 1024);
  RunReader(RunReader&&) = default;
  RunReader& operator=(RunReader&&) = default;

  // Moves to the next record; false at the end or on an error (see status()). The views of the
  // record before are dead then.
  bool Next() {
    if (cursor_ == end_) [[unlikely]] {
      if (!NextBlock()) return false;
    }
    uint32_t key_bytes, value_bytes;
    const char* in = segment::GetVarint32(cursor_, end_, &key_bytes);
    if (in != nullptr) in = segment::GetVarint32(in, end_, &value_bytes);
    if (in == nullptr || static_cast<uint64_t>(end_ - in) < static_cast<uint64_t>(key_bytes) + value_bytes)
        [[unlikely]] {
      return BadRecord();
    }
    key_ = std::string_view(in, key_bytes);
    value_ = std::string_view(in + key_bytes, value_bytes);
    cursor_ = in + key_bytes + value_bytes;
    return true;
  }
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

  // OK at the true end only: the run was as long as its footer said. kDataLoss: corrupt or cut short, with
  // the place and what to do; kUnavailable: the disk failed.
  const absl::Status& status() const { return status_; }
  const RunSource& source() const { return source_; }
  size_t memory_bytes() const { return buffer_.capacity() + raw_.capacity(); }

 private:
  bool NextBlock();
  bool BadRecord();
  bool Corrupt(const std::string& what);
  bool Fill(size_t bytes, const char** data);
  bool OpenBlock(const segment::BlockHeader& header, const char* payload);

  RunSource source_;
  size_t buffer_bytes_;
  absl::Status status_;
  const char* cursor_ = nullptr;
  const char* end_ = nullptr;
  std::string_view key_, value_;
  PooledBuffer buffer_, raw_;
  size_t buffer_begin_ = 0, buffer_end_ = 0;  // bytes read but not used yet
  uint64_t read_bytes_ = 0;                   // of the run, into the buffer
  uint64_t used_bytes_ = 0;                   // of the run, blocks seen
  uint64_t block_offset_ = 0;                 // of the block at hand, within the run
  uint64_t records_seen_ = 0;                 // by block headers
  size_t last_block_bytes_ = 64 << 10;        // as good a guess as any at first
  bool at_end_ = false;
};

}  // namespace millrace
