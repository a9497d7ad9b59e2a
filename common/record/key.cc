#include "common/record/key.h"

#include <algorithm>

namespace millrace {

namespace {
constexpr size_t kBlockBytes = 4096;
}  // namespace

void KeyArena::Grow(size_t size) {
  const size_t block =
      std::max({size, kBlockBytes, blocks_.empty() ? 0 : std::min<size_t>(blocks_.back().size * 2, 1 << 20)});
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(block), block});
  next_ = blocks_.back().bytes.get();
  left_ = block;
}

void KeyArena::Reset() {
  if (blocks_.empty()) return;
  if (blocks_.size() > 1) {
    std::swap(blocks_.front(), blocks_.back());
    blocks_.resize(1);
  }
  next_ = blocks_.front().bytes.get();
  left_ = blocks_.front().size;
}

namespace internal {

void EncodeKeyTextWithZeros(std::string_view text, std::string* out) {
  for (;;) {
    const size_t zero = text.find('\0');
    out->append(text.substr(0, zero));
    if (zero == std::string_view::npos) return;
    out->append("\0\xff", 2);
    text.remove_prefix(zero + 1);
  }
}

bool DecodeKeyTextWithZeros(std::string_view* in, KeyArena* arena, std::string_view* text) {
  // First pass: where does it end, and is it well formed?
  size_t end = 0, zeros = 0;
  for (;; end += 2, ++zeros) {
    end = in->find('\0', end);
    if (end == std::string_view::npos || end + 1 >= in->size()) return false;
    if ((*in)[end + 1] == '\0') break;
    if ((*in)[end + 1] != '\xff') return false;
  }
  char* out = arena->Allocate(end - zeros);
  *text = {out, end - zeros};
  for (size_t i = 0; i < end; ++i) {
    *out++ = (*in)[i];
    if ((*in)[i] == '\0') ++i;
  }
  in->remove_prefix(end + 2);
  return true;
}

}  // namespace internal

}  // namespace millrace
