// CSV (RFC 4180) of one split: quoted fields, doubled quotes, embedded newlines, LF or CRLF, byte order mark.
//
// A record ends at an LF that an even number of quotes precedes (counted from the start of the file),
// whatever else is wrong with it: so every split of a file gives the same records, good and bad. A blank line
// is skipped when the file has more than one column, and is a record of one missing value when it has one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/format.h"
#include "common/io/split_input.h"

namespace millrace::io {

struct CsvField {
  std::string_view text;  // without the outer quotes, doubled quotes undone
  bool quoted = false;
  // An unquoted empty field is missing, a quoted one is an empty text.
  bool missing() const { return text.empty() && !quoted; }
};

// Usage:  CsvReader reader(source, split, wanted, limits, on_bad);
//         while (reader.Next()) use(reader.field(0), ...);
//         if (!reader.status().ok()) fail;
class CsvReader {
 public:
  // `wanted`: indices into source.columns(), in any order; -1 gives a field that is always missing. `source`
  // must outlive the reader. `on_bad` gets records with a wrong number of fields, misplaced quotes, a quote
  // that does not end, or that are too long; without it the first of them ends the reading with
  // kInvalidArgument.
  CsvReader(const pb::FileSource& source, int split, std::vector<int> wanted, const ReaderLimits& limits,
            BadRecordFn on_bad = nullptr);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  // Moves to the next good record; false at the end or on an error (status()). Views of the record before
  // die.
  bool Next() {
    if (next_row_ < rows_) {
      first_ = next_sep_;
      const uint32_t last = row_ends_[next_row_++];
      begin_ = next_begin_;
      end_ = seps_[last];
      next_sep_ = last + 1;
      next_begin_ = end_ + 1;
      if (last - first_ == last_column_ && plain_ && end_ - begin_ <= max_record_bytes_) {
        ++records_;
        return true;
      }
      if (AcceptRow(last)) return true;
    }
    return NextSlow();
  }

  // The i-th wanted column of the record at hand.
  CsvField field(size_t i) const {
    if (parsed_) return fields_[i];
    const int32_t column = wanted_[i];
    if (column < 0) return {};
    const uint32_t begin = column == 0 ? begin_ : seps_[first_ + column - 1] + 1;
    uint32_t end = seps_[first_ + column];
    if (static_cast<uint32_t>(column) == last_column_ && end > begin && base_[end - 1] == '\r') --end;
    return {std::string_view(base_ + begin, end - begin), false};
  }

  // The record as it stands in the file, without its line end.
  std::string_view raw() const { return {base_ + begin_, end_ - begin_}; }
  // "/data/prices.csv:17, column Close" of the i-th wanted column; reads the file to count lines.
  std::string Where(size_t i) const;
  // "/data/prices.csv:17".
  std::string Where() const;

  uint64_t records() const { return records_; }  // good ones so far
  uint64_t bad_records() const { return bad_records_; }
  // Of the split; end - begin when Next() has returned false without error.
  uint64_t bytes_consumed() const { return input_.bytes_consumed(next_begin_); }
  const absl::Status& status() const { return input_.status(); }

 private:
  bool NextSlow();
  bool AcceptRow(uint32_t last);
  bool ParseRow(uint32_t last);
  const char* ParseField(std::string_view text, CsvField* field);
  void WrongCount(uint32_t last);
  bool Bad(std::string message);
  bool Start();
  bool Index();
  void IndexBlock(uint32_t stop);
  void Carry(uint32_t shift);
  bool Refill();
  bool SkipTooLong();

  const pb::FileSource& source_;
  FormatOptions format_;
  std::vector<int32_t> wanted_;
  BadRecordFn on_bad_;
  SplitInput input_;
  uint64_t max_record_bytes_;

  // Index of the buffer: offsets of separators from base_, and which of them end a row.
  const char* base_ = nullptr;
  std::vector<uint32_t> seps_, row_ends_;
  uint32_t seps_size_ = 0, rows_ = 0, next_row_ = 0;
  uint32_t first_ = 0, next_sep_ = 0;
  uint32_t begin_ = 0, end_ = 0, next_begin_ = 0;
  uint32_t last_column_ = 0;
  uint32_t indexed_ = 0;    // bytes of the buffer that the index covers
  uint64_t in_quotes_ = 0;  // all ones while the index stands inside quotes
  bool plain_ = true;       // no quote in the rows of the index
  bool parsed_ = false;     // fields_ hold the record at hand
  bool started_ = false, done_ = false;
  bool drop_next_row_ = false;  // the header, or the rest of a record that was too long
  uint64_t records_ = 0, bad_records_ = 0;
  std::vector<CsvField> fields_, row_fields_;
  std::string unescaped_;
};

}  // namespace millrace::io
