#include "common/record/value.h"

#include <bit>

#include "common/record/format.h"

namespace millrace {

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kNull:
      return "null";
    case ValueType::kBool:
      return "bool";
    case ValueType::kInt64:
      return "int64";
    case ValueType::kDouble:
      return "double";
    case ValueType::kDate:
      return "date";
    case ValueType::kTimestamp:
      return "timestamp";
    case ValueType::kText:
      return "text";
  }
  return "unknown";
}

void Value::AppendTo(std::string* out) const {
  switch (type_) {
    case ValueType::kNull:
      return;
    case ValueType::kBool:
      return AppendBool(AsBool(), out);
    case ValueType::kInt64:
      return AppendInt(number_, out);
    case ValueType::kDouble:
      return AppendDouble(real_, out);
    case ValueType::kDate:
      return AppendDate(AsDate(), out);
    case ValueType::kTimestamp:
      return AppendTimestamp(AsTimestamp(), out);
    case ValueType::kText:
      out->append(AsText());
      return;
  }
}

std::string Value::ToString() const {
  std::string out;
  AppendTo(&out);
  return out;
}

bool operator==(const Value& a, const Value& b) {
  if (a.type_ != b.type_) return false;
  if (a.type_ == ValueType::kText) return a.AsText() == b.AsText();
  if (a.type_ == ValueType::kDouble)
    return std::bit_cast<uint64_t>(a.real_) == std::bit_cast<uint64_t>(b.real_);
  return a.number_ == b.number_;
}

}  // namespace millrace
