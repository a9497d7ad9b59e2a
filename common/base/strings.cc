#include "common/base/strings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace millrace {

void StrPiece::SetSigned(int64_t value) {
  view_ = {buffer_,
           static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr - buffer_)};
}
void StrPiece::SetUnsigned(uint64_t value) {
  view_ = {buffer_,
           static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr - buffer_)};
}
void StrPiece::SetFloat(float value) {
  view_ = {buffer_,
           static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr - buffer_)};
}
void StrPiece::SetDouble(double value) {
  view_ = {buffer_,
           static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr - buffer_)};
}

namespace internal {
void AppendPieces(std::string* out, std::initializer_list<StrPiece> pieces) {
  size_t size = out->size();
  for (const StrPiece& piece : pieces) size += piece.view().size();
  if (size > out->capacity()) out->reserve(std::max(size, 2 * out->capacity()));
  for (const StrPiece& piece : pieces) out->append(piece.view());
}
std::string CatPieces(std::initializer_list<StrPiece> pieces) {
  std::string out;
  AppendPieces(&out, pieces);
  return out;
}
}  // namespace internal

std::vector<std::string_view> StrSplit(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (size_t start = 0;;) {
    const size_t end = text.find(separator, start);
    if (end == std::string_view::npos) {
      pieces.push_back(text.substr(start));
      return pieces;
    }
    pieces.push_back(text.substr(start, end - start));
    start = end + 1;
  }
}

std::vector<std::string_view> StrSplitSkipEmpty(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::string_view piece : StrSplit(text, separator)) {
    piece = StripBlanks(piece);
    if (!piece.empty()) pieces.push_back(piece);
  }
  return pieces;
}

std::string_view StripBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

namespace {
constexpr char kHexDigits[] = "0123456789abcdef";
}  // namespace

std::string Quote(std::string_view text, size_t max_bytes) {
  std::string out = "'";
  const bool cut = text.size() > max_bytes;
  if (cut) {
    size_t keep = max_bytes;  // not in the middle of a UTF-8 sequence
    while (keep > 0 && max_bytes - keep < 3 && (static_cast<uint8_t>(text[keep]) & 0xc0) == 0x80) --keep;
    text = text.substr(0, keep);
  }
  for (const char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
  if (cut) out += "...";
  out += '\'';
  return out;
}

std::string JsonQuote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (byte < 0x20) {
          out += "\\u00";
          out += kHexDigits[byte >> 4];
          out += kHexDigits[byte & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
  return out;
}

std::string Hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHexDigits[static_cast<uint8_t>(c) >> 4];
    out += kHexDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string Hex64(uint64_t value) {
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) out[i] = kHexDigits[value & 15];
  return out;
}

size_t EditDistance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<size_t> before_last(a.size() + 1), last(a.size() + 1), row(a.size() + 1);
  for (size_t i = 0; i <= a.size(); ++i) last[i] = i;
  for (size_t j = 1; j <= b.size(); ++j) {
    row[0] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
      row[i] = std::min({last[i] + 1, row[i - 1] + 1, last[i - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[i] = std::min(row[i], before_last[i - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return std::min(last[a.size()], limit + 1);
}

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string wanted = ToLower(name);
  if (wanted.empty()) return "";
  const size_t near = std::clamp<size_t>(wanted.size() / 3, 1, 4);
  size_t best_distance = near + 1;
  const std::string* best = nullptr;
  const std::string* prefixed = nullptr;
  for (const std::string& candidate : candidates) {
    const std::string lower = ToLower(candidate);
    const size_t distance = EditDistance(wanted, lower, near);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
    if (prefixed == nullptr && wanted.size() >= 2 && lower.starts_with(wanted)) prefixed = &candidate;
  }
  if (best != nullptr) return *best;
  return prefixed != nullptr ? *prefixed : "";
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(name, candidates);
  return nearest.empty() ? "" : StrCat(" Did you mean '", nearest, "'?");
}

}  // namespace millrace
