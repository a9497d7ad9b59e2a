// Files of Arrow over the byte sources and targets of abi.h.
#pragma once

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <memory>
#include <utility>

#include "common/io/parquet_plugin/abi.h"

namespace millrace::io::parquet_plugin {

class SourceFile : public arrow::io::RandomAccessFile {
 public:
  explicit SourceFile(ByteSource source) : source_(source) {}
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return source_.size; }
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    const int64_t got = source_.read(source_.self, position, size, out);
    if (got < 0) return arrow::Status::IOError("the file cannot be read");
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size, arrow::system_memory_pool()));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, size, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, size, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size));
    position_ += buffer->size();
    return buffer;
  }

 private:
  const ByteSource source_;
  int64_t position_ = 0;
  bool closed_ = false;
};

class TargetFile : public arrow::io::OutputStream {
 public:
  explicit TargetFile(ByteTarget target) : target_(target) {}
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return written_; }
  arrow::Status Write(const void* data, int64_t size) override {
    written_ += size;
    if (target_.write(target_.self, static_cast<const char*>(data), size)) return arrow::Status::OK();
    return arrow::Status::IOError("the file cannot be written");
  }
  using arrow::io::OutputStream::Write;

 private:
  const ByteTarget target_;
  int64_t written_ = 0;
  bool closed_ = false;
};

}  // namespace millrace::io::parquet_plugin
