#include "worker/shuffle/segment_writer.h"

#include <fcntl.h>
#include <lz4.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace {
namespace {

using segment::BlockHeader;
using segment::kBlockHeaderBytes;

constexpr uint32_t kSmallestBlock = 64;
constexpr uint64_t kWriteUnit = 64 << 10;

void PutVarint64(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

absl::Status WriteError(const std::string& path, int error) {
  const std::string reason = std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(
        "the disk is full: cannot write " + path + " (" + reason +
        "); free some space there, or start the worker with another --work-dir");
  }
  return absl::UnavailableError("cannot write " + path + ": " + reason);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(const std::string& path,
                                                                     const SegmentWriterOptions& options) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return WriteError(path, errno);
  return Adopt(fd, path, options);
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Adopt(int fd, const std::string& path,
                                                                    const SegmentWriterOptions& options) {
  if (options.partitions == 0) {
    ::close(fd);
    return absl::InvalidArgumentError("a segment needs at least one partition");
  }
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(fd, path, options));
}

SegmentWriter::SegmentWriter(int fd, std::string path, const SegmentWriterOptions& options)
    : fd_(fd), path_(std::move(path)), options_([&options] {
        SegmentWriterOptions checked = options;
        checked.block_bytes = std::max(checked.block_bytes, kSmallestBlock);
        checked.buffer_bytes =
            std::max<size_t>(checked.buffer_bytes, 2 * (size_t{checked.block_bytes} + kBlockHeaderBytes));
        return checked;
      }()) {
  info_.partitions = options_.partitions;
  if (options_.digest) digest_ = std::make_unique<SegmentDigest>();
  out_ = BufferPool::Global().Acquire(options_.buffer_bytes);
}

SegmentWriter::~SegmentWriter() {
  if (fd_ >= 0) ::close(fd_);
  if (!finished_) ::unlink(path_.c_str());
}

void SegmentWriter::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  cursor_ = limit_ = block_;  // nothing fits from now on
}

void SegmentWriter::BeginRun(uint32_t partition) {
  if (!status_.ok()) return;
  if (in_run_ || partition >= options_.partitions) {
    return Fail(absl::InternalError("segment " + path_ + ": run of partition " + std::to_string(partition) +
                                    (in_run_ ? " begun inside another run" : " out of range")));
  }
  in_run_ = true;
  first_of_run_ = true;
  run_ = RunInfo();
  run_.partition = partition;
  run_.offset = file_bytes_ + out_bytes_;
  run_logical_bytes_ = 0;
}

// Opens a block with room for `raw_bytes`, behind what waits in out_.
void SegmentWriter::BeginBlock(size_t raw_bytes) {
  block_records_ = 0;
  if (options_.lz4) {
    if (raw_.capacity() < raw_bytes) raw_ = BufferPool::Global().Acquire(raw_bytes);
    block_ = raw_.data();
  } else {
    MakeRoomOut(kBlockHeaderBytes + raw_bytes);
    block_ = out_.data() + out_bytes_ + kBlockHeaderBytes;
  }
  cursor_ = block_;
  limit_ = block_ + raw_bytes;
}

bool SegmentWriter::MakeRoom(size_t key_bytes, size_t value_bytes) {
  if (!status_.ok()) return false;
  if (!in_run_) {
    Fail(absl::InternalError("segment " + path_ + ": record outside a run"));
    return false;
  }
  if (key_bytes > segment::kMaxRecordBytes || value_bytes > segment::kMaxRecordBytes - key_bytes) {
    Fail(absl::InvalidArgumentError("a record of " + std::to_string(key_bytes + value_bytes) +
                                    " bytes is over the limit of 1 GiB of the shuffle"));
    return false;
  }
  if (cursor_ != block_) SealBlock();
  BeginBlock(
      std::max<size_t>(options_.block_bytes, key_bytes + value_bytes + 2 * segment::kMaxVarint32Bytes));
  return status_.ok();
}

