// CsvReader against a small parser that knows nothing of blocks, splits or buffers: the same records, good
// and bad, whole and in splits at fuzzed offsets through fuzzed buffers.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "common/io/csv_reader.h"
#include "common/io/splits.h"

namespace millrace::io {
namespace {

using Records = std::vector<std::string>;  // "+" and the fields, or "-" and the raw bytes

// The last "\n" is a row's end only at an even number of quotes.
Records Reference(std::string_view text, char delimiter, bool header, size_t columns) {
  Records records;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  std::vector<std::string_view> rows;
  bool inside = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') inside = !inside;
    if (text[i] != '\n' || inside) continue;
    rows.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  if (begin < text.size()) rows.push_back(text.substr(begin));
  for (size_t r = header ? 1 : 0; r < rows.size(); ++r) {
    std::string_view row = rows[r];
    if (columns > 1 && (row.empty() || row == "\r")) continue;
    const std::string raw = "-" + std::string(row);
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    std::vector<std::string> fields(1);
    inside = false;
    for (const char c : row) {
      if (c == '"') inside = !inside;
      if (c == delimiter && !inside) {
        fields.emplace_back();
      } else {
        fields.back().push_back(c);
      }
    }
    bool good = fields.size() == columns;
    std::string record = "+";
    for (const std::string& field : fields) {
      std::string value;
      if (field.empty() || field[0] != '"') {
        good = good && field.find('"') == field.npos;
        value = field.empty() ? "<missing>" : field;
      } else {
        size_t i = 1;
        for (; i < field.size() && (field[i] != '"' || (i + 1 < field.size() && field[i + 1] == '"')); ++i) {
          value.push_back(field[i]);
          if (field[i] == '"') ++i;
        }
        good = good && i + 1 == field.size();
      }
      record += value + '\0';
    }
    records.push_back(good ? record : raw);
  }
  return records;
}

Records Read(const pb::FileSource& source, uint64_t buffer_bytes) {
  Records records;
  ReaderLimits limits;
  limits.buffer_bytes = buffer_bytes;
  std::vector<int> wanted;
  for (int i = 0; i < source.columns_size(); ++i) wanted.push_back(i);
  uint64_t end = 0;
  for (int split = 0; split < source.splits_size(); ++split) {
    if (source.splits(split).begin() != end) std::abort();
    end = source.splits(split).end();
    CsvReader reader(source, split, wanted, limits, [&](std::string, std::string_view raw) {
      records.push_back("-" + std::string(raw));
      return true;
    });
    while (reader.Next()) {
      std::string record = "+";
      for (size_t i = 0; i < wanted.size(); ++i) {
        record += reader.field(i).missing() ? "<missing>" : std::string(reader.field(i).text);
        record += '\0';
      }
      records.push_back(record);
    }
    if (!reader.status().ok()) std::abort();
    if (reader.bytes_consumed() != end - source.splits(split).begin()) std::abort();
  }
  if (end != source.files(0).size_bytes()) std::abort();
  return records;
}

void Run(const uint8_t* data, size_t size) {
  if (size < 3) return;
  const bool header = (data[0] & 1) != 0;
  const char delimiter = (data[0] & 2) != 0 ? ';' : ',';
  const uint64_t buffer_bytes = 1 + data[1], split_bytes = 1 + data[2] + size / 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  static const int fd = memfd_create("csv_fuzz", 0);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    std::abort();
  pb::InputFile file;
  file.set_uri(StrCat("/proc/self/fd/", fd));
  const auto info = StatFile(file.uri());
  if (!info.ok()) std::abort();
  file.set_size_bytes(info->size);
  file.set_mtime_ns(info->mtime_ns);
  const std::map<std::string, std::string> options = {{"header", header ? "true" : "false"},
                                                      {"delimiter", std::string(1, delimiter)}};
  const auto whole = PlanSplits("csv", options, {file}, 0);
  const auto cut = PlanSplits("csv", options, {file}, split_bytes);
  if (whole.ok() != cut.ok()) std::abort();
  if (!whole.ok()) return;
  const Records expected =
      Reference(text, delimiter, header, static_cast<size_t>(whole->source.columns_size()));
  if (Read(whole->source, uint64_t{1} << 16) != expected) std::abort();
  if (Read(cut->source, buffer_bytes) != expected) std::abort();
}

}  // namespace
}  // namespace millrace::io

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  millrace::io::Run(data, size);
  return 0;
}
