#include "jobs/ml/features.h"

#include <algorithm>
#include <cmath>

namespace millrace::ml {
namespace {

// One row on its way into a block.
struct Point {
  std::string id;
  std::vector<double> values;
};
MR_RECORD(Point, MR_NAMED(id), MR_NAMED(values))

struct Columns {
  int32_t id = -1;  // -1: none
  std::vector<uint32_t> features;
  std::vector<std::string> names;
  std::string id_name;
};
MR_RECORD(Columns, MR_NAMED(id), MR_NAMED(features), MR_NAMED(names), MR_NAMED(id_name))

Point ToPoint(const Columns& columns, const Row& row) {
  Point point;
  if (columns.id >= 0) {
    const Value& id = row[static_cast<size_t>(columns.id)];
    point.id = id.type() == ValueType::kText ? std::string(id.AsText()) : id.ToString();
  }
  point.values.resize(columns.features.size());
  for (size_t i = 0; i < columns.features.size(); ++i) {
    const Value& value = row[columns.features[i]];
    point.values[i] = value.is_number() ? value.AsDouble() : std::nan("");
  }
  return point;
}

bool Fits(double value) { return std::abs(value) <= kMostMagnitude; }  // not NaN

// The driver adds the number of the row and what to do.
std::string Problem(const Columns& columns, const Point& point, size_t column) {
  const double value = point.values[column];
  return StrCat(
      "the value of column '", columns.names[column], "' ",
      std::isnan(value)       ? "is missing"
      : !std::isfinite(value) ? "is not finite"
                              : StrCat("is ", value, ", too large to be squared,"),
      columns.id >= 0 ? StrCat(" in the row of ", columns.id_name, " '", point.id, "'") : std::string());
}

FeatureBlock ToBlock(const Columns& columns, std::span<const Point> points) {
  FeatureBlock block;
  block.rows = static_cast<uint32_t>(points.size());
  block.columns = static_cast<uint32_t>(columns.features.size());
  block.values.reserve(points.size() * columns.features.size());
  for (const Point& point : points) {
    bool finite = true;
    for (double value : point.values) finite = finite && Fits(value);
    for (size_t i = 0; !finite && block.problem.empty() && i < point.values.size(); ++i)
      if (!Fits(point.values[i])) {
        block.problem = Problem(columns, point, i);
        block.problem_row = static_cast<uint32_t>(&point - points.data());
      }
    block.values.insert(block.values.end(), point.values.begin(), point.values.end());
    if (columns.id >= 0) block.ids.push_back(point.id);
  }
  return block;
}

// Blocks of about 256 KiB: they fit a core's cache, and their borders depend on the table's width only.
uint32_t RowsPerBlock(size_t columns) {
  return static_cast<uint32_t>(std::clamp<size_t>((256 << 10) / (8 * std::max<size_t>(columns, 1)), 1, 4096));
}

struct BlockSize {
  uint32_t rows = 0;
  std::string problem;
  uint32_t problem_row = 0;
};
MR_RECORD(BlockSize, MR_NAMED(rows), MR_NAMED(problem), MR_NAMED(problem_row))

struct PlacedRow {
  uint32_t wish = 0;
  std::vector<double> values;
};
MR_RECORD(PlacedRow, MR_NAMED(wish), MR_NAMED(values))

bool IsNumeric(const Column& column) {
  return column.type == ValueType::kDouble || column.type == ValueType::kInt64;
}

size_t ColumnOf(Job& job, const Schema& schema, const std::string& name) {
  const auto at = schema.Find(name);
  if (at.has_value()) return *at;
  const std::string near = Nearest(name, schema.Names());
  job.Fail(
      StrCat("there is no column '", name, "'", near.empty() ? "" : StrCat("; did you mean '", near, "'?")));
}

Columns ChooseColumns(Job& job, const Table& table, const std::string& id,
                      const std::vector<std::string>& names) {
  const Schema& schema = table.schema;
  Columns columns;
  columns.id_name = id;
  if (!id.empty()) columns.id = static_cast<int32_t>(ColumnOf(job, schema, id));
  if (names.empty()) {
    for (size_t i = 0; i < schema.size(); ++i)
      if (static_cast<int32_t>(i) != columns.id && IsNumeric(schema[i]))
        columns.features.push_back(static_cast<uint32_t>(i));
  }
  for (const std::string& name : names) {
    const size_t at = ColumnOf(job, schema, name);
    if (!IsNumeric(schema[at]))
      job.Fail(StrCat("column '", name, "' is not numeric", NoNumberIn(table, at),
                      "; correct it, or leave it out of --features"));
    columns.features.push_back(static_cast<uint32_t>(at));
  }
  if (columns.features.empty())
    job.Fail("the input has no numeric column to work with: one whose first 1,000 values are all numbers");
  for (uint32_t at : columns.features) columns.names.push_back(schema[at].name);
  return columns;
}

}  // namespace

std::vector<uint64_t> Features::FirstRows() const {
  std::vector<uint64_t> first;
  uint64_t next = 0;
  for (uint32_t n : block_rows) {
    first.push_back(next);
    next += n;
  }
  return first;
}

RowPlace Features::Place(uint64_t row) const {
  RowPlace place;
  while (row >= block_rows[place.block]) row -= block_rows[place.block++];
  place.row = static_cast<uint32_t>(row);
  return place;
}

Features MakeFeatures(Job& job, const Table& table, const std::string& id, std::vector<std::string> names) {
  const Columns columns = ChooseColumns(job, table, id, names);
  const auto blocks =
      table.rows
          .Map(
              With(columns), [](const Columns& c, const Row& row) { return ToPoint(c, row); }, "Features")
          .MapBatch<FeatureBlock>(
              RowsPerBlock(columns.features.size()), With(columns),
              [](const Columns& c, std::span<const Point> points, Emitter<FeatureBlock>& out) {
                out(ToBlock(c, points));
              },
              "Blocks")
          .Cache();
  const auto tasks = blocks
                         .Map(
                             [](const FeatureBlock& block) {
                               return BlockSize{block.rows, block.problem, block.problem_row};
                             },
                             "Sizes")
                         .CollectPerTask();
  std::vector<uint64_t> task_blocks;
  for (const std::vector<BlockSize>& task : tasks) task_blocks.push_back(task.size());
  Features features{
      columns.names, columns.id >= 0, id, blocks, blocks.WithRowNumber(task_blocks), {}, task_blocks, 0};
  for (const std::vector<BlockSize>& task : tasks) {
    for (const BlockSize& size : task) {
      if (!size.problem.empty())
        job.Fail(pb::ErrorInfo::BAD_INPUT,
                 StrCat(size.problem, " (row ", features.rows + size.problem_row,
                        ", counted from 0); fill such cells in or correct them, or leave the row or the "
                        "column out"));
      features.block_rows.push_back(size.rows);
      features.rows += size.rows;
    }
  }
  return features;
}

std::vector<std::vector<double>> FetchRows(const Features& features, const std::vector<RowPlace>& places) {
  auto found = features.numbered
                   .FlatMap<PlacedRow>(
                       With(places),
                       [](const std::vector<RowPlace>& wanted, const Numbered<FeatureBlock>& block,
                          Emitter<PlacedRow>& out) {
                         for (uint32_t i = 0; i < wanted.size(); ++i) {
                           if (wanted[i].block != block.row) continue;
                           const double* row = block.record.row(wanted[i].row);
                           out({i, std::vector<double>(row, row + block.record.columns)});
                         }
                       },
                       "FetchRows")
                   .Collect();
  std::vector<std::vector<double>> rows(places.size());
  for (PlacedRow& row : found) rows[row.wish] = std::move(row.values);
  return rows;
}

Table ReadFeatureTable(Job& job, const std::string& input, const std::string& id,
                       const std::vector<std::string>& names, uint64_t split_bytes) {
  TableOptions options;
  options.read.split_bytes = split_bytes;
  if (!names.empty()) {
    options.columns = names;
    if (!id.empty() && std::find(names.begin(), names.end(), id) == names.end())
      options.columns.insert(options.columns.begin(), id);
  }
  if (!id.empty()) options.text = {id};
  options.sample = kFirstRows;
  return job.ReadTable(input, options);
}

std::string NoNumberIn(const Table& table, size_t column) {
  bool any = false;
  for (size_t i = 0; i < table.sample.size(); ++i) {
    if (column >= table.sample[i].size() || table.sample[i][column].is_null()) continue;
    any = true;
    const std::string text = table.sample[i][column].ToString();
    double number = 0;
    if (!ParseDouble(text, &number))
      return StrCat(": ", Quote(text), " in row ", i, " (counted from 0) is no number");
  }
  return any || table.sample.empty()
             ? ""
             : StrCat(": it has no value in the first ", table.sample.size(), " rows");
}

}  // namespace millrace::ml
