#define XXH_INLINE_ALL
#include "worker/shuffle/segment_digest.h"

#include <xxhash.h>

#include "worker/shuffle/segment_format.h"

namespace millrace {

namespace segment {

uint64_t BlockChecksum(const BlockHeader& header, const char* payload) {
  const uint64_t seed = XXH3_64bits(&header, offsetof(BlockHeader, checksum));
  return XXH3_64bits_withSeed(payload, header.stored_bytes, seed);
}

uint64_t TrailerChecksum(const Trailer& trailer, const char* footer) {
  const uint64_t seed = XXH3_64bits(&trailer, offsetof(Trailer, checksum));
  return XXH3_64bits_withSeed(footer, trailer.footer_bytes, seed);
}

}  // namespace segment

struct alignas(64) SegmentDigest::State {
  XXH3_state_t xxh;
};

SegmentDigest::SegmentDigest() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
SegmentDigest::~SegmentDigest() = default;

void SegmentDigest::Update(const void* data, size_t bytes) { XXH3_128bits_update(&state_->xxh, data, bytes); }

std::string SegmentDigest::Value() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  return std::string(reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest));
}

}  // namespace millrace
