#include "common/base/uri.h"

#include "common/base/files.h"
#include "common/base/strings.h"

namespace millrace {
namespace {

bool HasScheme(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon < 2) return false;
  for (size_t i = 0; i < colon; ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) return false;
  }
  return true;
}

}  // namespace

std::string AbsoluteUri(const std::string& text) {
  if (text.empty()) return text;
  if (text.rfind("file://", 0) == 0) return AbsolutePath(text.substr(7));
  if (text.rfind("file:", 0) == 0) return AbsolutePath(text.substr(5));
  return HasScheme(text) ? text : AbsolutePath(text);
}

std::string AbsoluteUris(const std::string& list) {
  std::string out, piece;
  int depth = 0;
  for (const char c : list) {
    if (c == ',' && depth == 0) {
      StrAppend(&out, AbsoluteUri(piece), ",");
      piece.clear();
      continue;
    }
    depth += c == '{' ? 1 : c == '}' && depth > 0 ? -1 : 0;
    piece += c;
  }
  return out + AbsoluteUri(piece);
}

}  // namespace millrace
