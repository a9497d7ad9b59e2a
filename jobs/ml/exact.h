// Money and prices as whole numbers of a small unit (thousandths, millionths), so that sums are exact in any
// order; and sums of doubles with their rounding errors.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// round(value * units_per_one), ties to even. Exact for every decimal text of at most as many places as the
// unit has, up to 2^51 units (2.2 thousand million at millionths). Throws BadInput, which begins with `what`,
// where the value is not finite or beyond that.
int64_t ToUnits(double value, int64_t units_per_one, std::string_view what);

// Exact; throws BadInput where the result is over 2^63 - 1.
int64_t AddExact(int64_t a, int64_t b, std::string_view what);
int64_t MultiplyExact(int64_t a, int64_t b, std::string_view what);

// A sum and what rounding took from it (Neumaier 1974): the error of Total() does not grow with the
// number of terms.
struct CompensatedSum {
  double sum = 0, rest = 0;
  void Add(double value) {
    const double next = sum + value;
    rest += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  void Add(const CompensatedSum& other) {
    Add(other.sum);
    rest += other.rest;
  }
  double Total() const { return sum + rest; }
};
MR_RECORD(CompensatedSum, MR_NAMED(sum), MR_NAMED(rest))

}  // namespace millrace::ml
