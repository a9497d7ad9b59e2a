#include "worker/shuffle/buffer_pool.h"

#include <cstdlib>
#include <new>

namespace millrace {
namespace {

constexpr size_t kSmallest = 4 * 1024;
constexpr size_t kStep = 64 * 1024;
constexpr size_t kStepFrom = 1024 * 1024;
constexpr size_t kGlobalRetainBytes = 32u << 20;

size_t RoundUp(size_t bytes) {
  if (bytes > kStepFrom) return (bytes + kStep - 1) / kStep * kStep;
  size_t size = kSmallest;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

BufferPool& BufferPool::Global() {
  static BufferPool* const pool = new BufferPool(kGlobalRetainBytes);  // outlives every thread
  return *pool;
}

BufferPool::~BufferPool() {
  for (auto& [capacity, data] : free_) std::free(data);
}

PooledBuffer BufferPool::Acquire(size_t bytes) {
  PooledBuffer buffer;
  buffer.pool_ = this;
  buffer.capacity_ = RoundUp(bytes);
  {
    std::lock_guard lock(mutex_);
    in_use_ += buffer.capacity_;
    for (size_t i = free_.size(); i-- > 0;) {
      if (free_[i].first != buffer.capacity_) continue;
      buffer.data_ = free_[i].second;
      retained_ -= buffer.capacity_;
      free_[i] = free_.back();
      free_.pop_back();
      return buffer;
    }
  }
  buffer.data_ = static_cast<char*>(std::aligned_alloc(64, buffer.capacity_));
  if (buffer.data_ == nullptr) {
    std::lock_guard lock(mutex_);
    in_use_ -= buffer.capacity_;
    throw std::bad_alloc();
  }
  return buffer;
}

void BufferPool::Release(char* data, size_t capacity) {
  {
    std::lock_guard lock(mutex_);
    in_use_ -= capacity;
    if (retained_ + capacity <= retain_bytes_) {
      retained_ += capacity;
      free_.emplace_back(capacity, data);
      return;
    }
  }
  std::free(data);
}

size_t BufferPool::retained_bytes() const {
  std::lock_guard lock(mutex_);
  return retained_;
}

size_t BufferPool::in_use_bytes() const {
  std::lock_guard lock(mutex_);
  return in_use_;
}

}  // namespace millrace
