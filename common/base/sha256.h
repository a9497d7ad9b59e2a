// SHA-256: by the processor's instructions where it has them, else by OpenSSL.
//
// A round waits for the one before, so that hashing leaves most of a core idle. A caller that hashes a block
// or two at a time, between other work, has that work done meanwhile; whole blocks at the start of a call are
// taken from where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  static constexpr size_t kBlockBytes = 64;
  void Update(std::string_view bytes);
  // The 32 bytes. The object is as new afterwards.
  std::string Finish();
  // 64 hexadecimal digits.
  std::string FinishHex();

 private:
  // What the rounds work on, in the order in which the instructions take it.
  struct alignas(16) State {
    uint32_t abef[4], cdgh[4];
  };
  struct Context;
  void Begin();
  static void Blocks(State* state, const char* data, size_t blocks);

  State state_;
  uint64_t bytes_ = 0;
  char partial_[kBlockBytes];         // the first bytes_ % kBlockBytes of the block at hand
  std::unique_ptr<Context> context_;  // null where the processor has the instructions
};

std::string Sha256Hex(std::string_view bytes);

}  // namespace millrace
