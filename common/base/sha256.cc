#include "common/base/sha256.h"

#include <immintrin.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/strings.h"

namespace millrace {
namespace {

// FIPS 180-4: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool HaveInstructions() {
  static const bool have = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0), "c"(0));
    if (eax < 7) return false;
    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(7), "c"(0));
    return (ebx & (1u << 29)) != 0;
  }();
  return have;
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
  void Begin() const {
    if (evp == nullptr || EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1)
      std::abort();  // out of memory only
  }
};

Sha256::Sha256() : context_(HaveInstructions() ? nullptr : std::make_unique<Context>()) { Begin(); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Begin() {
  // The eight words a..h of the standard: a 6a09e667, b bb67ae85, and so on.
  state_ = {{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667},
            {0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372}};
  bytes_ = 0;
  if (context_ != nullptr) context_->Begin();
}

// Four rounds take four words of the message plus their constants, two at a time; the next words are made
// from the sixteen before them meanwhile.
__attribute__((target("sha,sse4.1"))) void Sha256::Blocks(State* state, const char* data, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef = _mm_load_si128(reinterpret_cast<const __m128i*>(state->abef));
  __m128i cdgh = _mm_load_si128(reinterpret_cast<const __m128i*>(state->cdgh));
  for (; blocks > 0; --blocks, data += kBlockBytes) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i words[4];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      __m128i& now = words[i % 4];
      if (i < 4) {
        now = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i), big_endian);
      } else {
        const __m128i last = words[(i + 3) % 4], last_but_one = words[(i + 2) % 4];
        now = _mm_sha256msg1_epu32(now, words[(i + 1) % 4]);
        now = _mm_add_epi32(now, _mm_alignr_epi8(last, last_but_one, 4));
        now = _mm_sha256msg2_epu32(now, last);
      }
      const __m128i sum = _mm_add_epi32(now, _mm_load_si128(reinterpret_cast<const __m128i*>(kRound) + i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  _mm_store_si128(reinterpret_cast<__m128i*>(state->abef), abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(state->cdgh), cdgh);
}

void Sha256::Update(std::string_view bytes) {
  if (context_ != nullptr) {
    EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
    return;
  }
  const size_t held = bytes_ % kBlockBytes;
  bytes_ += bytes.size();
  if (held > 0) {
    const size_t taken = std::min(bytes.size(), kBlockBytes - held);
    std::memcpy(partial_ + held, bytes.data(), taken);
    if (held + taken < kBlockBytes) return;
    Blocks(&state_, partial_, 1);
    bytes.remove_prefix(taken);
  }
  const size_t whole = bytes.size() / kBlockBytes;
  if (whole > 0) Blocks(&state_, bytes.data(), whole);
  bytes.remove_prefix(whole * kBlockBytes);
  if (!bytes.empty()) std::memcpy(partial_, bytes.data(), bytes.size());
}

std::string Sha256::Finish() {
  std::string digest(32, '\0');
  if (context_ != nullptr) {
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(digest.data()), &size);
  } else {
    // The end of the message: a one, zeros, and its length in bits in the last eight bytes of a block.
    const uint64_t bits = __builtin_bswap64(bytes_ * 8);
    std::string end(1 + (2 * kBlockBytes - 9 - bytes_ % kBlockBytes) % kBlockBytes, '\0');
    end[0] = '\x80';
    end.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    Update(end);
    const uint32_t words[8] = {state_.abef[3], state_.abef[2], state_.cdgh[3], state_.cdgh[2],
                               state_.abef[1], state_.abef[0], state_.cdgh[1], state_.cdgh[0]};
    for (int i = 0; i < 8; ++i) {
      const uint32_t word = __builtin_bswap32(words[i]);
      std::memcpy(digest.data() + 4 * i, &word, sizeof(word));
    }
  }
  Begin();
  return digest;
}

std::string Sha256::FinishHex() { return Hex(Finish()); }

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.FinishHex();
}

}  // namespace millrace
