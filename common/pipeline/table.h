// How rows of run-time columns are read from the bytes of a split: shared by the tasks and by the driver,
// which looks at the first rows to find types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/io/csv_reader.h"
#include "common/io/jsonl_reader.h"
#include "common/io/parquet.h"
#include "common/pipeline/parquet_cells.h"
#include "common/pipeline/source.h"
#include "common/record/row.h"
#include "common/record/schema.h"

namespace millrace::internal {

// Names and values of the folders name=value between `base` and the file, in the order of the path. Values
// are percent-decoded; that of a missing one, __HIVE_DEFAULT_PARTITION__, is empty.
std::vector<std::pair<std::string, std::string>> FolderValues(std::string_view path, std::string_view base);

// The rows of one split. Reader: io::CsvReader, io::JsonlReader or io::ParquetReader.
template <typename Reader>
class RowReader {
 public:
  RowReader(const pb::FileSource& files, int split, const RowsSpec& spec, const io::ReaderLimits& limits,
            io::BadRecordFn on_bad);

  bool Next() {
    if (!reader_.Next()) return false;
    if constexpr (std::is_same_v<Reader, io::ParquetReader>) {
      if (reader_.row() == 0) cells_.TakeBatch(reader_.columns(), reader_.rows());
    }
    return true;
  }
  // The record at hand as a row; text points into the reader or this. False: column *bad does not fit its
  // type.
  bool Parse(Row* row, size_t* bad);
  // "FILE:17, column X: 'abc' is not a double; ..." of the record at hand.
  std::string Problem(size_t column) const;
  const Reader& reader() const { return reader_; }
  // As the file has it; made of the columns for Parquet.
  std::string Raw() const;

 private:
  bool ParseText(Row* row, size_t* bad) const;
  const RowsSpec& spec_;
  std::vector<std::pair<std::string, std::string>> folders_;
  std::vector<int> folder_of_;  // per column: the folder that gives it, or -1
  Reader reader_;
  std::conditional_t<std::is_same_v<Reader, io::ParquetReader>, ParquetCells, std::monostate> cells_;
};

// Source operator; its value is a RowsSpec.
struct ReadRowsOp {
  static constexpr std::string_view kKind = "ReadRows";
  static OperatorFunction Describe();
};

}  // namespace millrace::internal
