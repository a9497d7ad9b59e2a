#include "common/base/sha256.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <string>

#include "common/base/random.h"
#include "common/base/strings.h"

namespace millrace {
namespace {

std::string Reference(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EXPECT_EQ(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr), 1);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

// FIPS 180-4 and its examples.
TEST(Sha256Test, KnownDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Texts around what is gathered, in pieces of every kind, are what OpenSSL makes of them in one.
TEST(Sha256Test, PiecesDoNotMatter) {
  Random random(1);
  std::string text(20000, '\0');
  for (char& c : text) c = static_cast<char>(random.Below(256));
  Sha256 sha;
  for (size_t length = 0; length < 19000; length += 1 + length / 20) {
    const std::string_view bytes = std::string_view(text).substr(length % 7, length);
    for (size_t at = 0; at < length;) {
      const size_t piece = std::min<size_t>(length - at, 1 + random.Below(length % 2 == 0 ? 300 : 5000));
      sha.Update(bytes.substr(at, piece));
      sha.Update("");
      at += piece;
    }
    EXPECT_EQ(Hex(sha.Finish()), Hex(Reference(bytes))) << length;  // and is as new afterwards
  }
}

TEST(Sha256Test, MovesWithWhatItTook) {
  Sha256 first;
  first.Update(std::string(100, 'x'));
  Sha256 second(std::move(first));
  second.Update("y");
  EXPECT_EQ(second.Finish(), Reference(std::string(100, 'x') + "y"));
}

}  // namespace
}  // namespace millrace
