#include "worker/shuffle/segment_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace millrace {
namespace {

constexpr uint32_t kMaxPartitions = 1u << 24;
constexpr size_t kSmallestFooterEntry = 4;  // four varints of one byte

const char* GetVarint64(const char* in, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && in < end; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*in++);
    if (shift == 63 && byte > 1) return nullptr;
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return in;
    }
  }
  return nullptr;
}

absl::Status Damaged(const std::string& path, uint64_t offset, const std::string& what) {
  return absl::DataLossError("segment " + path + " is damaged at byte " + std::to_string(offset) + " (" +
                             what +
                             "): its task has to run again; if this repeats, check the disk and the memory of"
                             " that machine");
}

// Parses the footer's entries; what they say must add up to the blocks' bytes and to the trailer.
absl::Status ParseFooter(const std::string& path, const std::string& footer, const segment::Trailer& trailer,
                         uint64_t blocks_bytes, std::vector<RunInfo>* runs) {
  const char* in = footer.data();
  const char* end = in + footer.size();
  uint64_t offset = 0, records = 0, logical = 0;
  runs->reserve(trailer.runs);
  for (uint32_t i = 0; i < trailer.runs; ++i) {
    RunInfo run;
    uint64_t partition = 0;
    in = GetVarint64(in, end, &partition);
    if (in != nullptr) in = GetVarint64(in, end, &run.disk_bytes);
    if (in != nullptr) in = GetVarint64(in, end, &run.records);
    if (in != nullptr) in = GetVarint64(in, end, &run.logical_bytes);
    if (in == nullptr || partition >= trailer.partitions || run.disk_bytes > blocks_bytes - offset) {
      return Damaged(path, blocks_bytes, "entry " + std::to_string(i) + " of its footer makes no sense");
    }
    run.partition = static_cast<uint32_t>(partition);
    run.offset = offset;
    offset += run.disk_bytes;
    records += run.records;
    logical += run.logical_bytes;
    runs->push_back(run);
  }
  if (in != end || offset != blocks_bytes || records != trailer.records || logical != trailer.logical_bytes) {
    return Damaged(path, blocks_bytes, "its footer does not add up");
  }
  return absl::OkStatus();
}

}  // namespace

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status OpenFile::ReadExactly(uint64_t offset, size_t bytes, char* to) const {
  while (bytes > 0) {
    const ssize_t got = ::pread(fd_, to, bytes, static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR) continue;
      return absl::UnavailableError("cannot read " + path_ + ": " + std::strerror(errno));
    }
    if (got == 0) return Damaged(path_, offset, "the file ends here");
    offset += static_cast<uint64_t>(got);
    to += got;
    bytes -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SegmentReader>> SegmentReader::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError("there is no segment " + path);
    return absl::UnavailableError("cannot open segment " + path + ": " + std::strerror(error));
  }
  return OpenFd(fd, path);
}

absl::StatusOr<std::shared_ptr<const SegmentReader>> SegmentReader::OpenFd(int fd, const std::string& path) {
  std::shared_ptr<SegmentReader> reader(new SegmentReader());
  reader->file_ = std::make_shared<OpenFile>(fd, path);
  absl::Status status = reader->Load();
  if (!status.ok()) return status;
  return std::shared_ptr<const SegmentReader>(std::move(reader));
}

absl::Status SegmentReader::Load() {
  struct stat stat {};
  if (::fstat(file_->fd(), &stat) != 0 || !S_ISREG(stat.st_mode)) {
    return absl::NotFoundError("segment " + path() + " is not a file");
  }
  const uint64_t size = static_cast<uint64_t>(stat.st_size);
  if (size < segment::kTrailerBytes) return Damaged(path(), size, "it is too short to be a segment");
  segment::Trailer trailer;
  const uint64_t trailer_offset = size - segment::kTrailerBytes;
  absl::Status status =
      file_->ReadExactly(trailer_offset, sizeof(trailer), reinterpret_cast<char*>(&trailer));
  if (!status.ok()) return status;
  if (trailer.magic != segment::kTrailerMagic) {
    return Damaged(path(), trailer_offset,
                   "its end is not that of a segment: it was cut short, or never finished");
  }
  if (trailer.version != segment::kVersion) {
    return Damaged(path(), trailer_offset, "its version is " + std::to_string(trailer.version) + ", not 1");
  }
  if (trailer.footer_bytes > trailer_offset || trailer.partitions > kMaxPartitions ||
      trailer.runs > trailer.footer_bytes / kSmallestFooterEntry) {
    return Damaged(path(), trailer_offset, "its trailer makes no sense");
  }
  std::string footer(trailer.footer_bytes, '\0');
  const uint64_t blocks_bytes = trailer_offset - trailer.footer_bytes;
  status = file_->ReadExactly(blocks_bytes, footer.size(), footer.data());
  if (!status.ok()) return status;
  if (segment::TrailerChecksum(trailer, footer.data()) != trailer.checksum) {
    return Damaged(path(), blocks_bytes, "the checksum of its footer differs");
  }
  status = ParseFooter(path(), footer, trailer, blocks_bytes, &info_.runs);
  if (!status.ok()) return status;
  info_.partitions = trailer.partitions;
  info_.records = trailer.records;
  info_.logical_bytes = trailer.logical_bytes;
  info_.file_bytes = size;
  info_.digest.assign(reinterpret_cast<const char*>(trailer.digest), sizeof(trailer.digest));

  std::stable_sort(info_.runs.begin(), info_.runs.end(),
                   [](const RunInfo& a, const RunInfo& b) { return a.partition < b.partition; });
  first_run_.assign(size_t{info_.partitions} + 1, 0);
  for (const RunInfo& run : info_.runs) ++first_run_[run.partition + 1];
  for (size_t p = 1; p < first_run_.size(); ++p) first_run_[p] += first_run_[p - 1];
  return absl::OkStatus();
}

std::pair<size_t, size_t> SegmentReader::RunRange(uint32_t partition) const {
  if (partition >= info_.partitions) return {0, 0};
  return {first_run_[partition], first_run_[partition + 1]};
}

RunSource SegmentReader::SourceOf(const RunInfo& run) const {
  RunSource source;
  source.file = file_;
  source.offset = run.offset;
  source.disk_bytes = run.disk_bytes;
  source.records = run.records;
  source.logical_bytes = run.logical_bytes;
  source.partition = run.partition;
  source.name = file_->path();
  return source;
}

std::vector<RunSource> SegmentReader::RunsOf(uint32_t partition) const {
  const auto range = RunRange(partition);
  std::vector<RunSource> sources;
  sources.reserve(range.second - range.first);
  for (size_t i = range.first; i < range.second; ++i) sources.push_back(SourceOf(info_.runs[i]));
  return sources;
}

std::vector<RunSource> SegmentReader::AllRuns() const {
  std::vector<RunSource> sources;
  sources.reserve(info_.runs.size());
  for (const RunInfo& run : info_.runs) sources.push_back(SourceOf(run));
  return sources;
}

}  // namespace millrace
