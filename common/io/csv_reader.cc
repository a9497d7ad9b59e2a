#include "common/io/csv_reader.h"

#include <algorithm>
#include <cstring>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/separators.h"

namespace millrace::io {
namespace {

// The index of a block (4 bytes per separator) stays in the L1 and L2 caches beside the block.
constexpr uint32_t kIndexBlock = uint32_t{16} << 10;
// Separators of an unfinished record that are kept; a record with more fields is bad anyway.
constexpr uint32_t kMaxCarried = uint32_t{1} << 20;

}  // namespace

CsvReader::CsvReader(const pb::FileSource& source, int split, std::vector<int> wanted,
                     const ReaderLimits& limits, BadRecordFn on_bad)
    : source_(source),
      wanted_(wanted.begin(), wanted.end()),
      on_bad_(std::move(on_bad)),
      input_(source, split, limits),
      max_record_bytes_(input_.limits().max_record_bytes),
      seps_(std::min<size_t>(kIndexBlock, input_.capacity()) + 64),
      row_ends_(seps_.size()),
      fields_(wanted.size()) {
  const auto format = ParseFormat(source);
  if (!format.ok()) {
    input_.Fail(format.status());
  } else if (source.columns().empty()) {
    input_.Fail(Internal("a CSV source without columns: ", input_.path()));
  } else {
    format_ = *format;
    last_column_ = static_cast<uint32_t>(source.columns_size()) - 1;
  }
  for (const int32_t column : wanted_) {
    if (column > static_cast<int32_t>(last_column_)) input_.Fail(Internal("no CSV column number ", column));
  }
  done_ = !input_.status().ok();
}

CsvReader::~CsvReader() = default;

// Index of the buffer from indexed_ to `stop`. Needs room for stop - indexed_ separators.
void CsvReader::IndexBlock(uint32_t stop) {
  const char* data = base_;
  const __m256i delimiter = _mm256_set1_epi8(format_.delimiter);
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i quote = _mm256_set1_epi8('"');
  const uint64_t quotes_count = format_.quote ? ~uint64_t{0} : 0;
  uint32_t* const seps = seps_.data();
  uint32_t* const row_ends = row_ends_.data();
  uint32_t size = seps_size_, rows = rows_;
  for (uint32_t at = indexed_; at < stop; at += 64) {
    const Block64 block(data + at);
    uint64_t lines = block.Equal(lf);
    uint64_t bits = block.Equal(delimiter) | lines;
    uint64_t quotes = block.Equal(quote) & quotes_count;
    if (stop - at < 64) {
      bits &= LowBits(stop - at);
      lines &= bits;
      quotes &= LowBits(stop - at);
    }
    if ((quotes | in_quotes_) != 0) {
      plain_ = false;
      const uint64_t inside = PrefixXor(quotes) ^ in_quotes_;
      in_quotes_ = (inside >> 63) != 0 ? ~uint64_t{0} : 0;
      bits &= ~inside;
      lines &= ~inside;
    }
    for (; lines != 0; lines = _blsr_u64(lines)) {
      row_ends[rows++] = size + static_cast<uint32_t>(__builtin_popcountll(bits & (_blsi_u64(lines) - 1)));
    }
    if (bits != 0) size += WriteBits(bits, at, seps + size);
  }
  seps_size_ = size;
  rows_ = rows;
  indexed_ = stop;
}

// Moves the separators of the unfinished record to the front, `shift` bytes nearer to the buffer's begin.
void CsvReader::Carry(uint32_t shift) {
  const uint32_t carried = std::min(seps_size_ - next_sep_, kMaxCarried);
  for (uint32_t i = 0; i < carried; ++i) seps_[i] = seps_[next_sep_ + i] - shift;
  seps_size_ = carried;
  next_sep_ = first_ = 0;
  rows_ = next_row_ = 0;
}

bool CsvReader::Refill() {
  const uint32_t shift = next_begin_;
  Carry(shift);
  if (!input_.Refill(shift)) {
    done_ = true;
    return false;
  }
  base_ = input_.data();
  indexed_ -= shift;
  begin_ = end_ = next_begin_ = 0;
  return true;
}

// Byte order mark, header.
bool CsvReader::Start() {
  started_ = true;
  const bool first = input_.split().first();
  while (first && input_.size() < 3 && !input_.at_end()) {
    if (!input_.Refill(0)) {
      done_ = true;
      return false;
    }
  }
  base_ = input_.data();
  if (first && input_.size() >= 3 && std::memcmp(base_, "\xEF\xBB\xBF", 3) == 0) next_begin_ = indexed_ = 3;
  drop_next_row_ = first && format_.header;
  return true;
}

// Finds the rows of the next block in which one ends.
bool CsvReader::Index() {
  if (!started_ && !Start()) return false;
  Carry(0);
  if (next_begin_ == indexed_) {
    plain_ = true;
    parsed_ = false;
  }
  while (!done_) {
    const uint32_t size = static_cast<uint32_t>(input_.size());
    if (indexed_ < size) {
      const uint32_t stop = std::min(indexed_ + kIndexBlock, size);
      const size_t need = seps_size_ + (stop - indexed_) + 64;
      if (seps_.size() < need) seps_.resize(2 * need);
      if (row_ends_.size() < need) row_ends_.resize(2 * need);
      IndexBlock(stop);
    } else if (input_.at_end()) {
      done_ = true;
      if (next_begin_ >= size) return false;
      seps_[seps_size_] = size;  // the end of the file ends the record
      row_ends_[rows_++] = seps_size_++;
    } else if (size - next_begin_ > max_record_bytes_) {
      if (!SkipTooLong()) return false;
    } else if (!Refill()) {
      return false;
    }
    if (rows_ > 0 && drop_next_row_) {
      drop_next_row_ = false;
      next_sep_ = row_ends_[0] + 1;
      next_begin_ = std::min(seps_[row_ends_[0]] + 1, static_cast<uint32_t>(input_.size()));
      next_row_ = 1;
      if (rows_ == 1) Carry(0);
    }
    if (rows_ > 0) return true;
  }
  return false;
}

// The buffer ends within a record that is too long: reports it (once), and drops what is at hand of it.
bool CsvReader::SkipTooLong() {
  if (!drop_next_row_) {
    begin_ = next_begin_;
    end_ = static_cast<uint32_t>(input_.size());
    std::string message = input_.TooLong(input_.position() + begin_);
    if (in_quotes_ != 0) message += "; or is a closing quote missing?";
    if (!Bad(std::move(message))) return false;
    drop_next_row_ = true;
  }
  next_begin_ = static_cast<uint32_t>(input_.size());
  next_sep_ = seps_size_;
  return Refill();
}

bool CsvReader::Bad(std::string message) {
  ++bad_records_;
  if (on_bad_ && on_bad_(message, raw())) return true;
  if (!on_bad_) input_.Fail(InvalidArgument(message));
  done_ = true;
  next_row_ = rows_;
  return false;
}

bool CsvReader::NextSlow() {
  while (true) {
    while (next_row_ < rows_) {
      first_ = next_sep_;
      const uint32_t last = row_ends_[next_row_++];
      begin_ = next_begin_;
      end_ = seps_[last];
      next_sep_ = last + 1;
      next_begin_ = end_ + 1;
      if (AcceptRow(last)) return true;
    }
    if (done_ || !Index()) return false;
  }
}

// A row that is not plain and of the right shape: true if it is a record all the same.
bool CsvReader::AcceptRow(uint32_t last) {
  parsed_ = false;
  const uint32_t length = end_ - begin_;
  if (length > max_record_bytes_) {
    Bad(input_.TooLong(input_.position() + begin_));
    return false;
  }
  if (last == first_ && last_column_ > 0 && (length == 0 || (length == 1 && base_[begin_] == '\r')))
    return false;
  if (!plain_ && format_.quote && std::memchr(base_ + begin_, '"', length) != nullptr) return ParseRow(last);
  if (last - first_ != last_column_) {
    WrongCount(last);
    return false;
  }
  ++records_;
  return true;
}

void CsvReader::WrongCount(uint32_t last) {
  const uint32_t found = last - first_ + 1, wanted = last_column_ + 1;
  Bad(StrCat(Where(), ": ", found, found == 1 ? " field" : " fields", ", but ",
             format_.header ? "the header has " : "the first line has ", wanted,
             "; a text that holds the delimiter or a line end needs quotes"));
}

// A row with quotes in it: checks every field, and undoes the quotes of the wanted ones.
bool CsvReader::ParseRow(uint32_t last) {
  unescaped_.clear();
  unescaped_.reserve(end_ - begin_);  // fields point into it: no reallocation below
  fields_.assign(wanted_.size(), CsvField{});
  row_fields_.clear();
  uint32_t begin = begin_;
  for (uint32_t i = first_; i <= last; ++i) {
    uint32_t end = seps_[i];
    if (i == last && end > begin && base_[end - 1] == '\r') --end;
    CsvField field;
    const char* problem = ParseField({base_ + begin, end - begin}, &field);
    if (problem != nullptr) {
      const uint32_t column = i - first_;
      const std::string name =
          column <= last_column_ ? source_.columns(static_cast<int>(column)) : StrCat(column + 1);
      Bad(StrCat(input_.FileLine(input_.position() + begin), ", column ", name, ": ", problem, " in ",
                 Quote(std::string_view(base_ + begin, end - begin))));
      return false;
    }
    row_fields_.push_back(field);
    begin = seps_[i] + 1;
  }
  if (last - first_ != last_column_) {
    WrongCount(last);
    return false;
  }
  for (size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i] >= 0) fields_[i] = row_fields_[static_cast<size_t>(wanted_[i])];
  }
  parsed_ = true;
  ++records_;
  return true;
}

