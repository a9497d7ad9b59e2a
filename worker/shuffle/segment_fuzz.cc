// A segment file made of arbitrary bytes: opened, and every run read to its end or its error. Bytes that
// begin with 0x01 get valid checksums first, so that what lies behind them is reached too.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "worker/shuffle/segment.h"

namespace {

using millrace::segment::BlockHeader;
using millrace::segment::Trailer;

// Makes the checksums right, as far as the lengths lie inside the input.
void Sign(std::string* bytes) {
  if (bytes->size() < sizeof(Trailer)) return;
  Trailer trailer;
  const size_t end = bytes->size() - sizeof(trailer);
  std::memcpy(&trailer, bytes->data() + end, sizeof(trailer));
  trailer.magic = millrace::segment::kTrailerMagic;
  trailer.version = millrace::segment::kVersion;
  trailer.footer_bytes %= end + 1;
  const size_t blocks = end - trailer.footer_bytes;
  for (size_t at = 0; at + sizeof(BlockHeader) <= blocks;) {
    BlockHeader header;
    std::memcpy(&header, bytes->data() + at, sizeof(header));
    header.magic = millrace::segment::kBlockMagic;
    header.stored_bytes %= blocks - at - sizeof(header) + 1;
    if ((header.flags & millrace::segment::kFlagLz4) == 0) header.raw_bytes = header.stored_bytes;
    header.checksum = millrace::segment::BlockChecksum(header, bytes->data() + at + sizeof(header));
    std::memcpy(bytes->data() + at, &header, sizeof(header));
    at += sizeof(header) + header.stored_bytes;
  }
  trailer.checksum = millrace::segment::TrailerChecksum(trailer, bytes->data() + blocks);
  std::memcpy(bytes->data() + end, &trailer, sizeof(trailer));
}

void ReadAll(const millrace::RunSource& source) {
  millrace::RunReader reader(source, 4096);
  uint64_t sum = 0;
  while (reader.Next()) sum += reader.key().size() + reader.value().size();
  if (reader.status().ok() && sum > source.disk_bytes * 300) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] == 1) {
    bytes.erase(0, 1);
    Sign(&bytes);
  }
  static const int fd = ::memfd_create("segment", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, bytes.data(), bytes.size(), 0) < 0) return 0;

  // As a file. /proc/self/fd is a link, which Open refuses to follow: adopt a duplicate by its own name.
  const auto reader = millrace::SegmentReader::OpenFd(::dup(fd), path);
  if (reader.ok()) {
    for (const millrace::RunSource& run : (*reader)->AllRuns()) ReadAll(run);
  }
  // As fetched bytes under an announcement that is as wrong as it likes.
  millrace::RunSource run;
  std::shared_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  run.memory = copy;
  run.disk_bytes = bytes.size();
  run.records = 1;
  ReadAll(run);
  return 0;
}
