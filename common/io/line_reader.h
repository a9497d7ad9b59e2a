// Lines of text, and records of a fixed size, of one split.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/format.h"
#include "common/io/split_input.h"

namespace millrace::io {

// A line ends with LF or with the file. A CR belongs to its line unless the option strip_cr is set. A text
// that ends with LF has no empty line behind it.
class LineReader {
 public:
  // `source` must outlive the reader. A line over max_record_bytes goes to `on_bad`; without it the reading
  // ends.
  LineReader(const pb::FileSource& source, int split, const ReaderLimits& limits,
             BadRecordFn on_bad = nullptr);

  // Moves to the next line; false at the end or on an error. The view of the line before dies.
  bool Next() {
    if (next_ < ends_size_) {
      begin_ = next_begin_;
      end_ = ends_[next_++];
      next_begin_ = end_ + 1;
      if (end_ - begin_ <= max_record_bytes_) {
        ++records_;
        return true;
      }
      if (!TooLong()) return false;
    }
    return NextSlow();
  }
  std::string_view line() const {
    uint32_t end = end_;
    if (strip_cr_ && end > begin_ && base_[end - 1] == '\r') --end;
    return {base_ + begin_, end - begin_};
  }
  // Instead of Next(): the whole lines at hand, LFs included (the last one of the file may lack it). At
  // least 64 bytes behind the view are readable. records() counts blocks then. Do not mix with Next().
  bool NextBlock(std::string_view* block);

  std::string_view raw() const { return {base_ + begin_, end_ - begin_}; }
  // The line at hand is the file's first: a byte order mark may stand there.
  bool at_file_start() const { return begin_ == 0 && input_.position() == 0; }
  std::string Where() const;  // "/data/words.txt:17"
  uint64_t records() const { return records_; }
  uint64_t bad_records() const { return bad_records_; }
  uint64_t bytes_consumed() const { return input_.bytes_consumed(next_begin_); }
  const absl::Status& status() const { return input_.status(); }

 private:
  bool NextSlow();
  bool Index();
  bool TooLong();
  bool SkipTooLong();
  bool Refill();
  size_t CheckBlock(std::string_view block);

  BadRecordFn on_bad_;
  SplitInput input_;
  uint64_t max_record_bytes_;
  bool strip_cr_ = false;
  const char* base_ = nullptr;
  std::vector<uint32_t> ends_;  // offsets of LFs
  uint32_t ends_size_ = 0, next_ = 0, begin_ = 0, end_ = 0, next_begin_ = 0, indexed_ = 0;
  bool done_ = false;
  uint64_t records_ = 0, bad_records_ = 0;
};

// Records of record_bytes bytes.
class FixedReader {
 public:
  FixedReader(const pb::FileSource& source, int split, const ReaderLimits& limits);

  bool Next() {
    used_ += record_bytes_;
    if (used_ + record_bytes_ > input_.size() && !NextSlow()) return false;
    ++records_;
    return true;
  }
  std::string_view record() const { return {input_.data() + used_, record_bytes_}; }
  std::string_view raw() const { return record(); }
  std::string Where() const;  // "/data/records.bin, record 17 (at byte 1700)"
  uint64_t records() const { return records_; }
  uint64_t bytes_consumed() const { return records_ * record_bytes_; }
  const absl::Status& status() const { return input_.status(); }

 private:
  bool NextSlow();

  SplitInput input_;
  size_t record_bytes_ = 1;
  size_t used_ = 0;  // offset of the record at hand in the buffer; starts one record before it
  uint64_t records_ = 0;
};

}  // namespace millrace::io