// What is wrong with the field, or null.
const char* CsvReader::ParseField(std::string_view text, CsvField* field) {
  field->quoted = !text.empty() && text[0] == '"';
  if (!field->quoted) {
    field->text = text;
    return text.find('"') == text.npos
               ? nullptr
               : "a quote inside a text without quotes around it (write \"...\"\"...\")";
  }
  text.remove_prefix(1);
  const size_t first = text.find('"');
  if (first != text.npos && first + 1 == text.size()) {  // the usual case: no quote inside
    field->text = text.substr(0, first);
    return nullptr;
  }
  const size_t start = unescaped_.size();
  for (size_t at = 0;;) {
    const size_t next = text.find('"', at);
    if (next == text.npos) return "a quote that is not closed";
    unescaped_.append(text, at, next - at);
    at = next + 1;
    if (at == text.size()) break;
    if (text[at] != '"') return "text behind the closing quote";
    unescaped_.push_back('"');
    ++at;
  }
  field->text = std::string_view(unescaped_).substr(start);
  return nullptr;
}

std::string CsvReader::Where() const { return input_.FileLine(input_.position() + begin_); }

std::string CsvReader::Where(size_t i) const {
  const int32_t column = wanted_[i];
  if (column < 0) return Where();
  // The line on which the field begins, for records that span several.
  const uint64_t begin = column == 0 ? begin_ : seps_[first_ + static_cast<uint32_t>(column) - 1] + 1;
  return StrCat(input_.FileLine(input_.position() + begin), ", column ", source_.columns(column));
}

}  // namespace millrace::io
