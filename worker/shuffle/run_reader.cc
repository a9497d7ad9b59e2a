#include "worker/shuffle/run_reader.h"

#include <lz4.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace {
namespace {

using segment::BlockHeader;
using segment::kBlockHeaderBytes;

constexpr uint32_t kKnownFlags = segment::kFlagLz4 | segment::kFlagFirstOfRun;
constexpr uint64_t kMaxRawBytes = segment::kMaxRecordBytes + 2 * segment::kMaxVarint32Bytes;
constexpr size_t kAheadBytes = 1024;    // by which the next block may be longer, and its header
constexpr uint64_t kMaxLz4Ratio = 255;  // of the format: a forged header cannot ask for more memory than this

// What is wrong with a header at this place, or null.
const char* HeaderFault(const BlockHeader& header, const RunSource& source, uint64_t used_bytes) {
  if (header.magic != segment::kBlockMagic) return "no block begins here";
  if ((header.flags & ~kKnownFlags) != 0) return "a block has unknown flags";
  if (header.partition != source.partition) return "a block of another partition lies here";
  if (((header.flags & segment::kFlagFirstOfRun) != 0) != (used_bytes == 0))
    return "a block of another run lies here";
  if (header.stored_bytes > source.disk_bytes - used_bytes - kBlockHeaderBytes)
    return "a block is longer than its run";
  if (header.raw_bytes > kMaxRawBytes) return "a block is too large";
  if ((header.flags & segment::kFlagLz4) == 0) {
    return header.raw_bytes == header.stored_bytes ? nullptr : "a block's two lengths differ";
  }
  return header.raw_bytes <= kMaxLz4Ratio * header.stored_bytes ? nullptr : "a block is too large";
}

}  // namespace

RunReader::RunReader(RunSource source, size_t buffer_bytes)
    : source_(std::move(source)), buffer_bytes_(std::max<size_t>(buffer_bytes, kBlockHeaderBytes)) {}

bool RunReader::Corrupt(const std::string& what) {
  const uint64_t place = (source_.file != nullptr ? source_.offset : 0) + block_offset_;
  status_ = absl::DataLossError("segment " + source_.name + " is damaged at byte " + std::to_string(place) +
                                " (" + what +
                                "): its task has to run again; if this repeats, check the disk and the"
                                " memory of that machine");
  at_end_ = true;
  cursor_ = end_ = nullptr;
  return false;
}

bool RunReader::BadRecord() { return Corrupt("a record does not fit its block"); }

// Makes the next `bytes` of the run available in one piece, without using them up.
bool RunReader::Fill(size_t bytes, const char** data) {
  if (source_.file == nullptr) {
    *data = source_.memory.get() + source_.offset + used_bytes_;
    return true;
  }
  if (buffer_end_ - buffer_begin_ < bytes) {
    const size_t kept = buffer_end_ - buffer_begin_;
    // Blocks are about equally long: about one more is read, so that little of it stays over to be moved to
    // the front. A short run needs no more than its length.
    const uint64_t rest = source_.disk_bytes - read_bytes_;
    const size_t ahead = std::min(buffer_bytes_, last_block_bytes_ + kAheadBytes);
    const size_t wanted = std::min<uint64_t>(std::max(bytes, ahead), kept + rest);
    if (buffer_.capacity() < wanted) {
      PooledBuffer larger = BufferPool::Global().Acquire(wanted);
      if (kept > 0) std::memcpy(larger.data(), buffer_.data() + buffer_begin_, kept);
      buffer_ = std::move(larger);
    } else if (kept > 0 && buffer_begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + buffer_begin_, kept);
    }
    buffer_begin_ = 0;
    buffer_end_ = kept;
    const size_t read = wanted - kept;
    absl::Status status =
        source_.file->ReadExactly(source_.offset + read_bytes_, read, buffer_.data() + kept);
    if (!status.ok()) {
      status_ = std::move(status);
      at_end_ = true;
      return false;
    }
    read_bytes_ += read;
    buffer_end_ += read;
  }
  *data = buffer_.data() + buffer_begin_;
  return true;
}

bool RunReader::OpenBlock(const BlockHeader& header, const char* payload) {
  if (segment::BlockChecksum(header, payload) != header.checksum)
    return Corrupt("the checksum of a block differs");
  if ((header.flags & segment::kFlagLz4) == 0) {
    cursor_ = payload;
  } else {
    if (raw_.capacity() < header.raw_bytes) raw_ = BufferPool::Global().Acquire(header.raw_bytes);
    const int raw = LZ4_decompress_safe(payload, raw_.data(), static_cast<int>(header.stored_bytes),
                                        static_cast<int>(header.raw_bytes));
    if (raw < 0 || static_cast<uint32_t>(raw) != header.raw_bytes)
      return Corrupt("a block cannot be decompressed");
    cursor_ = raw_.data();
  }
  end_ = cursor_ + header.raw_bytes;
  return true;
}

bool RunReader::NextBlock() {
  while (!at_end_) {
    block_offset_ = used_bytes_;
    const uint64_t rest = source_.disk_bytes - used_bytes_;
    if (rest == 0) {
      if (records_seen_ != source_.records) return Corrupt("the run ends with records missing");
      break;
    }
    if (rest < kBlockHeaderBytes) return Corrupt("the run ends inside a block");
    const char* data = nullptr;
    if (!Fill(kBlockHeaderBytes, &data)) return false;
    BlockHeader header;
    std::memcpy(&header, data, sizeof(header));
    if (const char* fault = HeaderFault(header, source_, used_bytes_); fault != nullptr)
      return Corrupt(fault);
    const size_t block_bytes = kBlockHeaderBytes + size_t{header.stored_bytes};
    if (!Fill(block_bytes, &data) || !OpenBlock(header, data + kBlockHeaderBytes)) return false;
    buffer_begin_ += block_bytes;
    last_block_bytes_ = block_bytes;
    used_bytes_ += block_bytes;
    records_seen_ += header.records;
    if (cursor_ != end_) return true;
  }
  at_end_ = true;
  cursor_ = end_ = nullptr;
  return false;
}

}  // namespace millrace
