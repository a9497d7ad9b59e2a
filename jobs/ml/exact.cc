#include "jobs/ml/exact.h"

namespace millrace::ml {

int64_t ToUnits(double value, int64_t units_per_one, std::string_view what) {
  // Half an unit is 2^-1; the value and the product are each rounded by at most 2^-53 of 2^51 units.
  constexpr double kMost = 2251799813685248.0;
  const double units = std::nearbyint(value * static_cast<double>(units_per_one));
  if (!(std::abs(units) <= kMost))
    throw BadInput(StrCat(what, " ", value, " is no amount that can be added up exactly; correct it"));
  return static_cast<int64_t>(units);
}

int64_t AddExact(int64_t a, int64_t b, std::string_view what) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) throw BadInput(StrCat(what, ": the sum is too large to be exact"));
  return sum;
}

int64_t MultiplyExact(int64_t a, int64_t b, std::string_view what) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product))
    throw BadInput(StrCat(what, ": ", a, " times ", b, " is too large to be exact"));
  return product;
}

}  // namespace millrace::ml
