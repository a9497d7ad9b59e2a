#include "jobs/ml/tokenizer.h"

#include <algorithm>
#include <iterator>

#include "jobs/ml/unicode_tables.h"

namespace millrace::ml {
namespace {

uint8_t Byte(const char* p) { return static_cast<uint8_t>(*p); }

// Decodes the character at p; its length, 0 when the bytes are not UTF-8.
size_t DecodeUtf8(const char* p, const char* end, uint32_t* code) {
  const uint8_t lead = Byte(p);
  if (lead < 0x80) {
    *code = lead;
    return 1;
  }
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || static_cast<size_t>(end - p) < length) return 0;
  uint32_t c = lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((Byte(p + i) & 0xc0) != 0x80) return 0;
    c = c << 6 | (Byte(p + i) & 0x3f);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kLeast[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
  *code = c;
  return length;
}

void AppendUtf8(uint32_t c, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) return add(c);
  if (c < 0x800) {
    add(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      add(0xe0 | c >> 12);
    } else {
      add(0xf0 | c >> 18);
      add(0x80 | (c >> 12 & 0x3f));
    }
    add(0x80 | (c >> 6 & 0x3f));
  }
  add(0x80 | (c & 0x3f));
}

bool IsLetter(uint32_t code) {
  if (code < 0x80) return (code | 0x20) - 'a' < 26;
  const auto* range = std::lower_bound(std::begin(kLetters), std::end(kLetters), code,
                                       [](const LetterRange& r, uint32_t c) { return r.last < c; });
  return range != std::end(kLetters) && range->first <= code;
}

uint32_t Lower(uint32_t code) {
  if (code < 0x80) return code - 'A' < 26 ? code | 0x20 : code;
  const auto* range = std::lower_bound(std::begin(kLower), std::end(kLower), code,
                                       [](const LowerRange& r, uint32_t c) { return r.last < c; });
  if (range == std::end(kLower) || range->first > code || (code - range->first) % range->stride != 0)
    return code;
  return static_cast<uint32_t>(static_cast<int32_t>(code) + range->delta);
}

constexpr uint32_t kCapitalSigma = 0x3a3, kFinalSigma = 0x3c2;
constexpr uint32_t kCapitalDottedI = 0x130, kDotAbove = 0x307;

}  // namespace

size_t WideSpaceBytes(const char* p, const char* end) {
  const size_t left = static_cast<size_t>(end - p);
  if (Byte(p) == 0xc2) return left >= 2 && (Byte(p + 1) == 0x85 || Byte(p + 1) == 0xa0) ? 2 : 0;
  if (left < 3) return 0;
  const uint32_t c = uint32_t{Byte(p)} << 16 | uint32_t{Byte(p + 1)} << 8 | Byte(p + 2);
  const bool space = c == 0xe19a80 || (c >= 0xe28080 && c <= 0xe2808a) || c == 0xe280a8 || c == 0xe280a9 ||
                     c == 0xe280af || c == 0xe2819f || c == 0xe38080;
  return space ? 3 : 0;
}

size_t LetterBytes(const char* p, const char* end) {
  uint32_t code;
  const size_t length = DecodeUtf8(p, end, &code);
  return length > 0 && IsLetter(code) ? length : 0;
}

void LowerAscii(std::string_view text, std::string* out) {
  out->resize(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t c = static_cast<uint8_t>(text[i]);
    (*out)[i] = static_cast<char>(c + (static_cast<uint8_t>(c - 'A') < 26 ? 32 : 0));
  }
}

// Two rules are wider than one character: a capital sigma that ends a word becomes the final sigma, and the
// capital I with a dot becomes an i and a combining dot (which is no letter).
void LowerUnicode(std::string_view text, std::string* out) {
  out->clear();
  out->reserve(text.size() + text.size() / 8);
  const char* const end = text.data() + text.size();
  bool after_letter = false;
  for (const char* p = text.data(); p < end;) {
    uint32_t code;
    const size_t length = DecodeUtf8(p, end, &code);
    if (length == 0) {
      out->push_back(*p++);
      after_letter = false;
      continue;
    }
    p += length;
    if (code == kCapitalDottedI) {
      out->push_back('i');
      code = kDotAbove;
    } else if (code == kCapitalSigma && after_letter && (p == end || LetterBytes(p, end) == 0)) {
      code = kFinalSigma;
    } else {
      code = Lower(code);
    }
    AppendUtf8(code, out);
    after_letter = IsLetter(code);
  }
}

}  // namespace millrace::ml
