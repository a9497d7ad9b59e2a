// Seeded random numbers: the same numbers from the same seed on every machine, for ever. Not for secrets.
#pragma once

#include <cmath>
#include <cstdint>

namespace millrace {

// The finaliser of SplitMix64: a bijection that scatters its bits.
constexpr uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
// A seed for the `stream`-th independent generator made from `seed`.
constexpr uint64_t MixSeed(uint64_t seed, uint64_t stream) {
  return MixBits(MixBits(seed + 0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL * (stream + 1));
}

// SplitMix64. Usable with <random> distributions, but those differ between standard libraries: where
// numbers reach an output use the members here.
class Random {
 public:
  using result_type = uint64_t;
  explicit constexpr Random(uint64_t seed) : state_(seed) {}
  constexpr Random(uint64_t seed, uint64_t stream) : state_(MixSeed(seed, stream)) {}

  constexpr uint64_t Next() { return MixBits(state_ += 0x9e3779b97f4a7c15ULL); }
  constexpr uint64_t operator()() { return Next(); }
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

  // Uniform in [0, n); n > 0. Without bias (Lemire).
  constexpr uint64_t Below(uint64_t n) {
    unsigned __int128 product = static_cast<unsigned __int128>(Next()) * n;
    if (static_cast<uint64_t>(product) < n) {
      const uint64_t threshold = (0 - n) % n;
      while (static_cast<uint64_t>(product) < threshold) product = static_cast<unsigned __int128>(Next()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
  }
  // Uniform in [low, high].
  constexpr int64_t Between(int64_t low, int64_t high) {
    const uint64_t span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    return static_cast<int64_t>(static_cast<uint64_t>(low) + (span == 0 ? Next() : Below(span)));
  }
  // Uniform in [0, 1), 53 bits.
  constexpr double Double() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  constexpr bool Chance(double probability) { return Double() < probability; }
  // Standard normal (Box-Muller, one value per call). Uses libm: same bits within a numeric profile.
  double Normal() {
    const double u = 1.0 - Double();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * Double());
  }

 private:
  uint64_t state_;
};
using SplitMix64 = Random;

}  // namespace millrace
