// A loop that owns a state: items are handled one batch after the other, never by two threads at once.
// Whoever brings an item to an idle loop handles it there and then, so that a message that arrives costs no
// change of threads; a thread of the loop's own does what falls due by time, and takes over when a caller did
// enough.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "common/base/thread.h"

namespace millrace {

template <typename Item>
class WorkLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Work {
    // Handles a batch, empty when only the time has come. It must not wait for the loop itself.
    std::function<void(std::deque<Item>& batch)> run;
    // When `run` has something to do without an item; asked after each batch, by the thread that ran it.
    std::function<Time()> next;
    // What was posted but will not be handled (may be empty).
    std::function<void(Item& item)> drop;
  };

  // A batch has at most `max_batch` items, even if more wait: what it brings about must get out.
  WorkLoop(std::string name, size_t max_batch, Work work)
      : name_(std::move(name)), max_batch_(max_batch), work_(std::move(work)) {}
  ~WorkLoop() { Stop(false); }
  WorkLoop(const WorkLoop&) = delete;
  WorkLoop& operator=(const WorkLoop&) = delete;

  // Items posted before are kept until now. Call once.
  void Start() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      started_ = true;
    }
    thread_ = std::thread([this] { Main(); });
  }

  // False when the loop takes nothing any more: the item is neither handled nor dropped then. With `here` the
  // caller's thread may run some batches before it returns, its own item's among them as a rule.
  bool Post(Item item, bool here = true) {
    bool mine = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_ || closed_) return false;
      queue_.push_back(std::move(item));
      if (running_ || !started_) return true;
      mine = running_ = here;
    }
    if (mine) {
      RunHere();
    } else {
      wake_.notify_one();
    }
    return true;
  }

  // From inside `run`: this batch is the last one.
  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }

  // Waits for the batch that runs, and with `drain` until all that was posted is handled. Not from inside
  // `run`. Idempotent.
  void Stop(bool drain) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!stopping_) drain_ = drain;
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr int kTurnsOfACaller = 16;  // batches, before it is let go

  // Under mutex_.
  void Take(std::deque<Item>* batch) {
    while (!queue_.empty() && batch->size() < max_batch_) {
      batch->push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }

  // One batch, by the thread that has set running_.
  void RunOne(std::unique_lock<std::mutex>& lock) {
    std::deque<Item> batch;
    Take(&batch);
    lock.unlock();
    work_.run(batch);
    const Time next = work_.next();
    batch.clear();
    lock.lock();
    next_ = next;
  }

  void RunHere() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (int turn = 0; turn < kTurnsOfACaller && !queue_.empty() && !closed_; ++turn) RunOne(lock);
    running_ = false;
    if (!queue_.empty() || stopping_ || closed_ || next_ < asleep_until_) wake_.notify_one();
  }

  void Main() {
    SetThreadName(name_);
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      asleep_until_ = running_ ? Time::max() : next_;
      const auto ready = [this] {
        return !running_ && (stopping_ || closed_ || !queue_.empty() || next_ < asleep_until_);
      };
      if (asleep_until_ == Time::max()) {
        wake_.wait(lock, ready);
      } else {
        wake_.wait_until(lock, asleep_until_, ready);
      }
      asleep_until_ = Time::min();  // awake: nobody has to wake it
      if (running_) continue;
      if (closed_ || (stopping_ && (!drain_ || queue_.empty()))) break;
      running_ = true;
      RunOne(lock);
      running_ = false;
    }
    closed_ = true;
    std::deque<Item> left;
    left.swap(queue_);
    lock.unlock();
    if (!work_.drop) return;
    for (Item& item : left) work_.drop(item);
  }

  const std::string name_;
  const size_t max_batch_;
  const Work work_;

  std::mutex mutex_;
  std::condition_variable wake_;  // of the thread
  std::deque<Item> queue_;
  bool started_ = false, running_ = false, stopping_ = false, closed_ = false, drain_ = false;
  Time next_ = Time::min();          // what `next` said last; at once in the beginning
  Time asleep_until_ = Time::min();  // of the thread
  std::thread thread_;
};

}  // namespace millrace
