// Messages on their way into a stream that takes one at a time: what has to wait is joined into one.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace millrace {

template <typename Message>
class WriteQueue {
 public:
  struct Stream {
    // Begins to write; the message stays as it is until Written(). Called by whichever thread finds the
    // stream free, one call at a time.
    std::function<void(const Message& message)> start;
    // Adds `next` to `last`, which waits; false when it has to go by itself.
    std::function<bool(Message& last, const Message& next)> join;
    // Called once: the queue is closed and nothing is on its way.
    std::function<void()> end;
  };

  explicit WriteQueue(Stream stream) : stream_(std::move(stream)) {}

  // Dropped once the queue is closed.
  void Push(const Message& message) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (closed_) return;
      if (busy_) {
        if (waiting_.empty() || !stream_.join(waiting_.back(), message)) waiting_.push_back(message);
        return;
      }
      busy_ = true;
      current_ = message;
    }
    stream_.start(current_);
  }

  // The write that was started has ended. After one that failed nothing more is written.
  void Written(bool good) {
    bool more = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!good) {
        closed_ = true;
        waiting_.clear();
      }
      more = busy_ = !waiting_.empty();
      if (more) {
        current_ = std::move(waiting_.front());
        waiting_.pop_front();
      } else if (!closed_ || std::exchange(ended_, true)) {
        return;
      }
    }
    if (more) {
      stream_.start(current_);
    } else {
      stream_.end();
    }
  }

  // Takes no more; with `at_once` what waits is dropped.
  void Close(bool at_once) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
      if (at_once) waiting_.clear();
      if (busy_ || std::exchange(ended_, true)) return;
    }
    stream_.end();
  }

 private:
  const Stream stream_;
  std::mutex mutex_;
  std::deque<Message> waiting_;
  Message current_;  // of the one for whom busy_ is set
  bool busy_ = false, closed_ = false, ended_ = false;
};

}  // namespace millrace
