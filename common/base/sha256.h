// SHA-256 by OpenSSL.
#pragma once

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

  // Short pieces are gathered: OpenSSL's interface costs more than hashing some of them.
  void Update(std::string_view bytes);
  // The 32 bytes. The object is as new afterwards.
  std::string Finish();
  // 64 hexadecimal digits.
  std::string FinishHex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view bytes);

}  // namespace millrace
