// Cuts pinned files into splits that end at record boundaries, and reads the header.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/io/format.h"
#include "common/record/value.h"
#include "proto/plan.pb.h"

namespace millrace::io {

// What a format that knows types says of a column (Parquet).
struct TypedColumn {
  std::string name;
  ValueType type = ValueType::kNull;  // kNull: it cannot be read
  bool decimal = false;               // text made of a decimal number
  std::string declared;               // for messages
};

// Whether the column can be read into values of type `wanted` (kNull: any): whole numbers fit real ones,
// decimals too, anything fits a text, texts fit days and instants (value by value), and these each other.
bool Fits(const TypedColumn& column, ValueType wanted);

// Rows that are wanted: the column's value lies in [least, greatest], as text (parse.h); "" is no limit. A
// hint: formats that can leave whole stretches of a file unread do so, rows are not filtered.
struct ColumnRange {
  std::string column, least, greatest;
};

struct PlannedInput {
  pb::FileSource source;           // format, options, files, splits (never none), columns
  std::vector<TypedColumn> types;  // as many as columns, or none
  bool has_records =
      false;  // false: nothing but empty files and headers; the caller says whether that is an error
};

// A split ends at the first record boundary at or after each multiple of `split_bytes` (0: whole files); a
// record that spans several multiples lies in one split, so there are no empty ones, but for the one split
// [0, 0) that stands for an input without any byte. Compressed files are one split each. A function of the
// arguments and of the files' bytes only. CSV with quotes reads every file of more than one split once (at
// memory speed, on two threads).
// Errors: an unreadable or changed file; csv: header missing, a column name twice, headers that differ
// between files (both are named); fixed: a size that is not a multiple of record_bytes.
absl::StatusOr<PlannedInput> PlanSplits(std::string_view format,
                                        const std::map<std::string, std::string>& options,
                                        std::vector<pb::InputFile> files, uint64_t split_bytes);

}  // namespace millrace::io
