// Sizes, times and addresses as people write them.
#include <arpa/inet.h>

#include <charconv>
#include <limits>

#include "common/base/strings.h"
#include "common/config/option_table.h"

namespace millrace {
namespace {

struct Unit {
  const char* text;
  uint64_t factor;
};

// number + unit -> count; false when the text is not of that form or does not fit 64 bits.
template <size_t N>
bool ParseWithUnit(const std::string& text, const Unit (&units)[N], uint64_t* out) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return false;
  std::string unit(rest, end);
  for (const Unit& candidate : units) {
    if (unit != candidate.text) continue;
    if (number > std::numeric_limits<uint64_t>::max() / candidate.factor) return false;
    *out = number * candidate.factor;
    return true;
  }
  return false;
}

absl::Status Refuse(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

}  // namespace

absl::Status ParseBytesText(const std::string& text, uint64_t* bytes) {
  if (std::optional<uint64_t> parsed = ParseBytes(text)) {
    *bytes = *parsed;
    return absl::OkStatus();
  }
  return Refuse("\"" + text +
                "\" is no size: write a whole number of bytes, or one with KiB, MiB or GiB, like 256MiB");
}

absl::Status ParseMsText(const std::string& text, uint32_t* ms) {
  static constexpr Unit kUnits[] = {{"", 1},       {"ms", 1},       {"s", 1000},
                                    {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}};
  uint64_t value = 0;
  if (ParseWithUnit(text, kUnits, &value) && value <= std::numeric_limits<uint32_t>::max()) {
    *ms = static_cast<uint32_t>(value);
    return absl::OkStatus();
  }
  return Refuse("\"" + text + "\" is no time: write a whole number with ms, s, m or h, like 500ms or 10s");
}

absl::Status CheckLoopback(const std::string& address) {
  size_t colon = address.rfind(':');
  uint32_t port = 0;
  std::string host = colon == std::string::npos ? address : address.substr(0, colon);
  bool port_ok = false;
  if (colon != std::string::npos) {
    const char* begin = address.data() + colon + 1;
    const char* end = address.data() + address.size();
    auto [rest, error] = std::from_chars(begin, end, port);
    port_ok = error == std::errc() && rest == end && port <= 65535;
  }
  if (!port_ok) return Refuse("\"" + address + "\" is no address: write HOST:PORT, like 127.0.0.1:7070");
  in_addr v4{};
  bool loopback = host == "localhost" || host == "[::1]" ||
                  (inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127);
  if (loopback) return absl::OkStatus();
  return Refuse("cannot listen on " + address +
                ": until keys exist, only loopback (127.0.0.1:PORT) is allowed");
}

}  // namespace millrace
