// Inside common/io: the plugin at run time, and an open Parquet file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/io/parquet.h"
#include "common/io/parquet_plugin/abi.h"
#include "common/io/pinned_file.h"

namespace millrace::io {

absl::StatusOr<const parquet_plugin::Plugin*> ParquetPlugin();
// Of a plugin's type; kNull where there is none.
ValueType FromPlugin(parquet_plugin::Type type);
// The first line of what Arrow says, without its full stop.
std::string FirstLine(std::string_view text);

// A pinned file and the plugin's reader of it. Not to be moved: the reader points into it.
class OpenParquet {
 public:
  static absl::StatusOr<std::unique_ptr<OpenParquet>> Open(const pb::InputFile& file);
  parquet_plugin::Reader& reader() { return *reader_; }
  const PinnedFile& file() const { return file_; }
  // Why a call of the reader failed.
  absl::Status Error() const;
  // Column number by name, or none.
  int Find(std::string_view name) const;

 private:
  explicit OpenParquet(PinnedFile file) : file_(std::move(file)) {}
  static int64_t Read(void* self, int64_t offset, int64_t size, void* out);
  PinnedFile file_;
  absl::Status read_error_;
  std::unique_ptr<parquet_plugin::Reader> reader_;
};

}  // namespace millrace::io
