#include "common/record/parse.h"

#include <bit>
#include <charconv>
#include <cstdlib>
#include <string>

namespace millrace {

namespace {
constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Case-insensitive, `lower` is lower case.
bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

template <typename T>
bool ParseSpecial(std::string_view text, bool negative, T* out) {
  if (EqualsIgnoringCase(text, "nan")) {
    *out = std::numeric_limits<T>::quiet_NaN();
  } else if (EqualsIgnoringCase(text, "inf") || EqualsIgnoringCase(text, "infinity")) {
    *out = negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  } else {
    return false;
  }
  return true;
}

template <typename T>
T StrTo(const char* text);
template <>
double StrTo<double>(const char* text) {
  return std::strtod(text, nullptr);
}
template <>
float StrTo<float>(const char* text) {
  return std::strtof(text, nullptr);
}

// Everything the fast path leaves: many digits, large exponents. `text` is without sign.
template <typename T>
bool ParseSlow(std::string_view text, bool negative, T* out) {
  if (text.empty()) return false;
  if (!IsDigit(text[0]) && text[0] != '.') return ParseSpecial(text, negative, out);
  T value;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) {
    // Too small is 0 or a denormal, which from_chars does not tell from too large.
    value = StrTo<T>(std::string(text).c_str());
    if (value > 1) return false;
  }
  *out = negative ? -value : value;
  return true;
}

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// digits / 10^places as the nearest T; false when this needs more than one correctly rounded operation.
bool Divide(uint64_t digits, int places, double* out) {
  if (digits > uint64_t{1} << 53 || places > 22) return false;
  *out = static_cast<double>(digits) / kPowersOfTen[places];  // both operands are exact
  return true;
}
bool Divide(uint64_t digits, int places, float* out) {
  double wide;
  if (!Divide(digits, places, &wide)) return false;
  // Rounding twice is rounding once, unless the double lies just between two floats, where the first
  // rounding may have hidden on which side the text was. Floats without full precision are left out.
  if ((std::bit_cast<uint64_t>(wide) & 0x1fff'ffff) == 0x1000'0000 || wide > 1e38 ||
      (wide < 1e-37 && wide != 0))
    return false;
  *out = static_cast<float>(wide);
  return true;
}

template <typename T>
bool ParseReal(std::string_view text, T* out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  bool negative = false;
  if (p != end && (*p == '-' || *p == '+')) negative = *p++ == '-';
  const char* const unsigned_text = p;

  uint64_t digits = 0;
  while (p != end && IsDigit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
  int64_t count = p - unsigned_text, places = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    while (p != end && IsDigit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
    places = p - fraction;
    count += places;
  }
  T value;
  // More than 19 digits may have wrapped.
  if (p != end || count == 0 || count > 19 || !Divide(digits, static_cast<int>(places), &value))
      [[unlikely]] {
    return ParseSlow({unsigned_text, static_cast<size_t>(end - unsigned_text)}, negative, out);
  }
  *out = negative ? -value : value;
  return true;
}
}  // namespace

bool ParseDouble(std::string_view text, double* out) { return ParseReal(text, out); }
bool ParseFloat(std::string_view text, float* out) { return ParseReal(text, out); }

bool ParseUint64(std::string_view text, uint64_t* out) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return false;
  uint64_t value = 0;
  if (text.size() <= 19) [[likely]] {
    for (const char c : text) {
      if (!IsDigit(c)) return false;
      value = value * 10 + static_cast<uint64_t>(c - '0');
    }
  } else {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size()) return false;
  }
  *out = value;
  return true;
}

bool ParseInt64(std::string_view text, int64_t* out) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) {
    text.remove_prefix(1);
    if (text.empty() || !IsDigit(text[0])) return false;
  }
  uint64_t magnitude;
  if (!ParseUint64(text, &magnitude)) return false;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (magnitude > kMax + (negative ? 1 : 0)) return false;
  *out = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

bool ParseBool(std::string_view text, bool* out) {
  if (text == "1" || EqualsIgnoringCase(text, "true") || EqualsIgnoringCase(text, "yes")) {
    *out = true;
  } else if (text == "0" || EqualsIgnoringCase(text, "false") || EqualsIgnoringCase(text, "no")) {
    *out = false;
  } else {
    return false;
  }
  return true;
}

