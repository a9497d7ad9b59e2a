// Points for the numeric stages: rows of a table as blocks of numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// Up to a fixed number of consecutive rows of one split. How many is a function of the number of columns, so
// that sums folded block by block are the same wherever the blocks are computed.
struct FeatureBlock {
  uint32_t rows = 0, columns = 0;
  std::vector<double> values;    // row by row
  std::vector<std::string> ids;  // one per row; empty when the table has no id column
  std::string problem;           // the first cell that is no finite number, as the beginning of a sentence
  uint32_t problem_row = 0;      // its row in the block
  const double* row(size_t i) const { return values.data() + i * columns; }
};
MR_RECORD(FeatureBlock, MR_NAMED(rows), MR_NAMED(columns), MR_NAMED(values), MR_NAMED(ids), MR_NAMED(problem),
          MR_NAMED(problem_row))

// Where a row lies: its block in the order of the data set, and its place there.
struct RowPlace {
  uint64_t block = 0;
  uint32_t row = 0;
};
MR_RECORD(RowPlace, MR_NAMED(block), MR_NAMED(row))

struct Features {
  std::vector<std::string> names;
  bool has_id = false;
  std::string id_name;
  Dataset<FeatureBlock> blocks;              // cached
  Dataset<Numbered<FeatureBlock>> numbered;  // the same with their numbers
  std::vector<uint32_t> block_rows;          // rows per block
  std::vector<uint64_t> task_blocks;         // blocks per task
  uint64_t rows = 0;

  std::vector<uint64_t> FirstRows() const;  // number of the first row of every block
  RowPlace Place(uint64_t row) const;
};

// Greater magnitudes are refused: their squares, added up, would not be finite.
inline constexpr double kMostMagnitude = 1e145;

// The numeric columns of `table` (or those of `names`, in that order) as blocks. `id`: the column that names
// the rows, or "". Runs one action; ends the job with a sentence where a cell is missing (or NaN), not finite
// or above kMostMagnitude.
Features MakeFeatures(Job& job, const Table& table, const std::string& id,
                      std::vector<std::string> names = {});

// The rows at some places, in the order asked for.
std::vector<std::vector<double>> FetchRows(const Features& features, const std::vector<RowPlace>& places);

// Reads a csv as MakeFeatures wants it: `id` as text, `names` (empty: all) as numbers; in tasks of at most
// `split_bytes` (0: as --split-bytes says). The first kFirstRows rows are kept as Table::sample.
inline constexpr uint32_t kFirstRows = 1000;
Table ReadFeatureTable(Job& job, const std::string& input, const std::string& id,
                       const std::vector<std::string>& names, uint64_t split_bytes = 0);

// Why a column of a table with a sample is no column of numbers: ": 'word' in row 4 (counted from 0) is no
// number"; "" where the sample does not tell.
std::string NoNumberIn(const Table& table, size_t column);

}  // namespace millrace::ml
