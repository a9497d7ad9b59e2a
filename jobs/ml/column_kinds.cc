#include "jobs/ml/column_kinds.h"

#include <algorithm>
#include <set>

namespace millrace::ml {
namespace {

constexpr uint32_t kSampleRows = 1000, kMostCategories = 50;
constexpr const char* kKindNames[] = {"numeric", "categorical", "text"};

struct GivenKind {
  std::string column;
  ColumnKind kind;
};

std::vector<GivenKind> GivenKinds(Job& job, const std::vector<std::string>& types) {
  std::vector<GivenKind> given;
  for (const std::string& type : types) {
    const size_t colon = type.rfind(':');
    const auto* const kind = std::find(std::begin(kKindNames), std::end(kKindNames),
                                       colon == std::string::npos ? std::string() : type.substr(colon + 1));
    if (kind == std::end(kKindNames))
      job.Fail(StrCat("--types: '", type, "' is not COLUMN:numeric, COLUMN:categorical or COLUMN:text"));
    given.push_back({type.substr(0, colon), static_cast<ColumnKind>(kind - std::begin(kKindNames))});
  }
  return given;
}

Table ReadInput(Job& job, const std::string& input, const std::vector<std::string>& columns,
                const std::vector<GivenKind>& given) {
  TableOptions read;
  read.columns = columns;
  read.blank_missing = true;
  read.sample = kSampleRows;
  for (const GivenKind& kind : given) {
    if (kind.kind == ColumnKind::kNumeric) {
      read.types.push_back({kind.column, ValueType::kDouble});
    } else {
      read.text.push_back(kind.column);
    }
  }
  const Table table = job.ReadTable(input, read);
  for (const GivenKind& kind : given) {
    const std::string near = Nearest(kind.column, table.schema.Names());
    if (!table.schema.Find(kind.column))
      job.Fail(StrCat("--types: there is no column '", kind.column, "'",
                      near.empty() ? "" : StrCat("; did you mean '", near, "'?")));
  }
  return table;
}

bool LooksCategorical(const Table& table, size_t column) {
  std::set<std::string> values;
  size_t present = 0;
  for (const Row& row : table.sample) {
    if (row[column].is_null()) continue;
    ++present;
    values.insert(row[column].ToString());
  }
  return values.size() <= kMostCategories && 2 * values.size() <= present;
}

std::vector<ColumnKind> KindsOf(const Table& table, const std::vector<GivenKind>& given) {
  std::vector<ColumnKind> kinds;
  for (size_t i = 0; i < table.schema.size(); ++i) {
    const Column& column = table.schema[i];
    const bool number = column.type == ValueType::kDouble || column.type == ValueType::kInt64;
    kinds.push_back(number                       ? ColumnKind::kNumeric
                    : LooksCategorical(table, i) ? ColumnKind::kCategorical
                                                 : ColumnKind::kText);
    for (const GivenKind& kind : given)
      if (kind.column == column.name) kinds.back() = kind.kind;
  }
  return kinds;
}

}  // namespace

const char* KindName(ColumnKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

KindTable ReadKinds(Job& job, const std::string& input, const std::vector<std::string>& columns,
                    const std::vector<std::string>& types) {
  const std::vector<GivenKind> given = GivenKinds(job, types);
  Table table = ReadInput(job, input, columns, given);
  std::vector<ColumnKind> kinds = KindsOf(table, given);
  return {std::move(table), std::move(kinds)};
}

}  // namespace millrace::ml