namespace {
// Takes exactly `count` digits.
bool TakeDigits(std::string_view* in, size_t count, int* out) {
  if (in->size() < count) return false;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit((*in)[i])) return false;
    value = value * 10 + ((*in)[i] - '0');
  }
  in->remove_prefix(count);
  *out = value;
  return true;
}
bool TakeChar(std::string_view* in, char c) {
  if (in->empty() || in->front() != c) return false;
  in->remove_prefix(1);
  return true;
}

bool TakeDate(std::string_view* in, Date* out) {
  size_t year_digits = 4;
  bool negative = false;
  if (!in->empty() && (in->front() == '-' || in->front() == '+')) {
    negative = in->front() == '-';
    in->remove_prefix(1);
    year_digits = in->find('-');
    if (year_digits == std::string_view::npos || year_digits < 5 || year_digits > 7) return false;
  }
  int year = 0, month = 0, day = 0;
  if (!TakeDigits(in, year_digits, &year) || !TakeChar(in, '-') || !TakeDigits(in, 2, &month) ||
      !TakeChar(in, '-') || !TakeDigits(in, 2, &day)) {
    return false;
  }
  if (negative) year = -year;
  if (year > 5'000'000 || year < -5'000'000 || !IsValidCivil(year, month, day)) return false;
  *out = Date::FromCivil(year, month, day);
  return true;
}

// Nothing, Z, +HH:MM or +HHMM.
bool TakeZone(std::string_view* in, int64_t* minutes_east) {
  *minutes_east = 0;
  if (in->empty() || TakeChar(in, 'Z') || TakeChar(in, 'z')) return true;
  const bool west = in->front() == '-';
  if (!west && in->front() != '+') return false;
  in->remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!TakeDigits(in, 2, &hours)) return false;
  TakeChar(in, ':');
  if (!TakeDigits(in, 2, &minutes) || hours > 23 || minutes > 59) return false;
  *minutes_east = (west ? -1 : 1) * (hours * 60 + minutes);
  return true;
}

bool TakeFraction(std::string_view* in, int64_t* micros) {
  int64_t scale = 100'000;
  size_t count = 0;
  for (; count < in->size() && IsDigit((*in)[count]); ++count, scale /= 10) {
    const int digit = (*in)[count] - '0';
    if (scale == 0 && digit != 0) return false;
    *micros += digit * scale;
  }
  in->remove_prefix(count);
  return count > 0;
}
}  // namespace

bool ParseDate(std::string_view text, Date* out) {
  // YYYY-MM-DD, the one that matters: digits checked together, no loops.
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') [[likely]] {
    unsigned bad = 0;
    const auto digit = [&](size_t i) {
      const unsigned value = static_cast<unsigned char>(text[i]) - unsigned{'0'};
      bad |= value > 9 ? 1 : 0;
      return static_cast<int>(value);
    };
    const int year = digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3);
    const int month = digit(5) * 10 + digit(6), day = digit(8) * 10 + digit(9);
    if (bad != 0 || !IsValidCivil(year, month, day)) return false;
    *out = Date::FromCivil(year, month, day);
    return true;
  }
  Date date;
  if (!TakeDate(&text, &date) || !text.empty()) return false;
  *out = date;
  return true;
}

bool ParseTimestamp(std::string_view text, Timestamp* out) {
  Date date;
  if (!TakeDate(&text, &date)) return false;
  // Timestamps reach less far than dates: 292,277 years.
  if (date.days > 106'751'990 || date.days < -106'751'990) return false;
  int64_t micros = 0, east = 0;
  if (!text.empty()) {
    if (!TakeChar(&text, 'T') && !TakeChar(&text, ' ') && !TakeChar(&text, 't')) return false;
    int hour = 0, minute = 0, second = 0;
    if (!TakeDigits(&text, 2, &hour) || !TakeChar(&text, ':') || !TakeDigits(&text, 2, &minute)) return false;
    if (TakeChar(&text, ':')) {
      if (!TakeDigits(&text, 2, &second)) return false;
      if (TakeChar(&text, '.') && !TakeFraction(&text, &micros)) return false;
    }
    if (hour > 23 || minute > 59 || second > 59 || !TakeZone(&text, &east) || !text.empty()) return false;
    micros += ((hour * int64_t{60} + minute - east) * 60 + second) * 1'000'000;
  }
  *out = Timestamp{date.days * Timestamp::kMicrosPerDay + micros};
  return true;
}

}  // namespace millrace
