// Time as the coordinator's loop sees it, so that tests can hold it in their hand.
#pragma once

#include <atomic>
#include <cstdint>

namespace millrace {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowMs() = 0;   // monotonic, from any origin: for decisions
  virtual int64_t WallMs() = 0;  // since 1970, for people only
  static Clock* Real();
};

class FakeClock : public Clock {
 public:
  int64_t NowMs() override { return now_ms_.load(); }
  int64_t WallMs() override { return 1'700'000'000'000 + now_ms_.load(); }
  void Advance(int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<int64_t> now_ms_{0};
};

}  // namespace millrace
