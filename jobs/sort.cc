// Sorts lines, or records of a fixed size, in byte order; the output is ordered over all its parts.
//
//   mrsubmit run --local sort --input=names.txt --output=sorted
//   mrsubmit run --local sort --input=data.bin --output=sorted --record-bytes=100 --key-bytes=10
//
// Without --record-bytes the input is text: lines are sorted without their LF (a CR belongs to its line)
// and written with one each. --key-bytes=N orders by the first N bytes only; records with equal keys
// keep their order.
//
// Stages, for n records: a sample of the keys; one pass that sorts (n records of their length and 2 bytes are
// shuffled, range-partitioned; with --key-bytes the key as well); one that merges. Memory: that of a slot.
#include "common/pipeline/pipeline.h"

namespace millrace {

struct SortOptions : CommonOptions {
  uint64_t record_bytes = 0;
  uint64_t key_bytes = 0;
};
MR_OPTIONS(SortOptions, MR_OPTION(record_bytes, "bytes", "Size of a record; 0 = the input is lines of text"),
           MR_OPTION(key_bytes, "bytes",
                     "Records are ordered by that many bytes at their beginning; 0 = by all"))

void SortRecords(Job& job, const SortOptions& options) {
  const bool lines = options.record_bytes == 0;
  if (!lines && options.key_bytes > options.record_bytes)
    job.Fail("--key-bytes is larger than --record-bytes: a key lies inside its record");
  const auto records =
      lines ? job.ReadText(options.input) : job.ReadFixed(options.input, options.record_bytes);
  const auto key = [](uint64_t bytes, std::string_view record) { return record.substr(0, bytes); };
  const auto sorted = options.key_bytes == 0 ? records.Sort() : records.SortBy(With(options.key_bytes), key);
  sorted.Write(options.output, {.format = lines ? "text" : "binary"});
}
MR_JOB("sort", SortRecords, "Lines or fixed-size records in byte order")

}  // namespace millrace
