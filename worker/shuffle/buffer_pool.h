// Buffers that are used again: touching fresh memory costs several times the price of memory that was
// touched before. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace {

class BufferPool;

// Uninitialised bytes, given back to their pool on destruction. Movable; empty when default-made.
class PooledBuffer {
 public:
  PooledBuffer() = default;
  PooledBuffer(PooledBuffer&& other) noexcept { Swap(other); }
  PooledBuffer& operator=(PooledBuffer&& other) noexcept {
    PooledBuffer gone(std::move(other));
    Swap(gone);
    return *this;
  }
  ~PooledBuffer();

  char* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return data_ == nullptr; }

 private:
  friend class BufferPool;
  void Swap(PooledBuffer& other) {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
  }
  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

class BufferPool {
 public:
  // Keeps at most `retain_bytes` of unused buffers.
  explicit BufferPool(size_t retain_bytes) : retain_bytes_(retain_bytes) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // The process's pool; retains up to 32 MiB.
  static BufferPool& Global();

  // At least `bytes`: rounded up to 4 KiB times a power of two, or to 64 KiB steps from 1 MiB on.
  PooledBuffer Acquire(size_t bytes);

  size_t retained_bytes() const;
  size_t in_use_bytes() const;

 private:
  friend class PooledBuffer;
  void Release(char* data, size_t capacity);

  mutable std::mutex mutex_;
  std::vector<std::pair<size_t, char*>> free_;  // few: looked through from the newest
  size_t retained_ = 0;
  size_t in_use_ = 0;
  const size_t retain_bytes_;
};

inline PooledBuffer::~PooledBuffer() {
  if (data_ != nullptr) pool_->Release(data_, capacity_);
}

}  // namespace millrace
