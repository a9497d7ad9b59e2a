// Columns and splits of Parquet files.
#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/parquet_files.h"
#include "common/record/parse.h"

namespace millrace::io {
namespace {

using parquet_plugin::Limits;
using parquet_plugin::Reader;

absl::Status CheckColumns(const pb::InputFile& file, Reader& reader, const pb::InputFile& first,
                          const PlannedInput& planned) {
  const uint32_t known = static_cast<uint32_t>(planned.types.size());
  if (reader.columns() != known)
    return InvalidArgument("the schemas differ: ", reader.columns(), " columns in ", file.uri(), ", ", known,
                           " in ", first.uri(), "; read files of one schema at a time");
  for (uint32_t i = 0; i < known; ++i) {
    const auto column = reader.column(i);
    if (column.name != planned.types[i].name || column.declared != planned.types[i].declared)
      return InvalidArgument("the schemas differ: column ", i + 1, " is ", column.name, " (", column.declared,
                             ") in ", file.uri(), " and ", planned.types[i].name, " (",
                             planned.types[i].declared, ") in ", first.uri(),
                             "; read files of one schema at a time");
  }
  return absl::OkStatus();
}

void TakeColumns(Reader& reader, PlannedInput* planned) {
  for (uint32_t i = 0; i < reader.columns(); ++i) {
    const auto column = reader.column(i);
    planned->source.add_columns(column.name);
    TypedColumn typed{column.name, column.repeated ? ValueType::kNull : FromPlugin(column.type),
                      column.type == parquet_plugin::Type::kDecimal, column.declared};
    planned->types.push_back(std::move(typed));
  }
}

// What a group is in memory, about: its bytes in the file are packed, by a factor of ten at times.
uint64_t UnpackedBytes(const parquet_plugin::Group& group, uint32_t columns) {
  return std::max<uint64_t>(group.end - group.begin, group.rows * columns * sizeof(uint64_t));
}

// A split ends with the first group with which the file so far reaches the next multiple.
void CutGroups(uint32_t number, Reader& reader, uint64_t split_bytes, pb::FileSource* source) {
  pb::Split* open = nullptr;
  uint64_t so_far = 0, end = 0;
  for (uint32_t g = 0; g < reader.groups(); ++g) {
    const auto group = reader.group(g);
    if (group.rows == 0) continue;
    if (open == nullptr) {
      open = source->add_splits();
      open->set_file(number);
      open->set_begin(group.begin);
      open->set_first(g == 0);
      end = split_bytes == 0 ? UINT64_MAX : (so_far / split_bytes + 1) * split_bytes;
    }
    open->set_end(group.end);
    const uint64_t bytes = UnpackedBytes(group, reader.columns());
    open->set_bytes(open->bytes() + bytes);
    so_far += bytes;
    if (so_far >= end) open = nullptr;
  }
}

// Whether a present value may lie inside. Text that is no value of the column's type rules nothing out.
bool MayHave(const Limits& limits, ValueType type, const ColumnRange& range) {
  if (!limits.known) return true;
  if (limits.all_missing) return false;
  const auto inside = [&](const auto& least, const auto& greatest, const auto& parse) {
    auto bound = least;
    if (!range.least.empty() && parse(range.least, &bound) && greatest < bound) return false;
    bound = greatest;
    return range.greatest.empty() || !parse(range.greatest, &bound) || !(bound < least);
  };
  if (type == ValueType::kInt64)
    return inside(limits.least_integer, limits.greatest_integer,
                  [](const std::string& text, int64_t* out) { return ParseInt64(text, out); });
  if (type == ValueType::kDouble)
    return inside(limits.least_real, limits.greatest_real,
                  [](const std::string& text, double* out) { return ParseDouble(text, out); });
  if (type == ValueType::kDate)
    return inside(limits.least_integer, limits.greatest_integer, [](const std::string& text, int64_t* out) {
      Date day;
      if (!ParseDate(text, &day)) return false;
      *out = day.days;
      return true;
    });
  if (type == ValueType::kTimestamp)
    return inside(limits.least_integer, limits.greatest_integer, [](const std::string& text, int64_t* out) {
      Timestamp instant;
      if (!ParseTimestamp(text, &instant)) return false;
      *out = instant.micros;
      return true;
    });
  if (type == ValueType::kText)
    return inside(std::string(limits.least_text.data, limits.least_text.size),
                  std::string(limits.greatest_text.data, limits.greatest_text.size),
                  [](const std::string& text, std::string* out) {
                    *out = text;
                    return true;
                  });
  return true;
}

bool GroupMayHave(OpenParquet& open, uint32_t group, const std::vector<ColumnRange>& ranges) {
  for (const ColumnRange& range : ranges) {
    const int at = open.Find(range.column);
    if (at < 0) continue;
    const auto column = open.reader().column(static_cast<uint32_t>(at));
    if (column.repeated || column.type == parquet_plugin::Type::kDecimal) continue;
    if (!MayHave(open.reader().limits(group, static_cast<uint32_t>(at)), FromPlugin(column.type), range))
      return false;
  }
  return true;
}

}  // namespace

bool Fits(const TypedColumn& column, ValueType wanted) {
  const ValueType have = column.type;
  if (have == wanted || wanted == ValueType::kText || wanted == ValueType::kNull) return true;
  if (wanted == ValueType::kDouble) return have == ValueType::kInt64 || column.decimal;
  const bool time = wanted == ValueType::kDate || wanted == ValueType::kTimestamp;
  return time && !column.decimal &&
         (have == ValueType::kDate || have == ValueType::kTimestamp || have == ValueType::kText);
}

absl::Status PlanParquet(uint64_t split_bytes, PlannedInput* planned) {
  pb::FileSource& source = planned->source;
  for (int i = 0; i < source.files_size(); ++i) {
    const pb::InputFile& file = source.files(i);
    MR_ASSIGN_OR_RETURN(const std::unique_ptr<OpenParquet> open, OpenParquet::Open(file));
    if (i == 0) {
      TakeColumns(open->reader(), planned);
    } else {
      MR_RETURN_IF_ERROR(CheckColumns(file, open->reader(), source.files(0), *planned));
    }
    CutGroups(static_cast<uint32_t>(i), open->reader(), split_bytes, &source);
  }
  planned->has_records = source.splits_size() > 0;
  return absl::OkStatus();
}

absl::Status PruneParquet(const std::vector<ColumnRange>& ranges, pb::FileSource* source) {
  google::protobuf::RepeatedPtrField<pb::Split> kept;
  std::unique_ptr<OpenParquet> open;
  int open_file = -1;
  for (const pb::Split& split : source->splits()) {
    if (open_file != static_cast<int>(split.file())) {
      open_file = static_cast<int>(split.file());
      MR_ASSIGN_OR_RETURN(open, OpenParquet::Open(source->files(open_file)));
    }
    pb::Split* run = nullptr;  // groups that follow each other
    for (uint32_t g = 0; g < open->reader().groups(); ++g) {
      const auto group = open->reader().group(g);
      if (group.rows == 0 || group.begin < split.begin() || group.begin >= split.end()) continue;
      if (!GroupMayHave(*open, g, ranges)) {
        run = nullptr;
        continue;
      }
      if (run == nullptr) {
        run = kept.Add();
        *run = split;
        run->set_begin(group.begin);
        run->set_bytes(0);
      }
      run->set_end(group.end);
      run->set_bytes(run->bytes() + UnpackedBytes(group, open->reader().columns()));
    }
  }
  // Nothing left: one split that has no group.
  if (kept.empty() && source->splits_size() > 0) {
    pb::Split* none = kept.Add();
    *none = source->splits(0);
    none->set_end(none->begin());
    none->set_bytes(0);
  }
  source->mutable_splits()->Swap(&kept);
  return absl::OkStatus();
}

}  // namespace millrace::io
