// The order of a column whose type its values tell: as numbers where all are numbers, else by bytes.
#pragma once

#include <cmath>
#include <string_view>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

inline bool IsNumber(std::string_view text) {
  double number = 0;
  return ParseDouble(text, &number) && std::isfinite(number);
}

// What sorts before the bytes: the number, or 0 for all where the column has texts.
inline double NumberKey(bool numbers, std::string_view text) {
  double number = 0;
  return numbers && ParseDouble(text, &number) ? number : 0.0;
}

struct And {
  void operator()(bool& into, const bool& more) const { into = into && more; }
};

}  // namespace millrace::ml
