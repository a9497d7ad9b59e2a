// Days and instants. Text forms: format.h and parse.h.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace millrace {

// A day of the proleptic Gregorian calendar, as days since 1970-01-01.
struct Date {
  int32_t days = 0;

  // The day must exist (IsValidCivil); years from -5,000,000 to 5,000,000.
  static constexpr Date FromCivil(int year, int month, int day);
  constexpr void ToCivil(int* year, int* month, int* day) const;
  constexpr int year() const;
  constexpr int month() const;        // 1..12
  constexpr int day() const;          // 1..31
  constexpr int weekday() const;      // 1 = Monday ... 7 = Sunday
  constexpr int day_of_year() const;  // 1..366
  std::string ToString() const;       // 2023-01-03

  friend constexpr auto operator<=>(const Date&, const Date&) = default;
  friend constexpr Date operator+(Date date, int days) { return Date{date.days + days}; }
  friend constexpr Date operator-(Date date, int days) { return Date{date.days - days}; }
  friend constexpr int operator-(Date a, Date b) { return a.days - b.days; }
};

// An instant, as microseconds since 1970-01-01 00:00:00 UTC; no leap seconds.
struct Timestamp {
  int64_t micros = 0;

  constexpr Date date() const;              // the UTC day
  constexpr int64_t micros_of_day() const;  // 0..86,399,999,999
  constexpr int hour() const { return static_cast<int>(micros_of_day() / 3'600'000'000); }
  constexpr int minute() const { return static_cast<int>(micros_of_day() / 60'000'000 % 60); }
  constexpr int second() const { return static_cast<int>(micros_of_day() / 1'000'000 % 60); }
  static constexpr Timestamp FromDate(Date date) { return Timestamp{date.days * kMicrosPerDay}; }
  std::string ToString() const;  // 2023-01-03T09:30:00Z, with .250000 where there is a fraction

  static constexpr int64_t kMicrosPerDay = 86'400'000'000;
  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

constexpr bool IsLeapYear(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
constexpr int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}
constexpr bool IsValidCivil(int year, int month, int day) {
  return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, month);
}

// Years are counted from March, in eras of 400 years, so that the leap day is the last of its year.
constexpr Date Date::FromCivil(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return Date{era * 146097 + day_of_era - 719468};
}

constexpr void Date::ToCivil(int* year, int* month, int* day) const {
  const int64_t z = static_cast<int64_t>(days) + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  *day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  *month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  *year = static_cast<int>(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

constexpr int Date::year() const {
  int y = 0, m = 0, d = 0;
  ToCivil(&y, &m, &d);
  return y;
}
constexpr int Date::month() const {
  int y = 0, m = 0, d = 0;
  ToCivil(&y, &m, &d);
  return m;
}
constexpr int Date::day() const {
  int y = 0, m = 0, d = 0;
  ToCivil(&y, &m, &d);
  return d;
}
constexpr int Date::day_of_year() const { return days - FromCivil(year(), 1, 1).days + 1; }
constexpr int Date::weekday() const {
  const int64_t shifted = static_cast<int64_t>(days) + 3;  // 1970-01-01 was a Thursday
  return static_cast<int>((shifted % 7 + 7) % 7) + 1;
}

constexpr Date Timestamp::date() const {
  const int64_t day = micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
  return Date{static_cast<int32_t>(day)};
}
constexpr int64_t Timestamp::micros_of_day() const {
  const int64_t rest = micros % kMicrosPerDay;
  return rest < 0 ? rest + kMicrosPerDay : rest;
}

}  // namespace millrace
