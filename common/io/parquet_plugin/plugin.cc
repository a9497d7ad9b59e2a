// The shared library libmillrace_parquet.so: readers and writers of abi.h on Arrow.
#include <arrow/config.h>
#include <arrow/memory_pool.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "common/io/parquet_plugin/abi.h"
#include "common/io/parquet_plugin/columns.h"
#include "common/io/parquet_plugin/streams.h"

namespace millrace::io::parquet_plugin {
namespace {

constexpr int64_t kReadBuffer = 128 << 10;  // per column

// Runs what may throw; on false *error is the sentence.
template <typename Fn>
bool Guarded(std::string* error, const Fn& fn) {
  try {
    fn();
    return true;
  } catch (const std::bad_alloc&) {
    *error = "ran out of memory";
  } catch (const std::exception& e) {
    *error = e.what();
  } catch (...) {
    *error = "failed for no reason given";
  }
  return false;
}

class ArrowReader : public Reader {
 public:
  explicit ArrowReader(ByteSource source) {
    parquet::ReaderProperties properties(arrow::system_memory_pool());
    properties.enable_buffered_stream();
    properties.set_buffer_size(kReadBuffer);
    properties.set_page_checksum_verification(true);
    file_ = parquet::ParquetFileReader::Open(std::make_shared<SourceFile>(source), properties);
    metadata_ = file_->metadata();
    const parquet::SchemaDescriptor& schema = *metadata_->schema();
    for (int i = 0; i < schema.num_columns(); ++i) {
      names_.push_back(schema.Column(i)->path()->ToDotString());
      declared_.push_back(DeclaredType(*schema.Column(i)));
    }
    for (int i = 0; i < metadata_->num_row_groups(); ++i) groups_.push_back(GroupOf(*metadata_->RowGroup(i)));
  }

  const char* error() const override { return error_.c_str(); }
  uint32_t columns() const override { return static_cast<uint32_t>(names_.size()); }
  Column column(uint32_t i) const override {
    const parquet::ColumnDescriptor& column = *metadata_->schema()->Column(static_cast<int>(i));
    return {names_[i].c_str(), declared_[i].c_str(), TypeOf(column), column.max_repetition_level() > 0};
  }
  uint32_t groups() const override { return static_cast<uint32_t>(groups_.size()); }

  Group group(uint32_t i) const override { return groups_[i]; }

  Limits limits(uint32_t group, uint32_t column) override {
    Limits limits{};
    const bool ok = Guarded(&error_, [&] {
      const auto chunk = metadata_->RowGroup(static_cast<int>(group))->ColumnChunk(static_cast<int>(column));
      const auto statistics = chunk->statistics();
      if (statistics != nullptr)
        limits = LimitsOf(*metadata_->schema()->Column(static_cast<int>(column)), *statistics, &limit_texts_);
    });
    return ok ? limits : Limits{};  // what cannot be read says nothing
  }

  bool Open(uint32_t group, const uint32_t* columns, uint32_t count) override {
    return Guarded(&error_, [&] {
      const auto rows = file_->RowGroup(static_cast<int>(group));
      left_ = metadata_->RowGroup(static_cast<int>(group))->num_rows();
      open_.clear();
      for (uint32_t i = 0; i < count; ++i) {
        const int at = static_cast<int>(columns[i]);
        open_.push_back(ColumnValues::Make(*metadata_->schema()->Column(at)));
        open_.back()->Begin(rows->ColumnWithExposeEncoding(at, parquet::ExposedEncoding::DICTIONARY),
                            ++dictionaries_);
      }
    });
  }

  int64_t Next(uint32_t most) override {
    int64_t rows = std::min<int64_t>(most, left_);
    const bool ok = Guarded(&error_, [&] {
      for (size_t i = 0; i < open_.size(); ++i)
        if (open_[i]->Next(static_cast<uint32_t>(rows)) != rows)
          throw parquet::ParquetException("a column has fewer values than its row group has rows");
    });
    if (!ok) return -1;
    left_ -= rows;
    return rows;
  }
  Values values(uint32_t i) const override { return open_[i]->values(); }

