// What the tests of this room share: small inputs on disk and readers run to the end.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/csv_reader.h"
#include "common/io/list_inputs.h"
#include "common/io/splits.h"

namespace millrace::io {

inline std::string Gzip(std::string_view text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

inline std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class IoTest : public ::testing::Test {
 protected:
  std::string Put(std::string_view name, std::string_view bytes) {
    const std::string path = dir_.File(name);
    EXPECT_TRUE(MakeDirs(DirName(path)).ok());
    EXPECT_TRUE(WriteFile(path, bytes).ok());
    return path;
  }
  absl::StatusOr<PlannedInput> Plan(std::string_view format, const std::string& path,
                                    uint64_t split_bytes = 0,
                                    const std::map<std::string, std::string>& options = {}) {
    MR_ASSIGN_OR_RETURN(std::vector<pb::InputFile> files, ListInputs(path));
    return PlanSplits(format, options, std::move(files), split_bytes);
  }
  pb::FileSource MustPlan(std::string_view format, const std::string& path, uint64_t split_bytes = 0,
                          const std::map<std::string, std::string>& options = {}) {
    auto planned = Plan(format, path, split_bytes, options);
    EXPECT_TRUE(planned.ok()) << planned.status();
    return planned.ok() ? planned->source : pb::FileSource();
  }
  ScopedTempDir dir_{"mr-io-test"};
};

struct CsvResult {
  std::vector<std::vector<std::string>> rows;  // "~" is missing
  std::vector<std::string> bad;                // messages
  std::vector<std::string> raw_bad;
  absl::Status status;
  uint64_t bytes = 0;
};

// All columns of all splits.
inline CsvResult ReadCsv(const pb::FileSource& source, const ReaderLimits& limits = {},
                         bool skip_bad = true) {
  CsvResult result;
  std::vector<int> wanted;
  for (int i = 0; i < source.columns_size(); ++i) wanted.push_back(i);
  for (int split = 0; split < source.splits_size() && result.status.ok(); ++split) {
    BadRecordFn on_bad;
    if (skip_bad) {
      on_bad = [&](std::string message, std::string_view raw) {
        result.bad.push_back(std::move(message));
        result.raw_bad.emplace_back(raw);
        return true;
      };
    }
    CsvReader reader(source, split, wanted, limits, on_bad);
    while (reader.Next()) {
      std::vector<std::string> row;
      for (size_t i = 0; i < wanted.size(); ++i) {
        row.push_back(reader.field(i).missing() ? "~" : std::string(reader.field(i).text));
      }
      result.rows.push_back(std::move(row));
    }
    EXPECT_FALSE(reader.Next());
    result.status = reader.status();
    if (result.status.ok() && result.bad.empty()) {
      EXPECT_EQ(reader.bytes_consumed(), source.splits(split).end() - source.splits(split).begin());
    }
    result.bytes += reader.bytes_consumed();
  }
  return result;
}

}  // namespace millrace::io
