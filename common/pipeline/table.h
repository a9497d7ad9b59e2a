// How rows of run-time columns are read from the bytes of a split: shared by the tasks and by the driver,
// which looks at the first rows to find types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/io/csv_reader.h"
#include "common/io/jsonl_reader.h"
#include "common/io/parquet.h"
#include "common/pipeline/source.h"
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

// Names and values of the folders name=value between `base` and the file, in the order of the path. Values
// are percent-decoded; that of a missing one, __HIVE_DEFAULT_PARTITION__, is empty.
std::vector<std::pair<std::string, std::string>> FolderValues(std::string_view path, std::string_view base);

// Text of a present value -> value of the type; false: it does not parse. Views point into `text`.
bool ParseValue(std::string_view text, ValueType type, Value* value);

// The rows of one split. Reader: io::CsvReader, io::JsonlReader or io::ParquetReader.
template <typename Reader>
class RowReader {
 public:
  RowReader(const pb::FileSource& files, int split, const RowsSpec& spec, const io::ReaderLimits& limits,
            io::BadRecordFn on_bad);

  bool Next() { return reader_.Next(); }
  // The record at hand as a row; text points into the reader or this. False: column *bad does not fit its
  // type.
  bool Parse(Row* row, size_t* bad);
  // "FILE:17, column X: 'abc' is not a double; ..." of the record at hand.
  std::string Problem(size_t column) const;
  const Reader& reader() const { return reader_; }
  // As the file has it; made of the columns for Parquet.
  std::string Raw() const;

 private:
  bool ParseCells(Row* row, size_t* bad);
  // One value of Parquet or of a folder's name; false: it does not fit the column's type.
  bool TakeValue(Value value, ValueType type, size_t column, Value* out);
  bool ParseText(Row* row, size_t* bad) const;
  const RowsSpec& spec_;
  std::vector<std::pair<std::string, std::string>> folders_;
  std::vector<int> folder_of_;      // per column: the folder that gives it, or -1
  std::vector<std::string> texts_;  // of columns that are no texts in the file
  Reader reader_;
};

// Source operator; its value is a RowsSpec.
struct ReadRowsOp {
  static constexpr std::string_view kKind = "ReadRows";
  static OperatorFunction Describe();
};

}  // namespace millrace::internal
