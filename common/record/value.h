// One value of a type known at run time, in 16 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/record/date.h"

namespace millrace {

enum class ValueType : uint8_t {
  kNull = 0,
  kBool = 1,
  kInt64 = 2,
  kDouble = 3,
  kDate = 4,
  kTimestamp = 5,
  kText = 6
};
inline constexpr uint8_t kMaxValueType = 6;

// "null", "bool", "int64", "double", "date", "timestamp", "text".
std::string_view ValueTypeName(ValueType type);

// Null, or a bool, int64, double, Date, Timestamp or text. Text is a view: who makes the value sees to it
// that the bytes live (Row::Own copies them). Text is at most 4 GiB - 1.
class Value {
 public:
  Value() : number_(0) {}
  static Value Null() { return Value(); }
  static Value Bool(bool value) { return Value(ValueType::kBool, value ? 1 : 0); }
  static Value Int64(int64_t value) { return Value(ValueType::kInt64, value); }
  static Value Double(double value) {
    Value out(ValueType::kDouble, 0);
    out.real_ = value;
    return out;
  }
  static Value Day(Date value) { return Value(ValueType::kDate, value.days); }
  static Value Instant(Timestamp value) { return Value(ValueType::kTimestamp, value.micros); }
  static Value Text(std::string_view value) {
    Value out(ValueType::kText, 0);
    out.text_ = value.data();
    out.size_ = static_cast<uint32_t>(value.size());
    return out;
  }

  ValueType type() const { return type_; }
  bool is_null() const { return type_ == ValueType::kNull; }
  bool is_number() const { return type_ == ValueType::kInt64 || type_ == ValueType::kDouble; }

  // The type must match; AsDouble takes int64 as well.
  bool AsBool() const { return number_ != 0; }
  int64_t AsInt64() const { return number_; }
  double AsDouble() const { return type_ == ValueType::kInt64 ? static_cast<double>(number_) : real_; }
  Date AsDate() const { return Date{static_cast<int32_t>(number_)}; }
  Timestamp AsTimestamp() const { return Timestamp{number_}; }
  std::string_view AsText() const { return {text_, size_}; }

  // Of a text that a source took from a dictionary: in one task texts with the same code are the same text,
  // so that what was found for one holds for all. 0: not known. At most kMaxCode; it is not part of the
  // value.
  static constexpr uint32_t kMaxCode = (1 << 20) - 1;
  uint32_t code() const { return code_; }
  void set_code(uint32_t code) { code_ = code & kMaxCode; }

  // As it is written to a file (format.h); nothing for null.
  void AppendTo(std::string* out) const;
  std::string ToString() const;

  // Same type and same content; doubles bit by bit (NaN equals itself, 0.0 is not -0.0).
  friend bool operator==(const Value& a, const Value& b);

 private:
  Value(ValueType type, int64_t number) : type_(type), number_(number) {}

  ValueType type_ = ValueType::kNull;
  uint32_t code_ : 24 = 0;
  uint32_t size_ = 0;
  union {
    int64_t number_;
    double real_;
    const char* text_;
  };
};
static_assert(sizeof(Value) == 16);

}  // namespace millrace
