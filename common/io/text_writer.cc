#include "common/io/text_writer.h"

#include "common/base/strings.h"

namespace millrace::io {
namespace {

bool NeedsQuotes(std::string_view text, char delimiter) {
  for (const char c : text) {
    if (c == delimiter || c == '"' || c == '\n' || c == '\r') return true;
  }
  return text.empty();
}

// The length of the UTF-8 sequence at `at`, 0 if there is none (overlong, surrogate, cut off).
size_t Utf8Length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscape(unsigned char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      break;
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  out->append("\\u00");
  out->push_back(kDigits[c >> 4]);
  out->push_back(kDigits[c & 15]);
}

}  // namespace

void AppendCsvText(std::string_view text, char delimiter, std::string* out) {
  if (!NeedsQuotes(text, delimiter)) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (size_t at = 0;;) {
    const size_t quote = text.find('"', at);
    if (quote == text.npos) {
      out->append(text.substr(at));
      break;
    }
    out->append(text.substr(at, quote + 1 - at)).push_back('"');
    at = quote + 1;
  }
  out->push_back('"');
}

void CsvWriter::Header(const std::vector<std::string>& columns) {
  for (const std::string& column : columns) {
    if (column.empty()) {
      Missing();  // a name is never missing: quotes would only surprise
    } else {
      Text(column);
    }
  }
  EndRow();
}

void CsvWriter::Text(std::string_view text) {
  Separate();
  AppendCsvText(text, delimiter_, out_);
}

void AppendJsonText(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t plain = 0;  // what is not yet copied
  for (size_t at = 0; at < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++at;
      continue;
    }
    const size_t length = c >= 0x80 ? Utf8Length(text, at) : 0;
    if (length > 0) {
      at += length;
      continue;
    }
    out->append(text.substr(plain, at - plain));
    if (c >= 0x80) {
      out->append("\xEF\xBF\xBD");
    } else {
      AppendEscape(c, out);
    }
    plain = ++at;
  }
  out->append(text.substr(plain));
  out->push_back('"');
}

JsonlWriter::JsonlWriter(std::string* out, const std::vector<std::string>& members) : out_(out) {
  for (const std::string& member : members) {
    std::string prefix(prefixes_.empty() ? "{" : ",");
    AppendJsonText(member, &prefix);
    prefix.push_back(':');
    prefixes_.push_back(std::move(prefix));
  }
}

std::string* JsonlWriter::BeginField() {
  if (next_ < prefixes_.size()) out_->append(prefixes_[next_++]);
  return out_;
}

void JsonlWriter::Text(std::string_view text) { AppendJsonText(text, BeginField()); }
void JsonlWriter::Plain(std::string_view text) { BeginField()->append(text); }
void JsonlWriter::Missing() { BeginField()->append("null"); }

void JsonlWriter::EndRow() {
  out_->append(prefixes_.empty() ? "{}\n" : "}\n");
  next_ = 0;
}

bool AppendTsvText(std::string_view text, std::string* out) {
  if (text.find_first_of("\t\r\n") != text.npos) return false;
  out->append(text);
  return true;
}

}  // namespace millrace::io
