// Any bytes decode to a value or to false; what decoded encodes to something that decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string_view>

#include "common/record/codec.h"
#include "common/record/parse.h"
#include "common/record/row.h"
#include "common/record/schema.h"
#include "common/record/testing.h"

namespace millrace {
namespace {

template <typename T>
void Check(std::string_view bytes) {
  T value{};
  if (!DecodeAll(bytes, &value)) return;
  const std::string encoded = EncodeToString(value);
  T again{};
  if (!DecodeAll(encoded, &again) || EncodeToString(again) != encoded) std::abort();
}

// Text that reads as a value is written as text that reads as the same one.
void CheckText(std::string_view text) {
  double number;
  if (ParseDouble(text, &number) && number == number) {
    double again;
    if (!ParseDouble(Value::Double(number).ToString(), &again) || again != number) std::abort();
  }
  float single;
  ParseFloat(text, &single);
  int64_t integer, integer_again;
  if (ParseInt64(text, &integer)) {
    if (!ParseInt64(Value::Int64(integer).ToString(), &integer_again) || integer_again != integer)
      std::abort();
  }
  Date date, date_again;
  if (ParseDate(text, &date) && (!ParseDate(date.ToString(), &date_again) || date != date_again))
    std::abort();
  Timestamp instant, instant_again;
  if (ParseTimestamp(text, &instant)) {
    if (!ParseTimestamp(instant.ToString(), &instant_again) || instant != instant_again) std::abort();
  }
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;  // NOLINT
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 12) {
    case 0:
      Check<Row>(bytes);
      break;
    case 1:
      Check<testing::Nest>(bytes);
      break;
    case 2:
      Check<std::vector<testing::Nest>>(bytes);
      break;
    case 3:
      Check<std::vector<double>>(bytes);
      break;
    case 4:
      Check<std::vector<std::vector<std::string>>>(bytes);
      break;
    case 5:
      Check<std::map<std::string, std::vector<int32_t>>>(bytes);
      break;
    case 6:
      Check<std::tuple<std::string_view, std::optional<int64_t>, testing::Colour, bool>>(bytes);
      break;
    case 7:
      Check<Schema>(bytes);
      break;
    case 8:
      Check<std::vector<testing::Nothing>>(bytes);
      break;
    case 9:
      Check<std::vector<Value>>(bytes);
      break;
    case 10:
      Check<std::vector<bool>>(bytes);
      break;
    default:
      CheckText(bytes);
      break;
  }
  return 0;
}
