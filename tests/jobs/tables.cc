// Tables from one format into another: for the end-to-end tests of Parquet.
#include "common/pipeline/pipeline.h"

namespace millrace {
namespace {

struct CopyTableOptions : CommonOptions {
  std::vector<std::string> columns, text;
};
MR_OPTIONS(CopyTableOptions, MR_OPTION(columns, "columns", "Columns to keep; empty = all"),
           MR_OPTION(text, "columns", "Columns that are texts whatever they look like"))

void CopyTable(Job& job, const CopyTableOptions& options) {
  TableOptions table;
  table.columns = options.columns;
  table.text = options.text;
  job.ReadTable(options.input, table).Write(options.output);
}
MR_JOB("copy-table", CopyTable, "A table as it is")

// The columns of tests/data/parquet/types_pyarrow.parquet.
struct Everything {
  std::optional<bool> flag;
  std::optional<int8_t> small;
  std::optional<int64_t> big;
  std::optional<uint32_t> unsigned_number;
  std::optional<float> single;
  std::optional<double> real;
  std::optional<Date> day;
  std::optional<Timestamp> at;
  std::string name;
  std::string_view kind;
  std::optional<double> price;
  std::optional<int32_t> x;
  std::string label;
};
MR_RECORD(Everything, MR_NAMED(flag), MR_NAMED(small), MR_NAMED(big), MR_FIELD(unsigned_number, "unsigned"),
          MR_NAMED(single), MR_NAMED(real), MR_NAMED(day), MR_NAMED(at), MR_NAMED(name), MR_NAMED(kind),
          MR_NAMED(price), MR_FIELD(x, "place.x"), MR_FIELD(label, "place.label"))

struct CopyEverythingOptions : CommonOptions {
  std::string from, to;
};
MR_OPTIONS(CopyEverythingOptions, MR_OPTION(from, "date", "First day wanted"),
           MR_OPTION(to, "date", "Last day wanted"))

void CopyEverything(Job& job, const CopyEverythingOptions& options) {
  ReadOptions read;
  read.ranges = {{"day", options.from, options.to}};
  job.Read<Everything>(options.input, read).Write(options.output);
}
MR_JOB("copy-everything", CopyEverything, "Records of all types as they are")

}  // namespace
}  // namespace millrace
