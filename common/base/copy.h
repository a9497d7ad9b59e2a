// memcpy for short pieces of unknown length: records are copied several times on their way, and a call of
// the library's function costs as much as the copy.
#pragma once

#include <cstddef>
#include <cstring>

namespace millrace {

// The ranges do not overlap; `from` and `to` may be null when `bytes` is 0. Fastest below some hundred bytes.
inline void CopyBytes(char* to, const char* from, size_t bytes) {
  if (bytes >= 32) [[likely]] {
    if (bytes > 1024) {
      std::memcpy(to, from, bytes);
      return;
    }
    const size_t last = bytes - 32;  // the last piece overlaps the one before
    for (size_t at = 0; at < last; at += 32) std::memcpy(to + at, from + at, 32);
    std::memcpy(to + last, from + last, 32);
  } else if (bytes >= 8) {
    if (bytes >= 16) {
      std::memcpy(to, from, 16);
      std::memcpy(to + bytes - 16, from + bytes - 16, 16);
    } else {
      std::memcpy(to, from, 8);
      std::memcpy(to + bytes - 8, from + bytes - 8, 8);
    }
  } else {
    for (size_t at = 0; at < bytes; ++at) to[at] = from[at];
  }
}

}  // namespace millrace
