#include "common/base/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>

#include "common/base/strings.h"

namespace millrace {
namespace {
constexpr size_t kGatheredBytes = 4096;
}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  size_t gathered = 0;
  char bytes[kGatheredBytes];
  ~Context() { EVP_MD_CTX_free(evp); }
  void Begin() const {
    if (evp == nullptr || EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1)
      std::abort();  // out of memory only
  }
  void Flush() {
    EVP_DigestUpdate(evp, bytes, gathered);
    gathered = 0;
  }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { context_->Begin(); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  Context& context = *context_;
  if (bytes.size() > kGatheredBytes - context.gathered) {
    context.Flush();
    if (bytes.size() > kGatheredBytes / 2) {
      EVP_DigestUpdate(context.evp, bytes.data(), bytes.size());
      return;
    }
  }
  if (!bytes.empty()) std::memcpy(context.bytes + context.gathered, bytes.data(), bytes.size());
  context.gathered += bytes.size();
}

std::string Sha256::Finish() {
  std::string digest(32, '\0');
  unsigned int size = 0;
  context_->Flush();
  EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(digest.data()), &size);
  context_->Begin();
  return digest;
}

std::string Sha256::FinishHex() { return Hex(Finish()); }

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.FinishHex();
}

}  // namespace millrace
