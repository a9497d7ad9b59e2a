// Columns of Parquet as values of a table's types, a batch at a time: one loop turns a column, and what its
// dictionary has is turned once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/parquet.h"
#include "common/record/row.h"
#include "common/record/schema.h"

namespace millrace::internal {

// What a task needs to know. A column of type kNull takes what stands there: text from csv, and from jsonl
// and Parquet bool, double or text.
struct RowsSpec {
  Schema schema;
  bool blank_missing = false;  // TableOptions::blank_missing
  std::string base;            // the folder whose sub-folders name=value are columns, with a slash; "" = none
};
MR_RECORD(RowsSpec, MR_NAMED(schema), MR_NAMED(blank_missing), MR_NAMED(base))

// Text of a present value -> value of the type; false: it does not parse. Views point into `text`.
bool ParseValue(std::string_view text, ValueType type, Value* value);

bool IsBlank(std::string_view text);

class ParquetCells {
 public:
  // `given`: per column the text that its folder's name gives, instead of the file; "" = missing.
  ParquetCells(const RowsSpec& spec, std::vector<std::optional<std::string>> given);

  // Turns a batch: `columns` as the schema has them. Values of the batch before are dead.
  void TakeBatch(const std::vector<io::ParquetColumn>& columns, int64_t rows);

  // A row of the batch. False: column *bad does not fit its type.
  bool Get(int64_t row, Row* out, size_t* bad) const {
    const auto at = static_cast<size_t>(row);
    if (!bad_.empty() && bad_[at] != kFits) [[unlikely]]
      return *bad = bad_[at], false;
    for (size_t i = 0; i < columns_.size(); ++i) (*out)[i] = columns_[i].values[at];
    return true;
  }

 private:
  static constexpr uint32_t kFits = UINT32_MAX;
  // Values made of cells.
  struct Turned {
    std::vector<Value> values;
    std::vector<uint8_t> bad;    // those that do not fit; empty: none
    std::vector<char> digits;    // of whole numbers as text, kDigits each
    std::vector<uint8_t> sizes;  // of these; `values` of a dictionary are left out then: they are 16 bytes
    std::vector<std::string> texts;  // what else became text
  };
  struct Column {
    std::optional<std::string> given;
    const Value* values = nullptr;  // of the batch
    Turned rows, entries;           // entries: of a dictionary
    uint64_t dictionary = 0;        // which
    uint32_t held = 0;              // its entries, where they are turned and not the rows
    uint32_t first_code = 0;        // of its texts; 0: they have none
  };
  void TakeGiven(size_t column, int64_t rows);
  void TakeRows(const io::ParquetColumn& from, size_t column, int64_t rows);
  void TakeDictionary(const io::ParquetColumn& from, size_t column);
  void TakeEntries(const io::ParquetColumn& from, size_t column, int64_t rows);
  // `count` values: i is missing(i) or stands at place(i) of the column.
  template <typename MissingFn, typename PlaceFn>
  void Turn(const io::ParquetColumn& from, ValueType type, size_t count, const MissingFn& missing,
            const PlaceFn& place, Turned* into) const;
  bool Fit(Value value, ValueType type, std::string* text, Value* out) const;
  void SetBad(size_t row, size_t column, int64_t rows);

  const RowsSpec& spec_;
  std::vector<Column> columns_;
  std::vector<uint32_t> bad_;  // per row of the batch: the first column that does not fit; empty: all do
  uint32_t next_code_ = 1;
  uint64_t held_ = 0;  // entries of all columns
};

}  // namespace millrace::internal