void SegmentWriter::SealBlock() {
  BlockHeader header;
  header.raw_bytes = static_cast<uint32_t>(cursor_ - block_);
  header.stored_bytes = header.raw_bytes;
  header.records = block_records_;
  header.partition = run_.partition;
  header.flags = first_of_run_ ? segment::kFlagFirstOfRun : 0;
  first_of_run_ = false;
  if (digest_ != nullptr) digest_->Update(block_, header.raw_bytes);
  if (options_.lz4) {
    const size_t bound = LZ4_compressBound(static_cast<int>(header.raw_bytes));
    MakeRoomOut(kBlockHeaderBytes + bound);
    char* payload = out_.data() + out_bytes_ + kBlockHeaderBytes;
    const int stored =
        LZ4_compress_default(block_, payload, static_cast<int>(header.raw_bytes), static_cast<int>(bound));
    if (stored > 0 && static_cast<uint32_t>(stored) < header.raw_bytes) {
      header.stored_bytes = static_cast<uint32_t>(stored);
      header.flags |= segment::kFlagLz4;
    } else {
      std::memcpy(payload, block_, header.raw_bytes);
    }
  }
  char* place = out_.data() + out_bytes_;
  header.checksum = segment::BlockChecksum(header, place + kBlockHeaderBytes);
  std::memcpy(place, &header, sizeof(header));
  out_bytes_ += kBlockHeaderBytes + header.stored_bytes;
  run_.disk_bytes += kBlockHeaderBytes + header.stored_bytes;
  run_.records += block_records_;
  block_ = cursor_ = limit_ = nullptr;
}

// Room for that many bytes behind what waits in out_. Whole units of the file are written first: the page
// cache is the slower, in writing and in dropping it, the smaller and odder the pieces that filled it.
void SegmentWriter::MakeRoomOut(size_t bytes) {
  if (out_bytes_ + bytes <= out_.capacity()) return;
  const uint64_t end = (file_bytes_ + out_bytes_) / kWriteUnit * kWriteUnit;
  if (end > file_bytes_) Flush(end - file_bytes_);
  if (out_bytes_ + bytes <= out_.capacity()) return;
  Flush(out_bytes_);
  if (bytes > out_.capacity()) out_ = BufferPool::Global().Acquire(bytes);
}

void SegmentWriter::Flush(size_t bytes) {
  if (status_.ok()) WriteAll(out_.data(), bytes);
  out_bytes_ -= bytes;
  if (out_bytes_ > 0) std::memmove(out_.data(), out_.data() + bytes, out_bytes_);
}

void SegmentWriter::WriteAll(const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(fd_, data, bytes);
    if (written < 0) {
      if (errno == EINTR) continue;
      return Fail(WriteError(path_, errno));
    }
    data += written;
    bytes -= static_cast<size_t>(written);
    file_bytes_ += static_cast<uint64_t>(written);
  }
}

absl::Status SegmentWriter::EndRun() {
  if (!status_.ok()) return status_;
  if (!in_run_) {
    Fail(absl::InternalError("segment " + path_ + ": end of a run that was not begun"));
    return status_;
  }
  if (cursor_ != block_) SealBlock();
  block_ = cursor_ = limit_ = nullptr;
  in_run_ = false;
  if (run_.records == 0) return status_;
  run_.logical_bytes = run_logical_bytes_;
  if (digest_ != nullptr) {
    const uint64_t summary[3] = {run_.partition, run_.records, run_.logical_bytes};
    digest_->Update(summary, sizeof(summary));
  }
  info_.records += run_.records;
  info_.logical_bytes += run_.logical_bytes;
  info_.runs.push_back(run_);
  return status_;
}

absl::StatusOr<SegmentInfo> SegmentWriter::Finish() {
  if (status_.ok() && (in_run_ || finished_))
    Fail(absl::InternalError("segment " + path_ + ": finished inside a run"));
  if (!status_.ok()) return status_;
  Flush(out_bytes_);
  std::string footer;
  for (const RunInfo& run : info_.runs) {
    PutVarint64(&footer, run.partition);
    PutVarint64(&footer, run.disk_bytes);
    PutVarint64(&footer, run.records);
    PutVarint64(&footer, run.logical_bytes);
  }
  segment::Trailer trailer;
  trailer.partitions = options_.partitions;
  trailer.runs = static_cast<uint32_t>(info_.runs.size());
  trailer.footer_bytes = footer.size();
  trailer.records = info_.records;
  trailer.logical_bytes = info_.logical_bytes;
  if (digest_ != nullptr) {
    info_.digest = digest_->Value();
    std::memcpy(trailer.digest, info_.digest.data(), sizeof(trailer.digest));
  }
  trailer.checksum = segment::TrailerChecksum(trailer, footer.data());
  footer.append(reinterpret_cast<const char*>(&trailer), sizeof(trailer));
  WriteAll(footer.data(), footer.size());
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0 && status_.ok()) Fail(WriteError(path_, errno));
  if (!status_.ok()) return status_;
  finished_ = true;
  info_.file_bytes = file_bytes_;
  return std::move(info_);
}

}  // namespace millrace