 private:
  // May throw, as all of Parquet's metadata: so it is asked once, when the file is opened.
  static Group GroupOf(const parquet::RowGroupMetaData& group) {
    int64_t begin = INT64_MAX, end = 0;
    for (int c = 0; c < group.num_columns(); ++c) {
      const auto chunk = group.ColumnChunk(c);
      int64_t first = chunk->data_page_offset();
      if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0)
        first = std::min(first, chunk->dictionary_page_offset());
      if (first < 0 || chunk->total_compressed_size() < 0 ||
          first > INT64_MAX - chunk->total_compressed_size())
        throw parquet::ParquetException("a column lies outside the file");
      begin = std::min(begin, first);
      end = std::max(end, first + chunk->total_compressed_size());
    }
    if (group.num_rows() < 0) throw parquet::ParquetException("a row group has less than no rows");
    return {static_cast<uint64_t>(group.num_rows()), static_cast<uint64_t>(std::min(begin, end)),
            static_cast<uint64_t>(end)};
  }

  std::unique_ptr<parquet::ParquetFileReader> file_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<Group> groups_;
  std::vector<std::string> names_, declared_, limit_texts_;
  std::vector<std::unique_ptr<ColumnValues>> open_;
  int64_t left_ = 0;           // rows of the open group
  uint64_t dictionaries_ = 0;  // columns that were opened
  std::string error_;
};

class ArrowWriter : public Writer {
 public:
  ArrowWriter(ByteTarget target, const Column* columns, uint32_t count, const std::string& compression,
              uint64_t group_bytes)
      : group_bytes_(group_bytes) {
    parquet::schema::NodeVector nodes;
    for (uint32_t i = 0; i < count; ++i) {
      nodes.push_back(NodeFor(columns[i]));
      types_.push_back(columns[i].type);
    }
    const auto schema = std::static_pointer_cast<parquet::schema::GroupNode>(
        parquet::schema::GroupNode::Make("schema", parquet::Repetition::REQUIRED, nodes));
    parquet::WriterProperties::Builder properties;
    properties.memory_pool(arrow::system_memory_pool())->enable_page_checksum();
    properties.compression(compression == "zstd"     ? arrow::Compression::ZSTD
                           : compression == "snappy" ? arrow::Compression::SNAPPY
                                                     : arrow::Compression::UNCOMPRESSED);
    file_ =
        parquet::ParquetFileWriter::Open(std::make_shared<TargetFile>(target), schema, properties.build());
  }

  const char* error() const override { return error_.c_str(); }

  bool Append(const Values* columns, uint32_t rows) override {
    return Guarded(&error_, [&] {
      if (group_ == nullptr) group_ = file_->AppendBufferedRowGroup();
      for (size_t i = 0; i < types_.size(); ++i)
        held_ += WriteValues(group_->column(static_cast<int>(i)), types_[i], columns[i], rows);
      if (held_ >= group_bytes_) EndGroup();
    });
  }

  bool Finish() override {
    return Guarded(&error_, [&] {
      EndGroup();
      file_->Close();
    });
  }

 private:
  void EndGroup() {
    if (group_ != nullptr) group_->Close();
    group_ = nullptr;
    held_ = 0;
  }
  const uint64_t group_bytes_;
  std::vector<Type> types_;
  std::unique_ptr<parquet::ParquetFileWriter> file_;
  parquet::RowGroupWriter* group_ = nullptr;
  uint64_t held_ = 0;  // bytes before encoding, in the open group
  std::string error_;
};

void Tell(const std::string& sentence, char* error, uint64_t size) {
  std::snprintf(error, size, "%s", sentence.c_str());
}

Reader* OpenReader(ByteSource source, char* error, uint64_t size) {
  std::unique_ptr<Reader> reader;
  std::string sentence;
  if (!Guarded(&sentence, [&] { reader = std::make_unique<ArrowReader>(source); }))
    Tell(sentence, error, size);
  return reader.release();
}

Writer* CreateWriter(ByteTarget target, const Column* columns, uint32_t count, const char* compression,
                     uint64_t group_bytes, char* error, uint64_t size) {
  std::unique_ptr<Writer> writer;
  std::string sentence;
  const bool ok = Guarded(&sentence, [&] {
    writer = std::make_unique<ArrowWriter>(target, columns, count, compression, group_bytes);
  });
  if (!ok) Tell(sentence, error, size);
  return writer.release();
}

}  // namespace
}  // namespace millrace::io::parquet_plugin

extern "C" __attribute__((visibility("default"))) const millrace::io::parquet_plugin::Plugin*
millrace_parquet_plugin() {
  using namespace millrace::io::parquet_plugin;  // NOLINT(google-build-using-namespace)
  static const Plugin plugin = {kAbi, ARROW_VERSION_STRING, &OpenReader, &CreateWriter};
  return &plugin;
}
