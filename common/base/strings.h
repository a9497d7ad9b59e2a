// Text helpers on std::string_view. Debian's Abseil is built with a string_view of its own, so that
// absl::StrCat does not take std::string_view: use these.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

// Between std::string_view and Abseil's.
inline absl::string_view ToAbsl(std::string_view text) { return absl::string_view(text.data(), text.size()); }
inline std::string_view ToStd(absl::string_view text) { return std::string_view(text.data(), text.size()); }

// One argument of StrCat: text as it is, bool as true/false, numbers in decimal (floating point: the
// shortest text that reads back as the same value).
class StrPiece {
 public:
  StrPiece(std::string_view text) : view_(text) {}               // NOLINT(google-explicit-constructor)
  StrPiece(const std::string& text) : view_(text) {}             // NOLINT(google-explicit-constructor)
  StrPiece(const char* text) : view_(text ? text : "(null)") {}  // NOLINT(google-explicit-constructor)
  StrPiece(absl::string_view text) : view_(ToStd(text)) {}       // NOLINT(google-explicit-constructor)
  StrPiece(char c) : view_(buffer_, 1) { buffer_[0] = c; }       // NOLINT(google-explicit-constructor)
  StrPiece(bool value) : view_(value ? "true" : "false") {}      // NOLINT(google-explicit-constructor)
  template <std::signed_integral T>
  StrPiece(T value) {  // NOLINT(google-explicit-constructor)
    SetSigned(value);
  }
  template <std::unsigned_integral T>
  StrPiece(T value) {  // NOLINT(google-explicit-constructor)
    SetUnsigned(value);
  }
  StrPiece(float value) { SetFloat(value); }    // NOLINT(google-explicit-constructor)
  StrPiece(double value) { SetDouble(value); }  // NOLINT(google-explicit-constructor)
  StrPiece(const StrPiece&) = delete;
  StrPiece& operator=(const StrPiece&) = delete;
  std::string_view view() const { return view_; }

 private:
  void SetSigned(int64_t value);
  void SetUnsigned(uint64_t value);
  void SetFloat(float value);
  void SetDouble(double value);

  std::string_view view_;
  char buffer_[32];
};

namespace internal {
std::string CatPieces(std::initializer_list<StrPiece> pieces);
void AppendPieces(std::string* out, std::initializer_list<StrPiece> pieces);
}  // namespace internal

// The arguments one after the other: text, numbers, bool, char.
template <typename... Args>
std::string StrCat(const Args&... args) {
  return internal::CatPieces({StrPiece(args)...});
}
template <typename... Args>
void StrAppend(std::string* out, const Args&... args) {
  internal::AppendPieces(out, {StrPiece(args)...});
}

// "a,,b" at ',' gives {"a", "", "b"}; "" gives {""}. The views point into `text`.
std::vector<std::string_view> StrSplit(std::string_view text, char separator);
// As StrSplit without the empty pieces, each stripped of blanks.
std::vector<std::string_view> StrSplitSkipEmpty(std::string_view text, char separator);

template <typename Container>
std::string StrJoin(const Container& pieces, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const auto& piece : pieces) {
    if (!first) out.append(separator);
    first = false;
    StrAppend(&out, piece);
  }
  return out;
}

// Without ASCII blanks (space, tab, CR, LF, VT, FF) at both ends.
std::string_view StripBlanks(std::string_view text);
// ASCII only.
std::string ToLower(std::string_view text);

// For error messages: in single quotes, control and non-ASCII-breaking bytes as \xNN, cut at max_bytes
// with "..." .
std::string Quote(std::string_view text, size_t max_bytes = 80);
// A JSON string literal with its quotes. Bytes that are not UTF-8 are taken as they are.
std::string JsonQuote(std::string_view text);
// Lower-case hexadecimal.
std::string Hex(std::string_view bytes);
std::string Hex64(uint64_t value);  // 16 digits

// "0 B", "900 B", "1.5 KiB", "64 MiB": at most one decimal, powers of 1024.
std::string HumanBytes(uint64_t bytes);
// "900", "1.2k", "3.4M", "5.6G".
std::string HumanCount(uint64_t count);
// "0.5 ms", "12 ms", "3.4 s", "2 min 5 s", "1 h 2 min".
std::string HumanDuration(double seconds);

// "64MiB", "1 GiB", "512KiB", "10B", "4096" (bytes); KB, MB, GB, TB are powers of 1000; case does not
// matter; "1.5GiB" is allowed. Nothing for anything else and for values of 2^63 and above.
std::optional<uint64_t> ParseBytes(std::string_view text);

// Levenshtein distance in bytes with swaps of neighbours counted as one, capped at `limit` + 1.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit = 64);
// The candidate nearest to `name`, ASCII case ignored (ties: the first), or "" when none is near: at
// most a third of the name's length (at least 1, at most 4) edits away, or having it as a prefix.
std::string Nearest(std::string_view name, const std::vector<std::string>& candidates);
// " Did you mean 'x'?" or "".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace millrace
