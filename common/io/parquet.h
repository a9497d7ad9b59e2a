// Parquet files: row groups as splits, rows out of chosen columns, part files. Arrow does the work, in a
// plugin that is loaded on first use (parquet_plugin/abi.h); where it is not installed the sentences here say
// so.
//
// Columns are the leaves of the schema: the fields of a struct come as "a.b". Lists and maps cannot be read;
// files that have some can, by their other columns. Dictionaries are looked up. Types: bool, integers, float
// and double, date, timestamp (whole microseconds), text, decimal (as digits); others are like lists.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/io/parquet_plugin/abi.h"
#include "common/io/split_input.h"
#include "common/io/splits.h"
#include "common/record/schema.h"
#include "common/record/value.h"
#include "proto/plan.pb.h"

namespace millrace::io {

// Arrow's version. kFailedPrecondition: there is no plugin here, or not one of this build.
absl::StatusOr<std::string> ParquetVersion();

// Columns, types and splits of pinned files, for PlanSplits: a split is a run of row groups up to the
// multiple of `split_bytes` of unpacked values, about 8 bytes each, that it passes. Errors: no Parquet file,
// a damaged one, columns that differ between files.
absl::Status PlanParquet(uint64_t split_bytes, PlannedInput* planned);

// Takes out the splits' row groups in which the statistics rule out any row inside the ranges; a split
// without groups goes, but for one. A column that is not there, or whose statistics are missing, rules
// nothing out.
absl::Status PruneParquet(const std::vector<ColumnRange>& ranges, pb::FileSource* source);

// One value.
struct ParquetCell {
  ValueType type = ValueType::kNull;  // of the column
  bool missing = true;
  bool decimal = false;  // text made of a decimal number
  int64_t integer = 0;   // bool, int64, date (days), timestamp (microseconds)
  double real = 0;
  std::string_view text;  // lives until the next Next()
  Value AsValue() const;
};

// One column of the rows at hand.
struct ParquetColumn {
  ValueType type = ValueType::kNull;
  parquet_plugin::Type stored = parquet_plugin::Type::kOther;  // kOther: the file does not have it
  parquet_plugin::Values values;

  bool missing(int64_t row) const { return values.missing == nullptr || values.missing[row] != 0; }
  // Of a row that is not missing: where in values.values.
  int64_t Place(int64_t row) const { return values.codes == nullptr ? row : int64_t{values.codes[row]}; }
  ParquetCell At(int64_t place) const {
    using parquet_plugin::Type;
    ParquetCell cell;
    cell.type = type;
    cell.missing = false;
    if (stored == Type::kText || stored == Type::kDecimal) {
      const auto& text = static_cast<const parquet_plugin::Text*>(values.values)[place];
      cell.text = {text.data, text.size};
      cell.decimal = stored == Type::kDecimal;
    } else if (stored == Type::kDouble) {
      cell.real = static_cast<const double*>(values.values)[place];
    } else if (stored == Type::kBool) {
      cell.integer = static_cast<const uint8_t*>(values.values)[place];
    } else {
      cell.integer = static_cast<const int64_t*>(values.values)[place];
    }
    return cell;
  }
};

// The rows of one split, in order.
class ParquetReader {
 public:
  // `wanted`: names of columns, each readable; one that the file does not have is always missing. `source`
  // must outlive the reader.
  ParquetReader(const pb::FileSource& source, int split, std::vector<std::string> wanted);
  ~ParquetReader();
  ParquetReader(const ParquetReader&) = delete;
  ParquetReader& operator=(const ParquetReader&) = delete;

  // Moves to the next row; false at the end or on an error (status()).
  bool Next() { return ++row_ < rows_ || NextBatch(); }
  // The i-th wanted column of the row at hand.
  ParquetCell field(size_t i) const {
    const ParquetColumn& column = columns_[i];
    if (!column.missing(row_)) return column.At(column.Place(row_));
    ParquetCell cell;
    cell.type = column.type;
    return cell;
  }
  // Rows come in batches: that of the row at hand, and its place there. A batch begins with row() = 0.
  int64_t row() const { return row_; }
  int64_t rows() const { return rows_; }
  const std::vector<ParquetColumn>& columns() const { return columns_; }  // as wanted

  // "/data/prices.parquet, row 17 (from 0), column Close".
  std::string Where(size_t i) const;
  std::string RowText() const;  // the wanted columns as name=value, for reject files

  uint64_t bytes_consumed() const { return bytes_consumed_; }
  const absl::Status& status() const { return status_; }

 private:
  struct File;
  bool NextBatch();
  void Fail(std::string_view why);
  const pb::FileSource& source_;
  const pb::Split& split_;
  const std::vector<std::string> wanted_;
  std::unique_ptr<File> file_;
  std::vector<ParquetColumn> columns_;  // as wanted
  int64_t row_ = -1, rows_ = 0;         // within the batch
  uint64_t first_row_ = 0;              // of the batch, within the file
  uint32_t group_ = 0;                  // next one to open
  bool open_ = false;
  uint64_t bytes_consumed_ = 0;
  absl::Status status_;
};

struct ParquetWriteOptions {
  std::string compression = "snappy";  // or zstd, none
  uint64_t group_bytes = uint64_t{16}
                         << 20;  // of values, before encoding: what a row group holds, and memory with it
};

// One Parquet file: rows are collected by column and handed over in row groups. Any value may be missing.
class ParquetWriter {
 public:
  using WriteFn = std::function<bool(std::string_view bytes)>;  // false: failed, and the caller knows why
  ParquetWriter(const Schema& schema, const ParquetWriteOptions& options, WriteFn write);
  ~ParquetWriter();

  // The columns of a row in their order, then EndRow. Types as in the schema; integers fit double columns,
  // and anything fits a text column. After an error nothing more is taken.
  void Missing() { Add(Value::Null()); }
  void Add(const Value& value);
  void EndRow();
  void Finish();
  const absl::Status& status() const { return status_; }

 private:
  struct State;
  void Flush();
  std::unique_ptr<State> state_;
  absl::Status status_;
};

}  // namespace millrace::io
