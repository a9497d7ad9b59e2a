// Rows as text, appended to a string: what the file sinks write. Numbers come as text
// (common/record/format.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::io {

// CSV, comma (or `delimiter`) and LF. Quotes stand only where needed: around a text that holds the delimiter,
// a quote, CR or LF, and around an empty text, which would otherwise read as missing.
class CsvWriter {
 public:
  explicit CsvWriter(std::string* out, char delimiter = ',') : out_(out), delimiter_(delimiter) {}

  void Header(const std::vector<std::string>& columns);
  // Fields of a row from left to right, then EndRow().
  void Text(std::string_view text);
  void Plain(std::string_view text) {  // numbers, dates: never needs quotes
    Separate();
    out_->append(text);
  }
  void Missing() { Separate(); }
  void EndRow() {
    out_->push_back('\n');
    first_ = true;
  }
  // For appending a number in place: writes the separator, the caller appends to *out().
  std::string* BeginField() {
    Separate();
    return out_;
  }

 private:
  void Separate() {
    if (!first_) out_->push_back(delimiter_);
    first_ = false;
  }
  std::string* out_;
  char delimiter_;
  bool first_ = true;
};

void AppendCsvText(std::string_view text, char delimiter, std::string* out);

// One JSON object per line, members in the order given.
class JsonlWriter {
 public:
  JsonlWriter(std::string* out, const std::vector<std::string>& members);  // `out` outlives the writer
  void Text(std::string_view text);   // escaped; bytes that are not UTF-8 become U+FFFD
  void Plain(std::string_view text);  // a number, true or false, as is
  void Missing();                     // null
  std::string* BeginField();          // the caller appends the value to the string
  void EndRow();

 private:
  std::string* out_;
  std::vector<std::string> prefixes_;  // {"a": or ,"b":
  size_t next_ = 0;
};

void AppendJsonText(std::string_view text, std::string* out);

// `text` TAB `count` LF is plain appending: a tab-separated row has no quotes, so its texts must not hold
// tabs, CR or LF. Returns false, and appends nothing, when one does.
bool AppendTsvText(std::string_view text, std::string* out);

}  // namespace millrace::io
