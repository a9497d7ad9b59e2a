// Small helpers for threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace millrace {

// Names the calling thread (first 15 bytes), for debuggers and stacks.
void SetThreadName(const std::string& name);

// A queue between threads, unbounded. Close() lets Pop drain what is left, then return nothing.
template <typename T>
class BlockingQueue {
 public:
  // False (and the item is dropped) after Close().
  bool Push(T item) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    ready_.notify_one();  // under the lock: whoever takes the item may destroy the queue
    return true;
  }
  // Waits for an item; nothing once closed and empty.
  std::optional<T> Pop() {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    ready_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace millrace
