// The parser of _SUCCESS: refuses or understands, and what it understands reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/io/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace::io;
  // Half of the inputs are laid into a sound manifest, so that the depths are reached soon.
  static const std::string sound = [] {
    SuccessManifest manifest;
    manifest.job = "j";
    manifest.options = {{"a", "b"}};
    manifest.counters = {{"c", 1}};
    manifest.tables = {{"t", "csv", true, {"x"}, {{"t/p", 1, 2, "ff"}}}};
    LedgerStage stage;
    stage.inputs = {0};
    stage.operators = {{1, "Read", "source", 1, 1, 0}};
    manifest.ledger = {stage};
    return FormatManifest(manifest);
  }();
  std::string text(reinterpret_cast<const char*>(data), size);
  if (size >= 3 && (data[0] & 1) != 0) {
    const size_t at = (data[1] * 256u + data[2]) % sound.size();
    text = sound.substr(0, at) + text.substr(3) + sound.substr(std::min(sound.size(), at + (data[0] >> 1)));
  }
  const auto manifest = ParseManifest(text);
  if (!manifest.ok()) return 0;
  const std::string formatted = FormatManifest(*manifest);
  const auto again = ParseManifest(formatted);
  if (!again.ok() || FormatManifest(*again) != formatted) std::abort();
  (void)VerifyLedger(*manifest);
  return 0;
}
