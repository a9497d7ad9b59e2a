// Hashes that are the same on every machine and for ever (XXH3). Not for secrets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace {

// XXH3-64 of the bytes: partitioning, checksums of blocks.
uint64_t StableHash(std::string_view bytes);
uint64_t StableHash(std::string_view bytes, uint64_t seed);

// Streaming XXH3-128: digests of task outputs.
class Digest128 {
 public:
  Digest128();
  ~Digest128();
  Digest128(Digest128&&) noexcept;
  Digest128& operator=(Digest128&&) noexcept;

  void Update(std::string_view bytes);
  // 16 bytes (canonical, big-endian) of all so far; more may follow.
  std::string Finish() const;
  void Reset();

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

// 16 bytes.
std::string DigestOf(std::string_view bytes);

}  // namespace millrace
