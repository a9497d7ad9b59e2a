// Writes a segment file (see segment_format.h): map outputs, spills, merged spills.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/copy.h"
#include "worker/shuffle/buffer_pool.h"
#include "worker/shuffle/segment_digest.h"
#include "worker/shuffle/segment_format.h"

namespace millrace {

// One run of one partition, as the footer names it.
struct RunInfo {
  uint32_t partition = 0;
  uint64_t offset = 0;      // of its first block
  uint64_t disk_bytes = 0;  // blocks with headers
  uint64_t records = 0;
  uint64_t logical_bytes = 0;  // keys and values alone
};

struct SegmentInfo {
  uint32_t partitions = 0;
  std::vector<RunInfo> runs;  // in file order
  uint64_t records = 0;
  uint64_t logical_bytes = 0;
  uint64_t file_bytes = 0;
  std::string digest;  // 16 bytes; empty when it was not asked for
};

struct SegmentWriterOptions {
  uint32_t partitions = 1;
  uint32_t block_bytes = segment::kDefaultBlockBytes;  // raw; at least 64
  size_t buffer_bytes = 256 * 1024;                    // blocks gathered per write(2)
  bool lz4 = false;
  bool digest = true;  // spills do not need one
};

// Use: Create, then for each run BeginRun, Append..., EndRun; Finish at the end. A run without
// records leaves no trace. Errors are kept: Append never fails, EndRun and Finish say what
// went wrong (disk full: kResourceExhausted with a sentence). Destroyed before Finish, it removes its file.
// Memory: one buffer of buffer_bytes (at least two blocks), twice that with lz4; more for larger records.
class SegmentWriter {
 public:
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(const std::string& path,
                                                               const SegmentWriterOptions& options);
  // Takes over an open file, writes from its current position 0 on; `path` is for messages and removal.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Adopt(int fd, const std::string& path,
                                                              const SegmentWriterOptions& options);
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;
  ~SegmentWriter();

  void BeginRun(uint32_t partition);

  void Append(std::string_view key, std::string_view value) {
    if (static_cast<size_t>(limit_ - cursor_) < key.size() + value.size() + 2 * segment::kMaxVarint32Bytes)
        [[unlikely]] {
      if (!MakeRoom(key.size(), value.size())) return;
    }
    char* out = segment::PutVarint32(cursor_, static_cast<uint32_t>(key.size()));
    out = segment::PutVarint32(out, static_cast<uint32_t>(value.size()));
    CopyBytes(out, key.data(), key.size());
    CopyBytes(out + key.size(), value.data(), value.size());
    cursor_ = out + key.size() + value.size();
    ++block_records_;
    run_logical_bytes_ += key.size() + value.size();
  }

  // A record that is framed already: both lengths, key and value. `logical_bytes`: of key and value.
  void AppendFramed(std::string_view record, size_t logical_bytes) {
    if (static_cast<size_t>(limit_ - cursor_) < logical_bytes + 2 * segment::kMaxVarint32Bytes) [[unlikely]] {
      if (!MakeRoom(logical_bytes, 0)) return;
    }
    CopyBytes(cursor_, record.data(), record.size());
    cursor_ += record.size();
    ++block_records_;
    run_logical_bytes_ += logical_bytes;
  }

  absl::Status EndRun();
  absl::StatusOr<SegmentInfo> Finish();

  const absl::Status& status() const { return status_; }
  uint64_t written_bytes() const { return file_bytes_; }  // so far, on disk

 private:
  SegmentWriter(int fd, std::string path, const SegmentWriterOptions& options);
  bool MakeRoom(size_t key_bytes, size_t value_bytes);
  void BeginBlock(size_t raw_bytes);
  void SealBlock();
  void MakeRoomOut(size_t bytes);
  void Flush(size_t bytes);
  void Fail(absl::Status status);
  void WriteAll(const char* data, size_t bytes);

  int fd_;
  const std::string path_;
  const SegmentWriterOptions options_;
  absl::Status status_;
  bool finished_ = false;
  bool in_run_ = false;

  // Without lz4 the open block lies in out_ behind its header; with lz4 it lies in raw_.
  PooledBuffer out_, raw_;
  size_t out_bytes_ = 0;    // sealed blocks waiting in out_
  char* block_ = nullptr;   // payload of the open block
  char* cursor_ = nullptr;  // where the next record goes
  char* limit_ = nullptr;   // end of the open block's room
  uint64_t file_bytes_ = 0;

  RunInfo run_;
  uint32_t block_records_ = 0;
  uint64_t run_logical_bytes_ = 0;
  bool first_of_run_ = false;
  SegmentInfo info_;
  std::unique_ptr<SegmentDigest> digest_;
};

}  // namespace millrace
