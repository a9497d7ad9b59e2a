// What a column may be, from all of its values: type, missing values, range, samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// Facts of a column, of a task or of all. A range is there while every present value is of that type: the
// narrowest one left is the column's type. Memory: O(1) but for kSamples texts of kSampleBytes.
struct ColumnFacts {
  static constexpr size_t kSamples = 5, kSampleBytes = 100;

  uint64_t present = 0, missing = 0;
  uint64_t blank = 0;  // of the missing: blanks, not empty
  bool bools = true;   // all present ones are true or false
  std::optional<int64_t> least_int, greatest_int;
  std::optional<double> least_number, greatest_number;
  std::optional<int64_t> least_instant, greatest_instant;  // microseconds
  bool ints = true, numbers = true, dates = true, instants = true;
  std::string least_text, greatest_text;  // cut
  std::vector<std::string> samples;       // the first different ones

  // A number with superfluous zeros in front (a postal code) counts as text, so does a quoted
  // number of jsonl.
  void Add(const Value& value);
  void Merge(const ColumnFacts& later);
  ValueType Type() const;  // bool, int64, double, date, timestamp or text; text without a value
};
MR_RECORD(ColumnFacts, MR_NAMED(present), MR_NAMED(missing), MR_NAMED(blank), MR_NAMED(bools),
          MR_NAMED(least_int), MR_NAMED(greatest_int), MR_NAMED(least_number), MR_NAMED(greatest_number),
          MR_NAMED(least_instant), MR_NAMED(greatest_instant), MR_NAMED(ints), MR_NAMED(numbers),
          MR_NAMED(dates), MR_NAMED(instants), MR_NAMED(least_text), MR_NAMED(greatest_text),
          MR_NAMED(samples))

// One per column of `table`, which is read untyped. One pass; d records per task are shuffled.
std::vector<ColumnFacts> FactsOf(const Table& table);

}  // namespace millrace::ml
