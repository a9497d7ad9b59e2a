// Numbers, days and instants from text. Nothing is trimmed: blanks make a text invalid, and so does an
// empty text. On false *out is untouched.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "common/record/date.h"

namespace millrace {

// The nearest double (ties to even). [+-] digits [. digits] [e [+-] digits], ".5" and "5." included; also
// inf, infinity, nan in any case, with a sign. A finite text too large for a double is refused; one too
// small becomes 0 or a denormal. No hexadecimal, no digit grouping.
bool ParseDouble(std::string_view text, double* out);
// The nearest float to the text (not by way of double).
bool ParseFloat(std::string_view text, float* out);

// [+-] digits. Out of range is refused.
bool ParseInt64(std::string_view text, int64_t* out);
bool ParseUint64(std::string_view text, uint64_t* out);  // no '-'
template <std::integral T>
bool ParseInt(std::string_view text, T* out) {
  if constexpr (std::is_signed_v<T>) {
    int64_t wide;
    if (!ParseInt64(text, &wide) || wide < std::numeric_limits<T>::min() ||
        wide > std::numeric_limits<T>::max()) {
      return false;
    }
    *out = static_cast<T>(wide);
  } else {
    uint64_t wide;
    if (!ParseUint64(text, &wide) || wide > std::numeric_limits<T>::max()) return false;
    *out = static_cast<T>(wide);
  }
  return true;
}

// true, false, 1, 0, yes, no in any case.
bool ParseBool(std::string_view text, bool* out);

// YYYY-MM-DD, a day that exists; years outside 0..9999 with sign and five or more digits, as written by
// AppendDate.
bool ParseDate(std::string_view text, Date* out);
// DATE, or DATE [T or blank] HH:MM[:SS[.fraction]] [Z | +HH:MM | -HH:MM | +HHMM]; UTC when no zone is
// named. Digits of the fraction after the sixth must be 0: nothing is lost silently.
bool ParseTimestamp(std::string_view text, Timestamp* out);

}  // namespace millrace
