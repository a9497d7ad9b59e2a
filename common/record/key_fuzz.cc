// Any bytes decode to a key or to false; a decoded key encodes to a key of the same value, and two
// decoded keys are ordered as their values are.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/record/key.h"
#include "common/record/row.h"
#include "common/record/testing.h"

namespace millrace {
namespace {

int Sign(int x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }

template <typename K>
void Check(std::string_view bytes) {
  KeyArena arena;
  K a{}, b{}, again{};
  if (!KeyCodec<K>::Decode(&bytes, &arena, &a)) return;
  const std::string key_a = EncodeKey(a);
  if (!DecodeKey(key_a, &arena, &again) || testing::Order(a, again) != 0) std::abort();
  if (!KeyCodec<K>::Decode(&bytes, &arena, &b)) return;
  const std::string key_b = EncodeKey(b);
  const int order = testing::Order(a, b);
  if (Sign(key_a.compare(key_b)) != order) std::abort();
  if (order != 0 && (key_a.starts_with(key_b) || key_b.starts_with(key_a))) std::abort();
}

void CheckValue(std::string_view bytes) {
  KeyArena arena;
  Value value, again;
  if (!DecodeKey(bytes, &arena, &value)) return;
  const std::string key = EncodeKey(value);
  if (!DecodeKey(key, &arena, &again) || EncodeKey(again) != key) std::abort();
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;  // NOLINT
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 9) {
    case 0:
      Check<std::string>(bytes);
      break;
    case 1:
      Check<testing::Quote>(bytes);
      break;
    case 2:
      Check<std::tuple<std::string, Descending<std::string>, double>>(bytes);
      break;
    case 3:
      Check<std::vector<std::string>>(bytes);
      break;
    case 4:
      Check<Descending<std::optional<std::string>>>(bytes);
      break;
    case 5:
      Check<std::pair<double, float>>(bytes);
      break;
    case 6:
      Check<std::tuple<int8_t, uint64_t, Date, Timestamp, bool>>(bytes);
      break;
    case 7:
      Check<std::optional<std::vector<Descending<std::string>>>>(bytes);
      break;
    default:
      CheckValue(bytes);
      break;
  }
  return 0;
}
