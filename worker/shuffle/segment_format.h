// The segment file: what a map task leaves for its reducers, and what a task spills.
//
//   segment  = block* footer trailer                          (all integers little-endian)
//   block    = header (32 bytes) payload
//   header   = u32 magic "MRB1" | u32 flags | u32 stored bytes | u32 raw bytes | u32 records
//              | u32 partition | u64 checksum
//   payload  = records, as they are or compressed by LZ4 (flag 1); about 64 KiB raw. A record never spans
//              blocks: one that is larger than the target has a block of its own.
//   record   = varint key length | varint value length | key | value
//   footer   = one entry per run, in file order:
//              varint partition | varint disk bytes | varint records | varint logical bytes
//   trailer  = (64 bytes) u32 magic "MRS1" | u32 version | u32 partitions | u32 runs | u64 footer bytes
//              | u64 records | u64 logical bytes | 16 bytes digest | u64 checksum
//
// A run is a sequence of blocks of one partition, the first of them carries flag 2; runs lie one after the
// other from offset 0, so that their places follow from their lengths. The checksum of a block is
// XXH3-64 over its payload, seeded with the XXH3-64 of the first 24 bytes of its header; that of
// the trailer covers footer and trailer. The digest is XXH3-128 over the raw bytes of every run, followed by
// the run's partition, records and logical bytes: where blocks end and whether they are compressed does not
// matter, so that every attempt of a task has the same one.
#pragma once

#include <cstdint>
#include <cstring>

namespace millrace::segment {

inline constexpr uint32_t kBlockMagic = 0x3142524d;    // "MRB1"
inline constexpr uint32_t kTrailerMagic = 0x3153524d;  // "MRS1"
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kFlagLz4 = 1;
inline constexpr uint32_t kFlagFirstOfRun = 2;
inline constexpr uint32_t kBlockHeaderBytes = 32;
inline constexpr uint32_t kTrailerBytes = 64;
inline constexpr uint32_t kDefaultBlockBytes = 64 * 1024;
inline constexpr uint64_t kMaxRecordBytes = 1u << 30;  // of key and value together
inline constexpr int kMaxVarint32Bytes = 5;

struct BlockHeader {
  uint32_t magic = kBlockMagic;
  uint32_t flags = 0;
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  uint32_t records = 0;
  uint32_t partition = 0;
  uint64_t checksum = 0;
};
static_assert(sizeof(BlockHeader) == kBlockHeaderBytes);

struct Trailer {
  uint32_t magic = kTrailerMagic;
  uint32_t version = kVersion;
  uint32_t partitions = 0;
  uint32_t runs = 0;
  uint64_t footer_bytes = 0;
  uint64_t records = 0;
  uint64_t logical_bytes = 0;
  uint8_t digest[16] = {};
  uint64_t checksum = 0;
};
static_assert(sizeof(Trailer) == kTrailerBytes);

// Checksum of a block: `header` with any value in its checksum field.
uint64_t BlockChecksum(const BlockHeader& header, const char* payload);
uint64_t TrailerChecksum(const Trailer& trailer, const char* footer);

// Writes at most 5 (10) bytes, returns the new end.
inline char* PutVarint32(char* out, uint32_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Reads a varint of at most 32 bits; null when it is cut off or too long.
inline const char* GetVarint32(const char* in, const char* end, uint32_t* value) {
  if (in < end && static_cast<uint8_t>(*in) < 0x80) {
    *value = static_cast<uint8_t>(*in);
    return in + 1;
  }
  uint64_t result = 0;
  for (int shift = 0; shift < 35 && in < end; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*in++);
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (result > UINT32_MAX) return nullptr;
      *value = static_cast<uint32_t>(result);
      return in;
    }
  }
  return nullptr;
}

}  // namespace millrace::segment
