#include "common/io/parquet_files.h"

#include <dlfcn.h>

#include "common/base/plugin.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::io {
namespace {

using parquet_plugin::Plugin;

absl::StatusOr<const Plugin*> LoadPlugin() {
  const std::string path = FindPlugin(kParquetPlugin);
  if (path.empty()) {
    return FailedPrecondition("built without Parquet: ", kParquetPlugin, " is not in ",
                              StrJoin(PluginFolders(), " or "),
                              "; scripts/setup fetches Arrow, build again then, or use csv or jsonl");
  }
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return FailedPrecondition("Parquet cannot be loaded: ", std::string(::dlerror()));
  const auto entry = reinterpret_cast<parquet_plugin::Entry>(::dlsym(library, parquet_plugin::kEntry));
  const Plugin* plugin = entry == nullptr ? nullptr : entry();
  if (plugin == nullptr || plugin->abi != parquet_plugin::kAbi)
    return FailedPrecondition(path, " is of another release of Millrace; install both of one build");
  return plugin;
}

}  // namespace

absl::StatusOr<const Plugin*> ParquetPlugin() {
  static const auto* plugin = new absl::StatusOr<const Plugin*>(LoadPlugin());
  return *plugin;
}

absl::StatusOr<std::string> ParquetVersion() {
  MR_ASSIGN_OR_RETURN(const Plugin* plugin, ParquetPlugin());
  return std::string(plugin->arrow_version);
}

ValueType FromPlugin(parquet_plugin::Type type) {
  switch (type) {
    case parquet_plugin::Type::kBool:
      return ValueType::kBool;
    case parquet_plugin::Type::kInt64:
      return ValueType::kInt64;
    case parquet_plugin::Type::kDouble:
      return ValueType::kDouble;
    case parquet_plugin::Type::kDate:
      return ValueType::kDate;
    case parquet_plugin::Type::kTimestamp:
      return ValueType::kTimestamp;
    case parquet_plugin::Type::kText:
    case parquet_plugin::Type::kDecimal:
      return ValueType::kText;
    case parquet_plugin::Type::kOther:
      break;
  }
  return ValueType::kNull;
}

std::string FirstLine(std::string_view text) {
  text = StripBlanks(text.substr(0, text.find('\n')));
  while (text.ends_with('.')) text.remove_suffix(1);
  return std::string(text);
}

int64_t OpenParquet::Read(void* self, int64_t offset, int64_t size, void* out) {
  auto& open = *static_cast<OpenParquet*>(self);
  int64_t done = 0;
  // Arrow asks for what a damaged footer says: what lies outside the file is not there.
  while (offset >= 0 && done < size) {
    auto got = open.file_.Read(static_cast<char*>(out) + done, static_cast<size_t>(size - done),
                               static_cast<uint64_t>(offset + done));
    if (!got.ok()) {
      if (got.status().code() == absl::StatusCode::kDataLoss) break;
      open.read_error_ = got.status();
      return -1;
    }
    done += static_cast<int64_t>(*got);
  }
  return done;
}

absl::StatusOr<std::unique_ptr<OpenParquet>> OpenParquet::Open(const pb::InputFile& file) {
  MR_ASSIGN_OR_RETURN(const Plugin* plugin, ParquetPlugin());
  if (!file.compression().empty())
    return InvalidArgument(file.uri(),
                           " is packed as a whole; Parquet files are compressed inside, unpack it");
  MR_ASSIGN_OR_RETURN(PinnedFile pinned, PinnedFile::Open(file));
  std::unique_ptr<OpenParquet> open(new OpenParquet(std::move(pinned)));
  char error[512] = "";
  open->reader_.reset(plugin->open({open.get(), &OpenParquet::Read, static_cast<int64_t>(file.size_bytes())},
                                   error, sizeof error));
  if (open->reader_ != nullptr) return open;
  MR_RETURN_IF_ERROR(open->read_error_);
  return DataLoss(file.uri(), " is no Parquet file, or a damaged one: ", FirstLine(error));
}

absl::Status OpenParquet::Error() const {
  MR_RETURN_IF_ERROR(read_error_);
  MR_RETURN_IF_ERROR(file_.CheckUnchanged());
  return DataLoss(file_.path(), " cannot be read: ", FirstLine(reader_->error()));
}

int OpenParquet::Find(std::string_view name) const {
  for (uint32_t i = 0; i < reader_->columns(); ++i)
    if (name == reader_->column(i).name) return static_cast<int>(i);
  return -1;
}

}  // namespace millrace::io
