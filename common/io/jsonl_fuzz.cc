// JsonlReader against nlohmann's document parser, whole and in splits.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "common/io/jsonl_reader.h"
#include "common/io/splits.h"

namespace millrace::io {
namespace {

const std::vector<std::string> kWanted = {"a", "b.c", ""};

std::vector<std::string> Read(const pb::FileSource& source, uint64_t buffer_bytes, bool check) {
  std::vector<std::string> records;
  ReaderLimits limits;
  limits.buffer_bytes = buffer_bytes;
  for (int split = 0; split < source.splits_size(); ++split) {
    JsonlReader reader(source, split, kWanted, limits, [&](std::string, std::string_view raw) {
      records.push_back("-" + std::string(raw));
      return true;
    });
    while (reader.Next()) {
      std::string record;
      for (size_t i = 0; i < kWanted.size(); ++i) {
        record += StrCat(static_cast<int>(reader.field(i).kind), ":", reader.field(i).text, "\n");
      }
      records.push_back(record);
      if (!check) continue;
      std::string_view line = reader.raw();
      if (line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
      const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
      if (!json.is_object()) std::abort();
      const auto member = json.find("a");
      if ((member == json.end() || member->is_null()) != reader.field(0).missing()) std::abort();
      if (member != json.end() && member->is_string() && *member != std::string(reader.field(0).text))
        std::abort();
    }
    if (!reader.status().ok()) std::abort();
    if (reader.bytes_consumed() != source.splits(split).end() - source.splits(split).begin()) std::abort();
  }
  return records;
}

void Run(const uint8_t* data, size_t size) {
  if (size < 2) return;
  static const int fd = memfd_create("jsonl_fuzz", 0);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, data + 2, size - 2, 0) != static_cast<ssize_t>(size - 2))
    std::abort();
  pb::InputFile file;
  file.set_uri(StrCat("/proc/self/fd/", fd));
  const auto info = StatFile(file.uri());
  if (!info.ok()) std::abort();
  file.set_size_bytes(info->size);
  file.set_mtime_ns(info->mtime_ns);
  const auto whole = PlanSplits("jsonl", {}, {file}, 0);
  const auto cut = PlanSplits("jsonl", {}, {file}, 1 + data[0] + size / 16);
  if (!whole.ok() || !cut.ok()) std::abort();
  if (Read(whole->source, uint64_t{1} << 16, true) != Read(cut->source, 1 + data[1], false)) std::abort();
}

}  // namespace
}  // namespace millrace::io

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  millrace::io::Run(data, size);
  return 0;
}
