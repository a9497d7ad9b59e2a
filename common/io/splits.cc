#include "common/io/splits.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/io/byte_stream.h"
#include "common/io/csv_header.h"
#include "common/io/parquet.h"

namespace millrace::io {
namespace {

constexpr size_t kScanBuffer = size_t{128} << 10;
constexpr uint64_t kParallelBytes = uint64_t{8} << 20;

// Whether the number of quotes is odd. `text` has 32 readable bytes behind it.
bool OddQuotes(const char* text, size_t size) {
  const __m256i quote = _mm256_set1_epi8('"');
  __m256i sum = _mm256_setzero_si256();  // XOR of matches: parity by lanes
  size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + i));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + i + 32));
    sum = _mm256_xor_si256(sum, _mm256_xor_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote)));
  }
  unsigned odd = static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(_mm256_movemask_epi8(sum))));
  for (; i < size; ++i) odd += text[i] == '"';
  return (odd & 1) != 0;
}

class Cutter {
 public:
  Cutter(const pb::InputFile& file, uint64_t split_bytes, bool quote)
      : file_(file), split_bytes_(split_bytes), quote_(quote) {}

  // The inner boundaries, rising, without the file's begin and end.
  absl::StatusOr<std::vector<uint64_t>> Boundaries() {
    std::vector<uint64_t> found;
    const uint64_t size = file_.size_bytes();
    if (split_bytes_ == 0 || size <= split_bytes_) return found;
    MR_ASSIGN_OR_RETURN(fd_, OpenForRead(file_.uri()));
    const uint64_t segments = (size - 1) / split_bytes_ + 1;
    std::vector<char> odd;  // quotes in segment i, from Edge(i) to Edge(i + 1)
    if (quote_) MR_RETURN_IF_ERROR(CountQuotes(segments, &odd));
    bool inside = false;
    uint64_t last = 0;
    for (uint64_t i = 1; i < segments && last < size; ++i) {
      if (quote_) inside ^= odd[i - 1] != 0;
      if (last >= i * split_bytes_) continue;  // a record that spans several nominal offsets
      MR_ASSIGN_OR_RETURN(last, RecordEnd(Edge(i), inside));
      if (last < size) found.push_back(last);
    }
    return found;
  }

 private:
  // Looking for a line end starts one byte before the nominal offset: a record may begin right there.
  uint64_t Edge(uint64_t i) const { return i == 0 ? 0 : i * split_bytes_ - 1; }

  absl::Status CountQuotes(uint64_t segments, std::vector<char>* odd) {
    odd->assign(segments - 1, 0);  // what stands behind the last edge does not matter
    std::atomic<uint64_t> next{0};
    absl::Status errors[2];
    auto work = [&](int thread) {
      std::vector<char> buffer(kScanBuffer + 64);
      for (uint64_t i; (i = next.fetch_add(1)) < odd->size() && errors[thread].ok();) {
        bool parity = false;
        for (uint64_t at = Edge(i); at < Edge(i + 1);) {
          const size_t want = std::min<uint64_t>(kScanBuffer, Edge(i + 1) - at);
          errors[thread] = PReadFull(fd_.get(), buffer.data(), want, at, file_.uri());
          if (!errors[thread].ok()) return;
          parity ^= OddQuotes(buffer.data(), want);
          at += want;
        }
        (*odd)[i] = parity;
      }
    };
    std::thread second;
    if (file_.size_bytes() >= kParallelBytes && segments > 2) second = std::thread(work, 1);
    work(0);
    if (second.joinable()) second.join();
    MR_RETURN_IF_ERROR(errors[0]);
    return errors[1];
  }

  // One past the first record end at or after `at`, where `inside` says whether `at` stands inside quotes.
  absl::StatusOr<uint64_t> RecordEnd(uint64_t at, bool inside) {
    size_t want = 4096;  // a line is short as a rule
    while (at < file_.size_bytes()) {
      buffer_.resize(want);
      MR_ASSIGN_OR_RETURN(const size_t got, PRead(fd_.get(), buffer_.data(), want, at, file_.uri()));
      if (got == 0)
        return DataLoss(file_.uri(), " is shorter than it was; run the job again when it is complete");
      for (size_t i = 0; i < got; ++i) {
        if (buffer_[i] == '"' && quote_) inside = !inside;
        if (buffer_[i] == '\n' && !inside) return at + i + 1;
      }
      at += got;
      want = kScanBuffer;
    }
    return file_.size_bytes();
  }

  const pb::InputFile& file_;
  uint64_t split_bytes_;
  bool quote_;
  UniqueFd fd_;
  std::vector<char> buffer_;
};

std::vector<uint64_t> FixedBoundaries(uint64_t size, uint64_t split_bytes, uint64_t record_bytes) {
  std::vector<uint64_t> found;
  uint64_t last = 0;
  for (uint64_t at = split_bytes; at < size && split_bytes > 0; at += split_bytes) {
    if (last >= at) continue;
    last = (at + record_bytes - 1) / record_bytes * record_bytes;
    if (last < size) found.push_back(last);
  }
  return found;
}

