#include "common/io/pinned_file.h"

#include "common/base/status.h"

namespace millrace::io {
namespace {

absl::Status Compare(const pb::InputFile& file, const FileInfo& now) {
  if (now.size != file.size_bytes()) {
    return FailedPrecondition(file.uri(), " changed while the job was running (size was ", file.size_bytes(),
                              ", is ", now.size, "); run the job again when the file is complete");
  }
  if (now.mtime_ns != file.mtime_ns()) {
    return FailedPrecondition(file.uri(), " changed while the job was running (modification time was ",
                              file.mtime_ns(), " ns, is ", now.mtime_ns,
                              " ns); run the job again when the file is complete");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PinnedFile> PinnedFile::Open(const pb::InputFile& file) {
  auto fd = OpenForRead(file.uri());
  if (!fd.ok() && fd.status().code() == absl::StatusCode::kNotFound) {
    return FailedPrecondition(file.uri(), " changed while the job was running (it is gone)");
  }
  if (!fd.ok()) return fd.status();
  PinnedFile pinned(file, *std::move(fd));
  MR_ASSIGN_OR_RETURN(const FileInfo info, StatFd(pinned.fd(), file.uri()));
  MR_RETURN_IF_ERROR(Compare(file, info));
  return pinned;
}

absl::Status PinnedFile::CheckUnchanged() const {
  MR_ASSIGN_OR_RETURN(const FileInfo open, StatFd(fd(), file_->uri()));
  MR_RETURN_IF_ERROR(Compare(*file_, open));
  auto named = StatFile(file_->uri());
  if (!named.ok()) return FailedPrecondition(file_->uri(), " changed while the job was running (it is gone)");
  return Compare(*file_, *named);
}

absl::StatusOr<size_t> PinnedFile::Read(char* to, size_t n, uint64_t offset) const {
  MR_ASSIGN_OR_RETURN(const size_t got, PRead(fd(), to, n, offset, file_->uri()));
  if (got == 0) {
    MR_RETURN_IF_ERROR(CheckUnchanged());
    return DataLoss(file_->uri(), " ends at byte ", offset, ", before its size of ", file_->size_bytes());
  }
  return got;
}

}  // namespace millrace::io
