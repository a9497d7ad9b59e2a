#include "common/io/temp_file.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"

namespace millrace::io {

TempFileOutput::TempFileOutput(std::string path, size_t buffer_bytes)
    : path_(std::move(path)), buffer_bytes_(buffer_bytes) {
  status_ = MakeDirs(DirName(path_));
  if (!status_.ok()) return;
  auto fd = CreateFile(path_);
  if (!fd.ok()) {
    status_ = fd.status();
    return;
  }
  fd_ = *std::move(fd);
}

TempFileOutput::~TempFileOutput() { Abandon(); }

void TempFileOutput::Abandon() {
  if (!fd_) return;
  fd_.Reset();
  (void)RemoveFile(path_);  // best effort: the job's removal list names the folder as well
}

void TempFileOutput::Flush(std::string_view bytes) {
  if (!status_.ok() || bytes.empty()) return;
  bytes_ += bytes.size();
  status_ = WriteFull(fd_.get(), bytes, path_);
  if (!status_.ok()) Abandon();
}

void TempFileOutput::Write(std::string_view bytes, uint64_t records, size_t hashed) {
  records_ += records;
  hash_.Update(bytes.substr(hashed));
  const bool small = bytes.size() < buffer_bytes_ / 4;  // more is not worth a copy
  if (small && buffer_.size() + bytes.size() <= buffer_bytes_) {
    buffer_.append(bytes);
    return;
  }
  Flush(buffer_);
  buffer_.clear();
  if (small) {
    buffer_.append(bytes);
  } else {
    Flush(bytes);
  }
}

absl::Status TempFileOutput::Close(Closed* closed) {
  Flush(buffer_);
  buffer_.clear();
  MR_RETURN_IF_ERROR(status_);
  if (!fd_) return FailedPrecondition(path_, " is closed already");
  if (::close(fd_.Release()) != 0) {  // network file systems report a full disk here
    status_ = ErrnoStatus(errno, "write to", path_);
    (void)RemoveFile(path_);
    return status_;
  }
  closed->bytes = bytes_;
  closed->records = records_;
  closed->sha256 = hash_.FinishHex();
  return absl::OkStatus();
}

}  // namespace millrace::io
