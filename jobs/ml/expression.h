// Columns derived from others: --derive (common/record/expression.h has the language).
#pragma once

#include <vector>

#include "common/pipeline/pipeline.h"
#include "common/record/expression.h"

namespace millrace::ml {

// The table with a column of doubles appended per derivation; a later one may use an earlier one. Ends the
// job with a sentence where a column is not there or not numeric, or where a new name is taken.
Table DeriveColumns(Job& job, const Table& table, const std::vector<Derivation>& derivations);

}  // namespace millrace::ml
