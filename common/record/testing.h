// For tests and fuzzers of this room: seeded random values with many edge cases.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/record/date.h"
#include "common/record/describe.h"
#include "common/record/key.h"

namespace millrace::testing {

enum class Colour : uint16_t { kRed = 0, kGreen = 7, kBlue = 65535 };

struct Quote {
  std::string symbol;
  Date date;
  std::optional<double> close;
  bool open = false;
  friend bool operator==(const Quote&, const Quote&) = default;
};
MR_RECORD(Quote, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_FIELD(close, "Close"), MR_NAMED(open))

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};
MR_RECORD(Nothing)

struct Nest {
  Quote quote;
  std::vector<int32_t> sizes;
  std::array<float, 3> point{};
  Nothing nothing;
  friend bool operator==(const Nest&, const Nest&) = default;
};
MR_RECORD(Nest, MR_NAMED(quote), MR_NAMED(sizes), MR_NAMED(point), MR_NAMED(nothing))

// Makes random values; edge cases about every third time.
class Values {
 public:
  explicit Values(uint64_t seed) : random_(seed) {}
  Random& random() { return random_; }

  template <typename T>
  T Make() {
    T value{};
    Fill(&value);
    return value;
  }

 private:
  void Fill(bool* v) { *v = random_.Below(2) == 1; }
  template <std::integral T>
  void Fill(T* v) {
    switch (random_.Below(6)) {
      case 0:
        *v = std::numeric_limits<T>::min();
        break;
      case 1:
        *v = std::numeric_limits<T>::max();
        break;
      case 2:
        *v = static_cast<T>(random_.Between(-3, 3));
        break;
      default:
        *v = static_cast<T>(random_.Next() >> random_.Below(64));
    }
  }
  template <std::floating_point T>
  void Fill(T* v) {
    using Limits = std::numeric_limits<T>;
    const T edges[] = {T(0),
                       -T(0),
                       Limits::infinity(),
                       -Limits::infinity(),
                       Limits::quiet_NaN(),
                       -Limits::quiet_NaN(),
                       Limits::min(),
                       -Limits::denorm_min(),
                       Limits::max(),
                       Limits::lowest(),
                       T(1),
                       T(-1)};
    using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    switch (random_.Below(4)) {
      case 0:
        *v = edges[random_.Below(std::size(edges))];
        break;
      case 1:
        *v = static_cast<T>(random_.Double() * 200 - 100);
        break;
      case 2:
        *v = static_cast<T>(random_.Between(-5, 5));
        break;
      default:
        *v = std::bit_cast<T>(static_cast<U>(random_.Next()));
    }
  }
  void Fill(Colour* v) {
    constexpr Colour kAll[] = {Colour::kRed, Colour::kGreen, Colour::kBlue};
    *v = kAll[random_.Below(3)];
  }
  void Fill(std::string* v) {
    constexpr std::string_view kBytes(
        "\0\0\x01\xff\xfe"
        "abAB\x7f\x80",
        11);
    const size_t size = random_.Below(4) == 0 ? random_.Below(40) : random_.Below(5);
    v->clear();
    for (size_t i = 0; i < size; ++i) v->push_back(kBytes[random_.Below(kBytes.size())]);
  }
  void Fill(Date* v) { Fill(&v->days); }
  void Fill(Timestamp* v) { Fill(&v->micros); }
  template <typename T>
  void Fill(std::optional<T>* v) {
    if (random_.Below(3) == 0) {
      v->reset();
    } else {
      Fill(&v->emplace());
    }
  }
  template <typename A, typename B>
  void Fill(std::pair<A, B>* v) {
    Fill(&v->first);
    Fill(&v->second);
  }
  template <typename... T>
  void Fill(std::tuple<T...>* v) {
    std::apply([this](auto&... part) { (this->Fill(&part), ...); }, *v);
  }
  template <typename T>
  void Fill(std::vector<T>* v) {
    v->clear();
    for (uint64_t left = random_.Below(5); left > 0; --left) v->push_back(Make<T>());
  }
  template <typename T, size_t kSize>
  void Fill(std::array<T, kSize>* v) {
    for (T& item : *v) Fill(&item);
  }
  template <typename T>
  void Fill(Descending<T>* v) {
    Fill(&v->value);
  }
  template <DescribedRecord T>
  void Fill(T* v) {
    ForEachField<T>([this, v](const auto& field) { this->Fill(&(v->*field.member)); });
  }

  Random random_;
};

// The order that keys promise, said a second time: -1, 0, 1.
template <typename T>
requires std::integral<T> || std::is_enum_v<T> || std::same_as<T, Date> || std::same_as<T, Timestamp>
int Order(const T& a, const T& b) { return a < b ? -1 : b < a ? 1 : 0; }
template <std::floating_point T>
int Order(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return (std::isnan(a) ? 1 : 0) - (std::isnan(b) ? 1 : 0);
  return a < b ? -1 : b < a ? 1 : 0;
}
inline int Order(const std::string& a, const std::string& b) {
  const int order = a.compare(b);  // char_traits<char> compares unsigned
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}
template <typename T>
int Order(const std::optional<T>& a, const std::optional<T>& b);
template <typename A, typename B>
int Order(const std::pair<A, B>& a, const std::pair<A, B>& b);
template <typename... T>
int Order(const std::tuple<T...>& a, const std::tuple<T...>& b);
template <typename T>
int Order(const std::vector<T>& a, const std::vector<T>& b);
template <typename T, size_t kSize>
int Order(const std::array<T, kSize>& a, const std::array<T, kSize>& b);
template <typename T>
int Order(const Descending<T>& a, const Descending<T>& b);
template <DescribedRecord T>
int Order(const T& a, const T& b) {
  int order = 0;
  ForEachField<T>([&](const auto& field) {
    if (order == 0) order = Order(a.*field.member, b.*field.member);
  });
  return order;
}
template <typename T>
int Order(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0);
  return Order(*a, *b);
}
template <typename A, typename B>
int Order(const std::pair<A, B>& a, const std::pair<A, B>& b) {
  const int order = Order(a.first, b.first);
  return order != 0 ? order : Order(a.second, b.second);
}
template <typename... T>
int Order(const std::tuple<T...>& a, const std::tuple<T...>& b) {
  int order = 0;
  [&]<size_t... I>(std::index_sequence<I...>) {
    ((order = order != 0 ? order : Order(std::get<I>(a), std::get<I>(b))), ...);
  }
  (std::index_sequence_for<T...>{});
  return order;
}
template <typename T>
int Order(const std::vector<T>& a, const std::vector<T>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (const int order = Order(a[i], b[i]); order != 0) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}
template <typename T, size_t kSize>
int Order(const std::array<T, kSize>& a, const std::array<T, kSize>& b) {
  for (size_t i = 0; i < kSize; ++i) {
    if (const int order = Order(a[i], b[i]); order != 0) return order;
  }
  return 0;
}
template <typename T>
int Order(const Descending<T>& a, const Descending<T>& b) {
  return Order(b.value, a.value);
}

}  // namespace millrace::testing
