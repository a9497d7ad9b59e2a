#include "common/io/csv_header.h"

#include <memory>

#include "common/base/status.h"
#include "common/io/byte_stream.h"

namespace millrace::io {
namespace {

constexpr size_t kMaxHeader = size_t{16} << 20;

// The end of the first record, by the rule of CsvReader: an LF behind an even number of quotes.
size_t FirstLineEnd(const std::string& text, size_t from, bool quote, bool* inside) {
  for (size_t i = from; i < text.size(); ++i) {
    if (quote && text[i] == '"') *inside = !*inside;
    if (text[i] == '\n' && !*inside) return i;
  }
  return text.npos;
}

absl::Status AddField(const std::string& path, std::string_view text, bool quote, CsvHeader* header) {
  std::string field(text);
  if (quote && text.find('"') != text.npos) {
    field.clear();
    bool sound = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    for (size_t i = 1; sound && i + 1 < text.size(); ++i) {
      if (text[i] == '"') sound = i + 2 < text.size() && text[++i] == '"';
      field.push_back(text[i]);
    }
    if (!sound) return InvalidArgument(path, ":1: a misplaced quote in the column name ", Quote(text));
  }
  header->fields.push_back(std::move(field));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CsvHeader> ReadCsvHeader(const pb::InputFile& file, const FormatOptions& format) {
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<ByteStream> stream, OpenStream(file));
  CsvHeader header;
  std::string text;
  size_t end = text.npos, got = 0;
  bool inside = false;
  do {
    const size_t old = text.size();
    text.resize(old + (size_t{16} << 10));
    MR_ASSIGN_OR_RETURN(got, stream->Read(text.data() + old, text.size() - old));
    text.resize(old + got);
    end = FirstLineEnd(text, old, format.quote, &inside);
    if (text.size() > kMaxHeader && end == text.npos) {
      return InvalidArgument(file.uri(), ":1: the first line has no end within ", HumanBytes(kMaxHeader),
                             inside ? "; is a closing quote missing?" : "; is it CSV?");
    }
  } while (end == text.npos && got > 0);
  header.any = !text.empty();
  if (!header.any) return header;
  if (end == text.npos && inside)
    return InvalidArgument(file.uri(), ":1: a quote in the first line is not closed");
  header.more = end != text.npos && end + 1 < text.size();
  if (end == text.npos) {
    end = text.size();
  } else if (!header.more) {  // the bytes read end with the line
    char next;
    MR_ASSIGN_OR_RETURN(got, stream->Read(&next, 1));
    header.more = got > 0;
  }
  std::string_view line(text.data(), end);
  if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  size_t begin = 0;
  inside = false;
  for (size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && format.quote && line[i] == '"') inside = !inside;
    if (i == line.size() || (line[i] == format.delimiter && !inside)) {
      MR_RETURN_IF_ERROR(AddField(file.uri(), line.substr(begin, i - begin), format.quote, &header));
      begin = i + 1;
    }
  }
  return header;
}

}  // namespace millrace::io
