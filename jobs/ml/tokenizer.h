// Words of a text. Each function calls emit(std::string_view word) for every token, left to right; the view
// is valid during the call. Bytes that are not UTF-8 belong to no letter and are not white space.
//
//   white    maximal runs of characters that are not white space (U+0009-000D, 001C-001F, 0020, 0085, 00A0,
//            1680, 2000-200A, 2028, 2029, 202F, 205F, 3000)
//   ascii    maximal runs of A-Z a-z, lower-cased
//   unicode  maximal runs of letters (categories L*), lower-cased
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace millrace::ml {

// Lengths in bytes of the white space at p (0: none there). [p, end) is not empty.
size_t WideSpaceBytes(const char* p, const char* end);
// `text` in lower case, and the same number of bytes or more: see tokenizer.cc for final sigma.
void LowerUnicode(std::string_view text, std::string* out);
// Bytes of the letter at p (0: not a letter).
size_t LetterBytes(const char* p, const char* end);
void LowerAscii(std::string_view text, std::string* out);

namespace internal {

struct Bits {
  uint64_t space;  // ASCII white space
  uint64_t lead;   // a byte that begins a wider white space character, perhaps
};

inline Bits SpaceBits(const char* p) {
  Bits bits{0, 0};
  for (int half = 0; half < 2; ++half) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32 * half));
    const auto within = [&](char first, char count) {
      const __m256i x = _mm256_sub_epi8(v, _mm256_set1_epi8(first));
      return _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(count)), x);
    };
    const __m256i space = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(' ')),
                                          _mm256_or_si256(within(9, 4), within(0x1c, 3)));
    const __m256i lead = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(static_cast<char>(0xc2))),
                                         within(static_cast<char>(0xe1), 2));
    bits.space |= uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(space))} << (32 * half);
    bits.lead |= uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(lead))} << (32 * half);
  }
  return bits;
}

// Bit i: p[i] is a lower-case ASCII letter.
inline uint64_t LowerLetterBits(const char* p) {
  uint64_t bits = 0;
  for (int half = 0; half < 2; ++half) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32 * half));
    const __m256i x = _mm256_sub_epi8(v, _mm256_set1_epi8('a'));
    const __m256i letter = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(25)), x);
    bits |= uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(letter))} << (32 * half);
  }
  return bits;
}

// Calls step(bits) with the bitmap of every 64 bytes of the text; the last one is padded with zero bytes.
template <typename BitsOf, typename Step>
void Scan(std::string_view text, const BitsOf& bits_of, const Step& step) {
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64) step(at, bits_of(text.data() + at));
  if (at == text.size()) return;
  char tail[64] = {};
  std::memcpy(tail, text.data() + at, text.size() - at);
  step(at, bits_of(tail));
}

}  // namespace internal

template <typename Emit>
void WhiteTokens(std::string_view text, Emit&& emit) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* word = begin;
  internal::Scan(text, internal::SpaceBits, [&](size_t at, internal::Bits bits) {
    for (uint64_t m = bits.space | bits.lead; m != 0; m &= m - 1) {
      const char* p = begin + at + __builtin_ctzll(m);
      size_t length = 1;
      if ((bits.lead & m & -m) != 0) [[unlikely]] {
        length = WideSpaceBytes(p, end);
        if (length == 0) continue;
      }
      if (p > word) emit(std::string_view(word, static_cast<size_t>(p - word)));
      word = p + length;
    }
  });
  if (word < end) emit(std::string_view(word, static_cast<size_t>(end - word)));
}

template <typename Emit>
void AsciiTokens(std::string_view text, Emit&& emit) {
  std::string lower;
  LowerAscii(text, &lower);
  const char* const begin = lower.data();
  size_t word = 0;
  bool inside = false;
  internal::Scan(lower, internal::LowerLetterBits, [&](size_t at, uint64_t letters) {
    // The bits where letters begin or end, one after the other.
    uint64_t changes = letters ^ (letters << 1 | (inside ? 1 : 0));
    for (; changes != 0; changes &= changes - 1) {
      const size_t p = at + static_cast<size_t>(__builtin_ctzll(changes));
      if (inside) emit(std::string_view(begin + word, p - word));
      inside = !inside;
      word = p;
    }
  });
  if (inside) emit(std::string_view(begin + word, lower.size() - word));
}

template <typename Emit>
void UnicodeTokens(std::string_view text, Emit&& emit) {
  std::string lower;
  LowerUnicode(text, &lower);
  const char* const end = lower.data() + lower.size();
  const char* word = nullptr;
  for (const char* p = lower.data(); p < end;) {
    const size_t length = LetterBytes(p, end);
    if (length > 0) {
      if (word == nullptr) word = p;
      p += length;
      continue;
    }
    if (word != nullptr) emit(std::string_view(word, static_cast<size_t>(p - word)));
    word = nullptr;
    ++p;
  }
  if (word != nullptr) emit(std::string_view(word, static_cast<size_t>(end - word)));
}

// By name, the ones of the job option --tokens: white, ascii or unicode.
template <typename Emit>
void Tokens(std::string_view kind, std::string_view text, Emit&& emit) {
  if (kind == "ascii") return AsciiTokens(text, emit);
  if (kind == "unicode") return UnicodeTokens(text, emit);
  WhiteTokens(text, emit);
}

}  // namespace millrace::ml
