// One JSON object per line. Only the wanted members are kept; the rest is checked for syntax and dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/line_reader.h"

namespace millrace::io {

struct JsonField {
  enum class Kind { kMissing, kBool, kNumber, kText };  // null and absent are kMissing
  Kind kind = Kind::kMissing;
  std::string_view text;  // number: its digits as written; text: decoded UTF-8; bool: "true" or "false"
  bool missing() const { return kind == Kind::kMissing; }
};

// Blank lines are skipped. A member of a nested object is named with dots: "user.name".
class JsonlReader {
 public:
  // `wanted`: member names. `source` must outlive the reader. `on_bad` as in CsvReader; gets lines that are
  // not a JSON object, that are too long, or whose wanted members stand twice or are objects or lists.
  JsonlReader(const pb::FileSource& source, int split, std::vector<std::string> wanted,
              const ReaderLimits& limits, BadRecordFn on_bad = nullptr);
  ~JsonlReader();

  bool Next();
  const JsonField& field(size_t i) const { return fields_[i]; }
  std::string_view raw() const { return lines_.raw(); }
  std::string Where(size_t i) const;  // "/data/log.jsonl:17, member user.name"
  std::string Where() const;
  uint64_t records() const { return records_; }
  uint64_t bad_records() const { return lines_.bad_records() + bad_records_; }
  uint64_t bytes_consumed() const { return lines_.bytes_consumed(); }
  const absl::Status& status() const { return status_.ok() ? lines_.status() : status_; }

 private:
  class Handler;

  std::vector<std::string> wanted_;
  BadRecordFn on_bad_;
  LineReader lines_;
  std::vector<JsonField> fields_;
  std::vector<std::string> texts_;  // what the fields point to
  std::vector<char> seen_;          // of the line at hand
  bool stopped_ = false;
  absl::Status status_;
  uint64_t records_ = 0, bad_records_ = 0;
};

// Member names of the first `max_lines` objects of the source, nested ones with dots, in the order in
// which they appear first: the columns of a table that nobody named, and suggestions when one is nowhere.
std::vector<std::string> SampleMembers(const pb::FileSource& source, size_t max_lines);

}  // namespace millrace::io
