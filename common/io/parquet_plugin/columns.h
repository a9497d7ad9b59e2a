// Columns of the plugin: values of a Parquet column as abi.h has them, and back.
#pragma once

#include <parquet/column_reader.h>
#include <parquet/column_writer.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <memory>
#include <string>
#include <vector>

#include "common/io/parquet_plugin/abi.h"

namespace millrace::io::parquet_plugin {

Type TypeOf(const parquet::ColumnDescriptor& column);
std::string DeclaredType(const parquet::ColumnDescriptor& column);

// The values of one column, batch by batch. Parquet's errors leave as its exceptions.
class ColumnValues {
 public:
  virtual ~ColumnValues() = default;
  // A column of a type other than kOther, not repeated.
  static std::unique_ptr<ColumnValues> Make(const parquet::ColumnDescriptor& column);
  // `dictionary`: the number of its dictionary, where the reader exposes one.
  virtual void Begin(std::shared_ptr<parquet::ColumnReader> reader, uint64_t dictionary) = 0;
  virtual int64_t Next(uint32_t most) = 0;  // rows got
  virtual Values values() const = 0;
};

// What the statistics of a group say; the texts are kept in `texts`.
Limits LimitsOf(const parquet::ColumnDescriptor& column, const parquet::Statistics& statistics,
                std::vector<std::string>* texts);

parquet::schema::NodePtr NodeFor(const Column& column);
// Appends rows to a column that NodeFor made; bytes of the values before encoding.
uint64_t WriteValues(parquet::ColumnWriter* writer, Type type, const Values& values, uint32_t rows);

}  // namespace millrace::io::parquet_plugin
