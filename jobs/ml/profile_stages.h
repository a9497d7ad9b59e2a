// The stages of an exploratory profile: figures of every column and of every pair of columns in one pass over
// the rows and one shuffle.
//
// Map: rows are gathered into chunks of columns (profile_chunk.h). Of each chunk travel: sorted runs of the
// numbers and texts of every column, co-moments of the numeric columns in tiles of kTile x kTile, cells of
// every pair of categorical columns, moments of every numeric column by category, and which columns are equal
// in all of its rows. Reduce: one group per column (large inputs: per range of its values), tile and pair; a
// group is merged as a stream. Columns are equal that are so in every chunk.
//
// For n rows, d numeric, c categorical columns, in chunks of r rows: shuffled are at most 8 bytes per number
// (less where values repeat), the distinct texts of every chunk, n / r times d^2 to 6 d^2 numbers (all
// present or not), c^2 / 2 tables, c d lists of categories and a number per column. Memory: 8 MiB for a
// chunk; in a reduce 8 KiB per chunk of the input, or the categories of a pair, or a tile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/column_kinds.h"
#include "jobs/ml/quantiles.h"

namespace millrace::ml {

struct ProfileSpec {
  std::vector<std::string> names;
  std::vector<ColumnKind> kinds;
  uint32_t top = 10;     // most frequent values per column
  uint32_t bins = 20;    // of a histogram
  uint32_t buckets = 1;  // ranges (texts: hash classes) that a column's values are cut into
  std::vector<std::vector<double>> bounds;               // per column: where range 1, 2, ... begins
  std::vector<uint32_t> Columns(ColumnKind kind) const;  // their numbers
};
MR_RECORD(ProfileSpec, MR_NAMED(names), MR_NAMED(kinds), MR_NAMED(top), MR_NAMED(bins), MR_NAMED(buckets),
          MR_NAMED(bounds))

// What a group is about. a, b are numbers of columns (of kinds), or of tiles.
struct PartKey {
  enum What : uint32_t { kNumbers, kTexts, kTile, kCells, kRatio, kEqual };
  uint32_t what = 0, a = 0, b = 0, bucket = 0;
  auto operator<=>(const PartKey&) const = default;
};
MR_RECORD(PartKey, MR_NAMED(what), MR_NAMED(a), MR_NAMED(b), MR_NAMED(bucket))

// A piece of a group: a block of a run by its order; what has none comes first.
struct Piece {
  std::string_view order, bytes;
};
MR_RECORD(Piece, MR_NAMED(order), MR_NAMED(bytes))

inline constexpr uint32_t kTile = 64;

struct Profile {
  std::vector<ColumnPart> columns;
  std::vector<uint32_t> numeric, categorical;  // numbers of the columns
  // Row by row; NaN where undefined. pearson: numeric x numeric; cramers_v, uncertainty (of the row given the
  // column): categorical x categorical; correlation_ratio: categorical x numeric.
  std::vector<double> pearson, cramers_v, uncertainty, correlation_ratio;
  // Per column: the first one that has the same values, missing ones included, in every row; often itself.
  // Numbers are compared as numbers, other columns as texts.
  std::vector<uint32_t> first_equal;
};

// Which columns are equal over some rows and some more of them, from the first equal ones of both.
void MergeEqual(std::vector<uint32_t>* into, const std::vector<uint32_t>& more);

// Runs the stages and puts their results together: d + c columns and (d + c)^2 numbers come to the driver.
// `spec`: names, kinds, top, bins; how finely columns are cut follows from the size of the input.
Profile ProfileTable(const Table& table, ProfileSpec spec);

}  // namespace millrace::ml
