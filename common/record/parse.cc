#include "common/record/parse.h"

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

// Both operands exact and one correctly rounded operation: the nearest T.
template <typename T>
struct Exact;
template <>
struct Exact<double> {
  static constexpr uint64_t kMaxDigits = uint64_t{1} << 53;
  static constexpr int kMaxPower = 22;
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
};
template <>
struct Exact<float> {
  static constexpr uint64_t kMaxDigits = uint64_t{1} << 24;
  static constexpr int kMaxPower = 10;
  static constexpr float kPowers[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
};

template <typename T>
bool ParseReal(std::string_view text, T* out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  bool negative = false;
  if (p != end && (*p == '-' || *p == '+')) negative = *p++ == '-';
  const char* const unsigned_text = p;
  const auto slow = [&] {
    return ParseSlow({unsigned_text, static_cast<size_t>(end - unsigned_text)}, negative, out);
  };

  uint64_t digits = 0;
  while (p != end && IsDigit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
  int64_t count = p - unsigned_text;
  int power = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    while (p != end && IsDigit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
    const int64_t fraction_count = p - fraction;
    count += fraction_count;
    if (count > 19) return slow();  // before the cast: `digits` may have wrapped
    power = -static_cast<int>(fraction_count);
  }
  if (p != end || count == 0 || count > 19 || digits > Exact<T>::kMaxDigits || power < -Exact<T>::kMaxPower) {
    return slow();
  }
  T value = static_cast<T>(digits);
  if (power < 0) value /= Exact<T>::kPowers[-power];
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
  if (!TakeDigits(in, year_digits, &year) || !TakeChar(in, '-') || !TakeDigits(in, 2, &month) || !TakeChar(in, '-') ||
      !TakeDigits(in, 2, &day)) {
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
