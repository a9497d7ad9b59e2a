// Numbers, days and instants as text, the same on every machine; parse.h reads them back to the same value.
#pragma once

#include <cstdint>
#include <string>

#include "common/record/date.h"

namespace millrace {

// The shortest text that reads back as the same double, with a point or an exponent always: 1.0, 0.1,
// 1e-05, 1e+16 (an exponent below 1e-4 and from 1e16 on). -0.0 is written 0.0, NaN as nothing at all (a
// missing field), infinities inf and -inf.
void AppendDouble(double value, std::string* out);
// The same for float: the shortest text that reads back as the same float.
void AppendFloat(float value, std::string* out);
void AppendInt(int64_t value, std::string* out);
void AppendUint(uint64_t value, std::string* out);
void AppendBool(bool value, std::string* out);  // true, false
// YYYY-MM-DD; years outside 0..9999 with sign and at least five digits.
void AppendDate(Date value, std::string* out);
// YYYY-MM-DDTHH:MM:SSZ, with six digits of fraction when it is not 0.
void AppendTimestamp(Timestamp value, std::string* out);

// As Append..., alone.
std::string FormatDouble(double value);
std::string FormatDate(Date value);

}  // namespace millrace
