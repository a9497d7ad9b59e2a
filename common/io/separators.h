// Bitmaps of bytes: bit i of the result belongs to p[i]. 64 readable bytes at p.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace millrace::io {

struct Block64 {
  __m256i low, high;
  explicit Block64(const char* p)
      : low(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))),
        high(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))) {}

  uint64_t Equal(__m256i value) const {
    const uint64_t a = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, value)));
    const uint64_t b = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, value)));
    return a | b << 32;
  }
};

// The lowest n bits, n <= 64.
inline uint64_t LowBits(uint64_t n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }

// Bit i: an odd number of the bits 0..i is set. (Six shifts; x86-64-v3 does not promise PCLMUL.)
inline uint64_t PrefixXor(uint64_t x) {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  x ^= x << 32;
  return x;
}

// Writes base + (index of every set bit) to `to`, lowest first, and returns how many. May write up to 8
// values more than that.
inline uint32_t WriteBits(uint64_t bits, uint32_t base, uint32_t* to) {
  const uint32_t count = static_cast<uint32_t>(__builtin_popcountll(bits));
  uint32_t done = 0;
  do {
    for (uint32_t i = 0; i < 8; ++i) {  // unconditional stores beat a branch per bit
      to[done + i] = base + static_cast<uint32_t>(_tzcnt_u64(bits));
      bits = _blsr_u64(bits);
    }
    done += 8;
  } while (done < count);
  return count;
}

}  // namespace millrace::io
