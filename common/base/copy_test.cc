#include "common/base/copy.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace {
namespace {

TEST(CopyTest, EveryLengthAndNothingBesides) {
  std::string from(1200, '\0');
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>('a' + i % 23);
  for (size_t bytes = 0; bytes <= 1100; ++bytes) {
    std::string to(1200, '.');
    CopyBytes(to.data() + 3, from.data() + 5, bytes);
    ASSERT_EQ(to, "..." + from.substr(5, bytes) + std::string(1197 - bytes, '.')) << bytes;
  }
  CopyBytes(nullptr, nullptr, 0);
}

}  // namespace
}  // namespace millrace
