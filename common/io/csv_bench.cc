// How fast the readers are: csv_bench FILE.csv COLUMN[,COLUMN...] | csv_bench FILE.txt. Not built by default.
#include <chrono>
#include <cstdio>
#include <string>

#include "common/base/strings.h"
#include "common/io/csv_reader.h"
#include "common/io/line_reader.h"
#include "common/io/list_inputs.h"
#include "common/io/splits.h"

namespace {

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace millrace;
  if (argc < 2) return 2;
  const std::string path = argv[1];
  const bool csv = argc > 2;
  const uint64_t buffer = argc > 3 ? std::stoull(argv[3]) : io::ReaderLimits{}.buffer_bytes;
  for (int round = 0; round < 3; ++round) {
    auto start = std::chrono::steady_clock::now();
    auto files = io::ListInputs(path);
    if (!files.ok()) return std::printf("%s\n", std::string(files.status().message()).c_str()), 1;
    auto planned = io::PlanSplits(csv ? "csv" : "text", {}, *files, uint64_t{64} << 20);
    if (!planned.ok()) return std::printf("%s\n", std::string(planned.status().message()).c_str()), 1;
    std::printf("plan %.3f s, %d splits; ", Seconds(start), planned->source.splits_size());
    start = std::chrono::steady_clock::now();
    io::ReaderLimits limits;
    limits.buffer_bytes = buffer;
    std::vector<int> wanted;
    if (csv) {
      for (const auto name : StrSplit(argv[2], ',')) {
        for (int i = 0; i < planned->source.columns_size(); ++i) {
          if (planned->source.columns(i) == name) wanted.push_back(i);
        }
      }
    }
    uint64_t records = 0, bytes = 0, consumed = 0;
    for (int split = 0; split < planned->source.splits_size(); ++split) {
      if (csv) {
        io::CsvReader reader(planned->source, split, wanted, limits);
        while (reader.Next()) {
          for (size_t i = 0; i < wanted.size(); ++i) bytes += reader.field(i).text.size();
        }
        records += reader.records(), consumed += reader.bytes_consumed();
      } else {
        io::LineReader reader(planned->source, split, limits);
        while (reader.Next()) bytes += reader.line().size();
        records += reader.records(), consumed += reader.bytes_consumed();
      }
    }
    const double s = Seconds(start);
    std::printf("read %llu records, %llu of their bytes, in %.3f s: %.2f GB/s\n", (unsigned long long)records,
                (unsigned long long)bytes, s, double(consumed) / s / 1e9);
  }
}
