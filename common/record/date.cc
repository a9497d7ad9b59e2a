#include "common/record/date.h"

#include "common/record/format.h"

namespace millrace {

std::string Date::ToString() const {
  std::string out;
  AppendDate(*this, &out);
  return out;
}

std::string Timestamp::ToString() const {
  std::string out;
  AppendTimestamp(*this, &out);
  return out;
}

}  // namespace millrace
