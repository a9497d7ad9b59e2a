// What the columns of a table are to an analysis: numbers, categories or texts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// Texts take no part in pairs of columns.
enum class ColumnKind : uint8_t { kNumeric, kCategorical, kText };

// "numeric", "categorical", "text".
const char* KindName(ColumnKind kind);

struct KindTable {
  Table table;  // numeric columns as numbers; fields of blanks alone are missing
  std::vector<ColumnKind> kinds;
};

// Reads `input` (`columns`: which; none = all). `types`: COLUMN:numeric|categorical|text for some; of the
// others those are numeric whose first 1,000 rows hold numbers, categorical whose texts there are at most 50
// and stand twice on average, and the rest are texts. Ends the job with a sentence where `types` is wrong.
KindTable ReadKinds(Job& job, const std::string& input, const std::vector<std::string>& columns,
                    const std::vector<std::string>& types);

}  // namespace millrace::ml
