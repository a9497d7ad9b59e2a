#include "common/io/line_reader.h"

#include <algorithm>
#include <cstring>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/separators.h"

namespace millrace::io {
namespace {
constexpr size_t kIndexBlock = size_t{32} << 10;  // the index of a block stays in the L1 and L2 caches
}  // namespace

LineReader::LineReader(const pb::FileSource& source, int split, const ReaderLimits& limits,
                       BadRecordFn on_bad)
    : on_bad_(std::move(on_bad)),
      input_(source, split, limits),
      max_record_bytes_(input_.limits().max_record_bytes),
      ends_(std::min(kIndexBlock, input_.capacity()) + 16) {
  const auto format = ParseFormat(source);
  if (!format.ok()) {
    input_.Fail(format.status());
  } else {
    strip_cr_ = format->strip_cr;
  }
}

// Brings more bytes behind those from next_begin_ on.
bool LineReader::Refill() {
  const size_t rest = input_.size() - next_begin_;
  if (!input_.Refill(next_begin_)) {
    done_ = true;
    return false;
  }
  base_ = input_.data();
  indexed_ = static_cast<uint32_t>(rest);
  begin_ = end_ = next_begin_ = 0;
  return true;
}

// Finds line ends in the next block that has one.
bool LineReader::Index() {
  ends_size_ = next_ = 0;
  while (!done_) {
    if (indexed_ < input_.size()) {
      const char* data = base_ = input_.data();
      const size_t stop = std::min<size_t>(indexed_ + kIndexBlock, input_.size());
      if (ends_.size() < stop - indexed_ + 16) ends_.resize(kIndexBlock + 16);
      const __m256i lf = _mm256_set1_epi8('\n');
      uint32_t size = 0;
      for (size_t at = indexed_; at < stop; at += 64) {
        uint64_t bits = Block64(data + at).Equal(lf);
        if (stop - at < 64) bits &= LowBits(stop - at);
        if (bits != 0) size += WriteBits(bits, static_cast<uint32_t>(at), ends_.data() + size);
      }
      indexed_ = static_cast<uint32_t>(stop);
      ends_size_ = size;
      if (size > 0) return true;
      continue;
    }
    const size_t rest = input_.size() - next_begin_;
    if (input_.at_end()) {
      done_ = true;
      if (rest == 0) return false;
      ends_[0] = static_cast<uint32_t>(input_.size());
      ends_size_ = 1;
      return true;
    }
    if (rest > max_record_bytes_) {
      if (!SkipTooLong()) return false;
    } else if (!Refill()) {
      return false;
    }
  }
  return false;
}

// Reports the line at hand as too long. Returns whether to go on.
bool LineReader::TooLong() {
  ++bad_records_;
  std::string message = input_.TooLong(input_.position() + begin_);
  if (on_bad_ && on_bad_(message, raw())) return true;
  if (!on_bad_) input_.Fail(InvalidArgument(message));
  done_ = true;
  next_ = ends_size_;
  return false;
}

// The buffer ends within a line that is too long: reports it, then drops bytes up to its end. Returns
// whether to go on.
bool LineReader::SkipTooLong() {
  begin_ = next_begin_;
  end_ = static_cast<uint32_t>(input_.size());
  if (!TooLong()) return false;
  while (!input_.at_end()) {
    next_begin_ = static_cast<uint32_t>(input_.size());
    if (!Refill()) return false;
    const void* lf = std::memchr(base_, '\n', input_.size());
    if (lf != nullptr) {
      next_begin_ = indexed_ = static_cast<uint32_t>(static_cast<const char*>(lf) - base_) + 1;
      return true;
    }
  }
  next_begin_ = indexed_ = static_cast<uint32_t>(input_.size());
  return true;
}

bool LineReader::NextSlow() {
  while (next_ < ends_size_ || Index()) {
    begin_ = next_begin_;
    end_ = ends_[next_++];
    next_begin_ = std::min<uint32_t>(end_ + 1, static_cast<uint32_t>(input_.size()));
    if (end_ - begin_ <= max_record_bytes_) {
      ++records_;
      return true;
    }
    if (!TooLong()) return false;
  }
  return false;
}

// How many bytes of whole lines stand before the first line that is too long.
size_t LineReader::CheckBlock(std::string_view block) {
  size_t good = 0;
  while (block.size() - good > max_record_bytes_) {
    const size_t lf = std::min(block.find('\n', good), block.size());
    if (lf - good > max_record_bytes_) return good;
    good = lf + 1;
  }
  return block.size();
}

bool LineReader::NextBlock(std::string_view* block) {
  while (!done_) {
    const std::string_view rest(input_.data() + next_begin_, input_.size() - next_begin_);
    const size_t whole = input_.at_end() ? rest.size() : rest.rfind('\n') + 1;  // npos + 1 = 0
    const size_t length = whole > max_record_bytes_ ? CheckBlock(rest.substr(0, whole)) : whole;
    begin_ = next_begin_;
    if (length > 0) {
      end_ = next_begin_ = begin_ + static_cast<uint32_t>(length);
      *block = rest.substr(0, length);
      ++records_;
      return true;
    }
    if (whole > 0) {  // begins with a line that is too long
      const size_t line = std::min(rest.find('\n'), rest.size());
      end_ = begin_ + static_cast<uint32_t>(line);
      next_begin_ = std::min<uint32_t>(end_ + 1, static_cast<uint32_t>(input_.size()));
      if (!TooLong()) return false;
    } else if (input_.at_end()) {
      done_ = true;
    } else if (rest.size() > max_record_bytes_ ? !SkipTooLong() : !Refill()) {
      return false;
    }
  }
  return false;
}

std::string LineReader::Where() const { return input_.FileLine(input_.position() + begin_); }

FixedReader::FixedReader(const pb::FileSource& source, int split, const ReaderLimits& limits)
    : input_(source, split, limits) {
  const auto format = ParseFormat(source);
  if (!format.ok()) {
    input_.Fail(format.status());
    return;
  }
  record_bytes_ = format->record_bytes;
  if (record_bytes_ > limits.max_record_bytes)
    input_.Fail(InvalidArgument(input_.TooLong(input_.position())));
  used_ = size_t{0} - record_bytes_;  // Next() adds it back
}

bool FixedReader::NextSlow() {
  while (status().ok() && used_ + record_bytes_ > input_.size()) {
    if (input_.at_end()) {
      if (used_ < input_.size()) {
        input_.Fail(InvalidArgument(input_.path(), " ends with ", input_.size() - used_, " of the ",
                                    record_bytes_, " bytes of a record; is record_bytes right?"));
      }
      break;
    }
    if (!input_.Refill(used_)) break;
    used_ = 0;
  }
  if (status().ok() && used_ + record_bytes_ <= input_.size()) return true;
  used_ -= record_bytes_;  // a further Next() comes here again
  return false;
}

std::string FixedReader::Where() const {
  const uint64_t offset = input_.position() + used_;
  return StrCat(input_.path(), ", record ", offset / record_bytes_, " (at byte ", offset, ")");
}

}  // namespace millrace::io
