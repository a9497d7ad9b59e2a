#include "common/io/split_input.h"

#include <algorithm>
#include <cstring>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/byte_stream.h"

namespace millrace::io {

SplitInput::SplitInput(const pb::FileSource& source, int split, const ReaderLimits& limits)
    : file_(source.files(static_cast<int>(source.splits(split).file()))),
      split_(source.splits(split)),
      limits_(limits),
      position_(file_.compression().empty() ? split_.begin() : 0) {
  limits_.max_record_bytes = std::min(limits_.max_record_bytes, uint64_t{1} << 30);
  // A split smaller than the buffer needs a buffer of its own size only.
  capacity_ = std::max<uint64_t>(limits_.buffer_bytes, 1);
  if (file_.compression().empty() && split_.end() >= split_.begin()) {
    capacity_ = std::min<uint64_t>(capacity_, std::max<uint64_t>(split_.end() - split_.begin(), 1));
  }
  Open();
}

SplitInput::~SplitInput() = default;

void SplitInput::Open() {
  auto stream = OpenStream(file_, split_.begin(), split_.end());
  if (!stream.ok()) {
    Fail(stream.status());
    return;
  }
  stream_ = *std::move(stream);
  buffer_.reset(new char[capacity_ + kInputPadding]);
  data_ = buffer_.get();
  std::memset(data_, 0, kInputPadding);
}

bool SplitInput::Refill(size_t used) {
  if (!status_.ok()) return false;
  size_ -= used;
  position_ += used;
  if (size_ == capacity_) {
    const size_t grown = capacity_ * 2;
    std::unique_ptr<char[]> bigger(new char[grown + kInputPadding]);
    std::memcpy(bigger.get(), data_ + used, size_);
    buffer_ = std::move(bigger);
    capacity_ = grown;
  } else if (used > 0) {
    std::memmove(buffer_.get(), data_ + used, size_);
  }
  data_ = buffer_.get();
  while (!at_end_ && size_ < capacity_) {
    auto got = stream_->Read(data_ + size_, capacity_ - size_);
    if (!got.ok()) {
      Fail(got.status());
      return false;
    }
    size_ += *got;
    at_end_ = *got == 0 || stream_->at_end();
    if (*got > 0 && !file_.compression().empty()) break;  // decoders give what they have
  }
  std::memset(data_ + size_, 0, kInputPadding);
  if (at_end_) {
    Fail(stream_->CheckUnchanged());
    return status_.ok();
  }
  return true;
}

uint64_t SplitInput::bytes_consumed(size_t used) const {
  if (file_.compression().empty()) return position_ + std::min(used, size_) - split_.begin();
  return stream_ ? stream_->file_bytes() : 0;
}

std::string SplitInput::FileLine(uint64_t offset) const {
  auto stream = OpenStream(file_);
  if (!stream.ok()) return StrCat(file_.uri(), ", byte ", offset);
  std::string buffer(size_t{256} << 10, '\0');
  uint64_t line = 1;
  while (offset > 0) {
    const auto got = (*stream)->Read(buffer.data(), std::min<uint64_t>(buffer.size(), offset));
    if (!got.ok() || *got == 0) return StrCat(file_.uri(), ", byte ", position_);
    line += static_cast<uint64_t>(std::count(buffer.data(), buffer.data() + *got, '\n'));
    offset -= *got;
  }
  return StrCat(file_.uri(), ":", line);
}

std::string SplitInput::TooLong(uint64_t offset) const {
  return StrCat("record longer than max_record_bytes=", limits_.max_record_bytes, " at ", FileLine(offset),
                " (byte ", offset, "); raise --max-record-bytes");
}

}  // namespace millrace::io
