// What common/io and the Parquet plugin say to each other. The plugin is a shared library of its own, opened
// when the first Parquet file is met: Arrow is 60 MB that no other job should load. Only plain types cross
// the border, and no exception does: the two sides may have different C++ runtimes. Both are of one build.
#pragma once

#include <cstdint>

namespace millrace::io::parquet_plugin {

inline constexpr uint32_t kAbi = 2;
inline constexpr char kEntry[] = "millrace_parquet_plugin";

enum class Type : uint8_t { kOther, kBool, kInt64, kDouble, kDate, kTimestamp, kText, kDecimal };

struct Text {
  const char* data;
  uint64_t size;
};

// One leaf of the schema: a column, or a field of a struct ("a.b").
struct Column {
  const char* name;
  const char* declared;  // as Parquet has it, for messages
  Type type;
  bool repeated;  // in a list or a map
};

// A row group: its bytes lie behind one another in the file, in the order of the groups.
struct Group {
  uint64_t rows, begin, end;
};

// Of the present values of one column of one group; known = false where the file does not say.
struct Limits {
  bool known, all_missing;
  int64_t least_integer, greatest_integer;  // bool, int64, date (days), timestamp (microseconds)
  double least_real, greatest_real;
  Text least_text, greatest_text;
};

// Of one column, one entry per row. `values` by the column's type: uint8_t (bool), int64_t (int64, date as
// days, timestamp as microseconds), double, Text (text; decimal as digits with a point). What stands there
// for a missing row has no meaning.
//
// With `codes` the column is kept as a dictionary: `values` are its `entries`, and codes[row] says which of
// them is the row's. They stay from batch to batch, until `dictionary` is another number.
struct Values {
  const uint8_t* missing = nullptr;  // 1 = missing
  const void* values = nullptr;
  const uint32_t* codes = nullptr;  // below `entries` where not missing
  uint32_t entries = 0;
  uint64_t dictionary = 0;  // its number in this reader, from 1
};

// Bytes of a file, and where bytes go. Negative and false: failed, and whoever made it knows why.
struct ByteSource {
  void* self;
  int64_t (*read)(void* self, int64_t offset, int64_t size, void* out);  // bytes got
  int64_t size;
};
struct ByteTarget {
  void* self;
  bool (*write)(void* self, const char* data, int64_t size);
};

// On false and negative results error() says why. Not for several threads at once.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual const char* error() const = 0;
  virtual uint32_t columns() const = 0;
  virtual Column column(uint32_t i) const = 0;
  virtual uint32_t groups() const = 0;
  virtual Group group(uint32_t i) const = 0;
  virtual Limits limits(uint32_t group, uint32_t column) = 0;  // texts live until the next call
  // Begins with these columns (not repeated ones) of a group.
  virtual bool Open(uint32_t group, const uint32_t* columns, uint32_t count) = 0;
  // The next rows of the group, at most `most`; 0 at its end. Values of the call before are dead.
  virtual int64_t Next(uint32_t most) = 0;
  virtual Values values(uint32_t i) const = 0;  // of the i-th of Open's columns
};

class Writer {
 public:
  virtual ~Writer() = default;
  virtual const char* error() const = 0;
  // Values per column, as Reader gives them. A row group ends when `group_bytes` have been appended to it.
  virtual bool Append(const Values* columns, uint32_t rows) = 0;
  virtual bool Finish() = 0;
};

struct Plugin {
  uint32_t abi;
  const char* arrow_version;
  // Null: `error` (of `error_size` bytes) says why.
  Reader* (*open)(ByteSource source, char* error, uint64_t error_size);
  // compression: "snappy", "zstd" or "none". Every column may have missing values.
  Writer* (*create)(ByteTarget target, const Column* columns, uint32_t count, const char* compression,
                    uint64_t group_bytes, char* error, uint64_t error_size);
};
using Entry = const Plugin* (*)();

}  // namespace millrace::io::parquet_plugin
