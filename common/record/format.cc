#include "common/record/format.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

namespace millrace {

namespace {
template <typename T>
void AppendReal(T value, std::string* out) {
  if (value != value) return;
  if (std::isinf(value)) {
    out->append(value < 0 ? "-inf" : "inf");
    return;
  }
  const T magnitude = std::fabs(value);
  char buffer[64];
  char* const end = buffer + sizeof(buffer);
  // Whole numbers that are exact in T need no search for the shortest text.
  constexpr T kExact = static_cast<T>(uint64_t{1} << std::numeric_limits<T>::digits);
  if (magnitude < kExact && magnitude == std::trunc(magnitude)) {
    char* last = std::to_chars(buffer, end, static_cast<int64_t>(value)).ptr;
    *last++ = '.';
    *last++ = '0';
    out->append(buffer, last);
    return;
  }
  const bool scientific = magnitude < static_cast<T>(1e-4) || magnitude >= static_cast<T>(1e16);
  const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  char* last = std::to_chars(buffer, end, value, format).ptr;
  // Large floats have no fraction in fixed notation.
  if (!scientific && std::memchr(buffer, '.', static_cast<size_t>(last - buffer)) == nullptr) {
    *last++ = '.';
    *last++ = '0';
  }
  out->append(buffer, last);
}

// `width` digits with leading zeros.
char* PutPadded(char* at, int value, int width) {
  for (int i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + width;
}

char* PutTwo(char* at, int value) {
  at[0] = static_cast<char>('0' + value / 10);
  at[1] = static_cast<char>('0' + value % 10);
  return at + 2;
}

char* PutDate(char* at, Date value) {
  int year = 0, month = 0, day = 0;
  value.ToCivil(&year, &month, &day);
  if (year >= 0 && year <= 9999) [[likely]] {
    at = PutTwo(PutTwo(at, year / 100), year % 100);
  } else {
    *at++ = year < 0 ? '-' : '+';
    const int magnitude = year < 0 ? -year : year;
    at = PutPadded(at, magnitude, magnitude <= 99999 ? 5 : magnitude <= 999999 ? 6 : 7);
  }
  *at++ = '-';
  at = PutTwo(at, month);
  *at++ = '-';
  return PutTwo(at, day);
}
}  // namespace

void AppendDouble(double value, std::string* out) { AppendReal(value, out); }
void AppendFloat(float value, std::string* out) { AppendReal(value, out); }

void AppendInt(int64_t value, std::string* out) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}
void AppendUint(uint64_t value, std::string* out) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}
void AppendBool(bool value, std::string* out) { out->append(value ? "true" : "false"); }

void AppendDate(Date value, std::string* out) {
  char buffer[24];
  out->append(buffer, PutDate(buffer, value));
}

void AppendTimestamp(Timestamp value, std::string* out) {
  char buffer[48];
  char* at = PutDate(buffer, value.date());
  *at++ = 'T';
  at = PutTwo(at, value.hour());
  *at++ = ':';
  at = PutTwo(at, value.minute());
  *at++ = ':';
  at = PutTwo(at, value.second());
  const int fraction = static_cast<int>(value.micros_of_day() % 1'000'000);
  if (fraction != 0) {
    *at++ = '.';
    at = PutPadded(at, fraction, 6);
  }
  *at++ = 'Z';
  out->append(buffer, at);
}

std::string FormatDouble(double value) {
  std::string out;
  AppendDouble(value, &out);
  return out;
}
std::string FormatDate(Date value) { return value.ToString(); }

}  // namespace millrace
