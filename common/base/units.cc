// Sizes, counts and durations for people (strings.h).
#include <charconv>
#include <cmath>
#include <cstdio>

#include "common/base/strings.h"

namespace millrace {

namespace {
// At most one decimal, none from 10 on or when it would be 0.
std::string OneDecimal(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.*f", value < 9.95 ? 1 : 0, value);
  std::string out = buffer;
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out;
}

std::string Scaled(uint64_t value, double step, const char* const* units, size_t unit_count,
                   std::string_view gap) {
  double scaled = static_cast<double>(value);
  size_t unit = 0;
  while (unit + 1 < unit_count && scaled >= step - 0.5) {
    scaled /= step;
    ++unit;
  }
  return StrCat(unit == 0 ? StrCat(value) : OneDecimal(scaled), gap, units[unit]);
}
}  // namespace

std::string HumanBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return Scaled(bytes, 1024, kUnits, 7, " ");
}

std::string HumanCount(uint64_t count) {
  static constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P"};
  return Scaled(count, 1000, kUnits, 6, "");
}

std::string HumanDuration(double seconds) {
  if (!(seconds >= 0)) return "0 ms";
  if (seconds < 0.9995) return StrCat(OneDecimal(seconds * 1e3), " ms");
  if (seconds < 59.5) return StrCat(OneDecimal(seconds), " s");
  if (seconds > 3.15e9) return "over 100 years";
  const uint64_t whole = static_cast<uint64_t>(std::llround(seconds));
  const auto two = [](uint64_t big, const char* big_unit, uint64_t small, const char* small_unit) {
    return small == 0 ? StrCat(big, " ", big_unit) : StrCat(big, " ", big_unit, " ", small, " ", small_unit);
  };
  if (whole < 3600) return two(whole / 60, "min", whole % 60, "s");
  const uint64_t minutes = (whole + 30) / 60;
  if (minutes < 48 * 60) return two(minutes / 60, "h", minutes % 60, "min");
  const uint64_t hours = (minutes + 30) / 60;
  return two(hours / 24, "d", hours % 24, "h");
}

std::optional<uint64_t> ParseBytes(std::string_view text) {
  double number = 0;
  uint64_t whole = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const auto integer = std::from_chars(text.data(), end, whole);
  const auto real = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (real.ec != std::errc()) return std::nullopt;
  const bool is_whole = integer.ec == std::errc() && integer.ptr == real.ptr;
  std::string unit = ToLower(StripBlanks({real.ptr, static_cast<size_t>(end - real.ptr)}));
  if (unit.ends_with('b')) unit.pop_back();
  uint64_t scale = 1;
  if (!unit.empty()) {
    const size_t power = std::string_view("kmgtp").find(unit[0]);
    if (power == std::string_view::npos || (unit.size() > 1 && unit.substr(1) != "i")) return std::nullopt;
    for (size_t i = 0; i <= power; ++i) scale *= unit.size() > 1 ? 1024 : 1000;
  }
  uint64_t bytes;
  if (is_whole) {
    if (__builtin_mul_overflow(whole, scale, &bytes) || bytes >> 63 != 0) return std::nullopt;
  } else {
    const double product = number * static_cast<double>(scale);
    if (!(product < 0x1p63)) return std::nullopt;
    bytes = static_cast<uint64_t>(product);
  }
  return bytes;
}

}  // namespace millrace
