// Households as points: what is known of them (age, income, home, family) as numbers.
//
// In this order: age_years, income_k, household_size, kids_count: the first run of digits of the text
// ("19-24" is 19, "65+" 65, "250K+" 250), 0 where it begins with "Under"; then home_ownership,
// marital_status, household_comp as 0/1 columns, one per kind but the last, most frequent kind first,
// equal ones in byte order; an empty field is the kind "Unknown". Every column is multiplied by 1 /
// its largest magnitude.
#pragma once

#include <string>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"

namespace millrace::ml {

// household_id and the features, not yet scaled, of a csv with the columns household_id, age, income,
// home_ownership, marital_status, household_size, household_comp, kids_count. One pass over it that counts
// kinds; one more when the table is read.
Table HouseholdTable(Job& job, const std::string& input);

// The same as points, scaled. Three passes over n households; memory: one block per slot. Ends the job with a
// sentence where one of the four numbers is missing.
Features HouseholdFeatures(Job& job, const std::string& input);

}  // namespace millrace::ml