absl::Status CheckHeaders(const pb::InputFile& file, const std::vector<std::string>& columns,
                          const pb::InputFile& first_file, const std::vector<std::string>& first) {
  for (size_t i = 0; i < std::min(columns.size(), first.size()); ++i) {
    if (columns[i] != first[i]) {
      return InvalidArgument("the headers differ: column ", i + 1, " is ", Quote(columns[i]), " in ",
                             file.uri(), " and ", Quote(first[i]), " in ", first_file.uri(),
                             "; read files of one header at a time");
    }
  }
  if (columns.size() != first.size()) {
    return InvalidArgument("the headers differ: ", columns.size(), " columns in ", file.uri(), ", ",
                           first.size(), " in ", first_file.uri(), "; read files of one header at a time");
  }
  return absl::OkStatus();
}

absl::Status CheckNames(const pb::InputFile& file, const std::vector<std::string>& columns) {
  std::vector<std::string> sorted = columns;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return absl::OkStatus();
  return InvalidArgument(file.uri(), ":1: the header names column ", Quote(*twice), " twice");
}

// Columns of the data set, and whether a record follows a header.
absl::Status ReadColumns(const FormatOptions& format, PlannedInput* planned) {
  std::vector<std::string> columns;
  const pb::InputFile* first = nullptr;
  for (const pb::InputFile& file : planned->source.files()) {
    if (!format.header && first != nullptr && planned->has_records) break;
    if (file.compression().empty() && file.size_bytes() == 0) continue;
    MR_ASSIGN_OR_RETURN(CsvHeader header, ReadCsvHeader(file, format));
    if (!header.any) continue;
    planned->has_records |= header.more || !format.header;
    if (first == nullptr) {
      if (format.header) MR_RETURN_IF_ERROR(CheckNames(file, header.fields));
      first = &file;
      columns = std::move(header.fields);
    } else if (format.header) {
      MR_RETURN_IF_ERROR(CheckHeaders(file, header.fields, *first, columns));
    }
  }
  if (first == nullptr) {
    return InvalidArgument(planned->source.files(0).uri(), " is empty: ",
                           format.header ? "a CSV file begins with a header line (or say header=false)"
                                         : "without a line in it the number of columns is not known");
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    planned->source.add_columns(format.header ? columns[i] : StrCat("c", i));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> HasBytes(const pb::InputFile& file) {
  if (file.compression().empty() || file.size_bytes() == 0) return file.size_bytes() > 0;
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<ByteStream> stream, OpenStream(file));
  char byte;
  MR_ASSIGN_OR_RETURN(const size_t got, stream->Read(&byte, 1));
  return got > 0;
}

void AddSplit(uint32_t file, uint64_t begin, uint64_t end, pb::FileSource* source) {
  pb::Split* split = source->add_splits();
  split->set_file(file);
  split->set_begin(begin);
  split->set_end(end);
  split->set_first(begin == 0);
}

absl::Status CutFile(const FormatOptions& format, uint32_t number, uint64_t split_bytes,
                     pb::FileSource* source) {
  const pb::InputFile& file = source->files(static_cast<int>(number));
  const uint64_t size = file.size_bytes();
  std::vector<uint64_t> boundaries;
  if (file.compression().empty()) {
    if (size == 0) return absl::OkStatus();
    if (format.format == Format::kFixed) {
      if (size % format.record_bytes != 0) {
        return InvalidArgument(file.uri(), " has ", size,
                               " bytes, which is not a multiple of record_bytes=", format.record_bytes, " (",
                               size % format.record_bytes, " bytes are left over)");
      }
      boundaries = FixedBoundaries(size, split_bytes, format.record_bytes);
    } else {
      Cutter cutter(file, split_bytes, format.format == Format::kCsv && format.quote);
      MR_ASSIGN_OR_RETURN(boundaries, cutter.Boundaries());
    }
  }
  uint64_t begin = 0;
  for (const uint64_t end : boundaries) {
    AddSplit(number, begin, end, source);
    begin = end;
  }
  AddSplit(number, begin, size, source);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlannedInput> PlanSplits(std::string_view format,
                                        const std::map<std::string, std::string>& options,
                                        std::vector<pb::InputFile> files, uint64_t split_bytes) {
  MR_ASSIGN_OR_RETURN(const FormatOptions parsed, ParseFormat(format, options));
  if (files.empty()) return InvalidArgument("no input files");
  PlannedInput planned;
  pb::FileSource& source = planned.source;
  source.set_format(std::string(format));
  for (const auto& [name, value] : options) (*source.mutable_options())[name] = value;
  for (pb::InputFile& file : files) *source.add_files() = std::move(file);
  if (parsed.format == Format::kParquet) {
    MR_RETURN_IF_ERROR(PlanParquet(split_bytes, &planned));
    if (source.splits_size() == 0) AddSplit(0, 0, 0, &source);
    return planned;
  }
  if (parsed.format == Format::kCsv) {
    MR_RETURN_IF_ERROR(ReadColumns(parsed, &planned));
  } else {
    for (const pb::InputFile& file : source.files()) {
      if (planned.has_records) break;
      MR_ASSIGN_OR_RETURN(planned.has_records, HasBytes(file));
    }
  }
  for (int i = 0; i < source.files_size(); ++i) {
    MR_RETURN_IF_ERROR(CutFile(parsed, static_cast<uint32_t>(i), split_bytes, &source));
  }
  if (source.splits_size() == 0) AddSplit(0, 0, 0, &source);
  return planned;
}

}  // namespace millrace::io
