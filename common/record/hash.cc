#include "common/record/hash.h"

// Compiled here, for our instruction set: Debian's library knows SSE2 only.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdlib>

namespace millrace {

uint64_t StableHash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t StableHash(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Digest128::State {
  XXH3_state_t xxh;
};
void Digest128::Free::operator()(State* state) const {
  XXH3_freeState(reinterpret_cast<XXH3_state_t*>(state));
}

Digest128::Digest128() : state_(reinterpret_cast<State*>(XXH3_createState())) {
  if (state_ == nullptr) std::abort();
  Reset();
}
Digest128::~Digest128() = default;
Digest128::Digest128(Digest128&&) noexcept = default;
Digest128& Digest128::operator=(Digest128&&) noexcept = default;

void Digest128::Update(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}
void Digest128::Reset() { XXH3_128bits_reset(&state_->xxh); }

namespace {
std::string Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return {reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest)};
}
}  // namespace

std::string Digest128::Finish() const { return Canonical(XXH3_128bits_digest(&state_->xxh)); }

std::string DigestOf(std::string_view bytes) { return Canonical(XXH3_128bits(bytes.data(), bytes.size())); }

}  // namespace millrace
