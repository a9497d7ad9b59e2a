#include "common/io/byte_stream.h"

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/pinned_file.h"

namespace millrace::io {
namespace {

constexpr size_t kCompressedBuffer = size_t{128} << 10;

class PlainStream : public ByteStream {
 public:
  PlainStream(PinnedFile file, uint64_t begin, uint64_t end)
      : file_(std::move(file)), begin_(begin), at_(begin), end_(end) {
    posix_fadvise(file_.fd(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                  POSIX_FADV_SEQUENTIAL);
  }
  absl::StatusOr<size_t> Read(char* to, size_t n) override {
    n = std::min<uint64_t>(n, end_ - at_);
    if (n == 0) return size_t{0};
    MR_ASSIGN_OR_RETURN(const size_t got, file_.Read(to, n, at_));
    at_ += got;
    return got;
  }
  bool at_end() const override { return at_ == end_; }
  uint64_t file_bytes() const override { return at_ - begin_; }
  absl::Status CheckUnchanged() const override { return file_.CheckUnchanged(); }

 private:
  PinnedFile file_;
  uint64_t begin_, at_, end_;
};

// What gzip and zstd share: compressed bytes come through a small buffer.
class CompressedStream : public ByteStream {
 public:
  CompressedStream(PinnedFile file, uint64_t size)
      : file_(std::move(file)), size_(size), buffer_(new char[kCompressedBuffer]) {}

  absl::StatusOr<size_t> Read(char* to, size_t n) override {
    while (true) {
      if (in_at_ == in_size_ && at_ < size_) {
        const size_t want = std::min<uint64_t>(kCompressedBuffer, size_ - at_);
        MR_ASSIGN_OR_RETURN(in_size_, file_.Read(buffer_.get(), want, at_));
        at_ += in_size_;
        in_at_ = 0;
      }
      if (in_at_ == in_size_ && frame_done_) {  // a last call may still have output otherwise
        at_end_ = true;
        return size_t{0};
      }
      const size_t in_before = in_at_;
      MR_ASSIGN_OR_RETURN(const size_t made, Decode(to, n));
      if (made > 0) return made;
      if (in_at_ == in_before && in_at_ == in_size_ && at_ == size_ && !frame_done_) {
        return Broken("it ends in the middle of the data; was it cut off?");
      }
    }
  }
  bool at_end() const override { return at_end_; }
  uint64_t file_bytes() const override { return at_ - (in_size_ - in_at_); }
  absl::Status CheckUnchanged() const override { return file_.CheckUnchanged(); }

 protected:
  // Takes from input(), gives up to n bytes; sets frame_done_.
  virtual absl::StatusOr<size_t> Decode(char* to, size_t n) = 0;
  virtual const char* name() const = 0;
  absl::Status Broken(std::string_view why) const {
    return DataLoss(file_.path(), " is not a sound ", name(), " file (near byte ", file_bytes(), "): ", why);
  }
  char* input() { return buffer_.get() + in_at_; }
  size_t input_size() const { return in_size_ - in_at_; }
  void Consume(size_t n) { in_at_ += n; }
  bool frame_done_ = false;  // at the end of a member or frame: the file may end here

 private:
  PinnedFile file_;
  uint64_t size_;
  uint64_t at_ = 0;  // read from the file
  std::unique_ptr<char[]> buffer_;
  size_t in_at_ = 0, in_size_ = 0;
  bool at_end_ = false;
};

class GzipStream : public CompressedStream {
 public:
  GzipStream(PinnedFile file, uint64_t size) : CompressedStream(std::move(file), size) {
    std::memset(&z_, 0, sizeof(z_));
    ready_ = inflateInit2(&z_, 15 + 16) == Z_OK;  // 16: gzip only
  }
  ~GzipStream() override {
    if (ready_) inflateEnd(&z_);
  }

 protected:
  absl::StatusOr<size_t> Decode(char* to, size_t n) override {
    if (!ready_) return ResourceExhausted("no memory to read a gzip file");
    if (frame_done_ && input_size() > 0) {  // another member follows
      inflateReset(&z_);
      frame_done_ = false;
    }
    z_.next_in = reinterpret_cast<Bytef*>(input());
    z_.avail_in = static_cast<uInt>(input_size());
    z_.next_out = reinterpret_cast<Bytef*>(to);
    z_.avail_out = static_cast<uInt>(std::min<size_t>(n, 1 << 30));
    const uInt room = z_.avail_out;
    const int rc = inflate(&z_, Z_NO_FLUSH);
    Consume(input_size() - z_.avail_in);
    if (rc == Z_STREAM_END) {
      frame_done_ = true;
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      return Broken(z_.msg ? z_.msg : "broken data");
    }
    return size_t{room - z_.avail_out};
  }
  const char* name() const override { return "gzip"; }

 private:
  z_stream z_;
  bool ready_ = false;
};

class ZstdStream : public CompressedStream {
 public:
  ZstdStream(PinnedFile file, uint64_t size)
      : CompressedStream(std::move(file), size), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {}

 protected:
  absl::StatusOr<size_t> Decode(char* to, size_t n) override {
    if (!context_) return ResourceExhausted("no memory to read a zstd file");
    ZSTD_inBuffer in{input(), input_size(), 0};
    ZSTD_outBuffer out{to, n, 0};
    const size_t rc = ZSTD_decompressStream(context_.get(), &out, &in);
    Consume(in.pos);
    if (ZSTD_isError(rc)) return Broken(ZSTD_getErrorName(rc));
    if (in.pos > 0 || out.pos > 0) frame_done_ = rc == 0;
    return out.pos;
  }
  const char* name() const override { return "zstd"; }

 private:
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> OpenStream(const pb::InputFile& file, uint64_t begin,
                                                       uint64_t end) {
  MR_ASSIGN_OR_RETURN(PinnedFile pinned, PinnedFile::Open(file));
  std::unique_ptr<ByteStream> stream;
  if (file.compression().empty()) {
    if (begin > end || end > file.size_bytes()) {
      return Internal("split [", begin, ", ", end, ") lies outside of ", file.uri());
    }
    stream = std::make_unique<PlainStream>(std::move(pinned), begin, end);
  } else if (file.compression() == "gzip") {
    stream = std::make_unique<GzipStream>(std::move(pinned), file.size_bytes());
  } else if (file.compression() == "zstd") {
    stream = std::make_unique<ZstdStream>(std::move(pinned), file.size_bytes());
  } else {
    return Internal("unknown compression ", Quote(file.compression()), " of ", file.uri());
  }
  return stream;
}

}  // namespace millrace::io
