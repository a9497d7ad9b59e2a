// Hashes of segment files. XXH3 of the xxhash library, compiled in here for the instruction set at hand:
// the values are those of the library.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace millrace {

// Streaming XXH3-128: the same value however the bytes are cut.
class SegmentDigest {
 public:
  SegmentDigest();
  SegmentDigest(const SegmentDigest&) = delete;
  SegmentDigest& operator=(const SegmentDigest&) = delete;
  ~SegmentDigest();
  void Update(const void* data, size_t bytes);
  std::string Value() const;  // 16 bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace
