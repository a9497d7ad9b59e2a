#include "jobs/ml/encoders.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace millrace::ml {
namespace {

// The kind of a field, and what `written` has to hold for it when the field is no text.
std::string_view KindOf(const Value& field, std::string_view missing, std::string* written) {
  if (field.is_null()) return missing;
  if (field.type() == ValueType::kText) return field.AsText().empty() ? missing : field.AsText();
  *written = field.ToString();
  return *written;
}

struct FieldKind {
  uint32_t column = 0;  // place in the list of columns
  std::string kind;
};
MR_RECORD(FieldKind, MR_NAMED(column), MR_NAMED(kind))

struct KindRows {
  uint32_t column = 0;
  std::string kind;
  uint64_t rows = 0;
};
MR_RECORD(KindRows, MR_NAMED(column), MR_NAMED(kind), MR_NAMED(rows))

std::vector<uint32_t> PlacesOf(Job& job, const Schema& schema, const std::vector<std::string>& columns) {
  std::vector<uint32_t> places;
  for (const std::string& column : columns) {
    const auto at = schema.Find(column);
    if (!at.has_value())
      job.Fail(StrCat("there is no column '", column, "' to encode.", DidYouMean(column, schema.Names())));
    places.push_back(static_cast<uint32_t>(*at));
  }
  return places;
}

Dataset<KindRows> CountKinds(const Table& table, const std::vector<uint32_t>& places,
                             const std::string& missing) {
  return table.rows
      .FlatMap<FieldKind>(
          With(places, missing),
          [](const std::vector<uint32_t>& wanted, const std::string& name, const Row& row,
             Emitter<FieldKind>& out) {
            std::string written;
            for (uint32_t c = 0; c < wanted.size(); ++c)
              out({c, std::string(KindOf(row[wanted[c]], name, &written))});
          },
          "Kinds")
      .KeyBy([](const FieldKind& field) { return std::tuple(field.column, field.kind); },
             [](const FieldKind&) { return uint64_t{1}; })
      .ReduceByKey(Sum{}, "CountKinds")
      .Pairs()
      .Map([](const KeyValue<std::tuple<uint32_t, std::string>, uint64_t>& pair) {
        return KindRows{std::get<0>(pair.key), std::get<1>(pair.key), pair.value};
      })
      .Cache();
}

void CheckKinds(Job& job, const Dataset<KindRows>& kinds, const std::vector<std::string>& columns,
                uint32_t max_kinds) {
  const auto numbers = kinds
                           .KeyBy([](const KindRows& kind) { return kind.column; },
                                  [](const KindRows&) { return uint64_t{1}; })
                           .ReduceByKey(Sum{}, "NumberOfKinds")
                           .Pairs()
                           .Collect();
  for (const auto& [column, number] : numbers)
    if (number > max_kinds)
      job.Fail(pb::ErrorInfo::BAD_INPUT,
               StrCat("column '", columns[column], "' has ", number, " kinds, more than the ", max_kinds,
                      " that an encoded column may have; leave it out, or group its values first"));
}

void SetOrder(CategoryOrder order, Categories* categories) {
  std::vector<uint32_t> at(categories->kinds.size());
  std::iota(at.begin(), at.end(), 0u);
  const std::vector<std::string>& kinds = categories->kinds;
  const std::vector<uint64_t>& rows = categories->rows;
  std::sort(at.begin(), at.end(), [&](uint32_t a, uint32_t b) {
    if (order == CategoryOrder::kFrequency && rows[a] != rows[b]) return rows[a] > rows[b];
    return kinds[a] < kinds[b];
  });
  Categories sorted{categories->column, categories->missing, {}, {}, {}};
  for (const uint32_t i : at) {
    sorted.kinds.push_back(kinds[i]);
    sorted.rows.push_back(rows[i]);
  }
  sorted.by_bytes.resize(at.size());
  std::iota(sorted.by_bytes.begin(), sorted.by_bytes.end(), 0u);
  std::sort(sorted.by_bytes.begin(), sorted.by_bytes.end(),
            [&](uint32_t a, uint32_t b) { return sorted.kinds[a] < sorted.kinds[b]; });
  *categories = std::move(sorted);
}

// What becomes of each column of a table: an index into `categories`, or -1: it stays.
struct Encoding {
  std::vector<int32_t> columns;
  std::vector<Categories> categories;
  std::vector<std::vector<uint32_t>> encoded;  // one-hot: the kinds with a column, per categories
};
MR_RECORD(Encoding, MR_NAMED(columns), MR_NAMED(categories), MR_NAMED(encoded))

Encoding MakeEncoding(const Schema& schema, const std::vector<Categories>& categories) {
  Encoding encoding{std::vector<int32_t>(schema.size(), -1), categories, {}};
  for (size_t i = 0; i < schema.size(); ++i)
    for (size_t c = 0; c < categories.size(); ++c)
      if (schema[i].name == categories[c].column) encoding.columns[i] = static_cast<int32_t>(c);
  return encoding;
}

Row IndexedRow(const Encoding& encoding, const Row& row) {
  Row out(row.size());
  for (size_t i = 0; i < row.size(); ++i) {
    out[i] = row[i];
    if (encoding.columns[i] < 0) continue;
    const auto index = encoding.categories[static_cast<size_t>(encoding.columns[i])].IndexOf(row[i]);
    out[i] = index.has_value() ? Value::Double(*index) : Value::Null();
  }
  return out;
}

Row OneHotRow(const Encoding& encoding, const Row& row) {
  Row out;
  for (size_t i = 0; i < row.size(); ++i) {
    if (encoding.columns[i] < 0) {
      out.Add(row[i]);
      continue;
    }
    const auto c = static_cast<size_t>(encoding.columns[i]);
    const auto index = encoding.categories[c].IndexOf(row[i]);
    for (const uint32_t kind : encoding.encoded[c]) out.Add(Value::Double(index == kind ? 1.0 : 0.0));
  }
  return out;
}

bool IsBlank(const Value& field) {
  return field.is_null() || (field.type() == ValueType::kText && StripBlanks(field.AsText()).empty());
}

// Which columns become numbers, and their names for a complaint.
struct Numbers {
  std::vector<uint32_t> places;
  std::vector<std::string> names;
  double blank = 0;
};
MR_RECORD(Numbers, MR_NAMED(places), MR_NAMED(names), MR_NAMED(blank))

Row NumberRow(const Numbers& numbers, const Row& row) {
  Row out = row;
  for (size_t i = 0; i < numbers.places.size(); ++i) {
    Value& field = out[numbers.places[i]];
    if (IsBlank(field)) {
      field = Value::Double(numbers.blank);
    } else if (field.type() == ValueType::kText) {
      double number = 0;
      if (!ParseDouble(StripBlanks(field.AsText()), &number))
        throw BadInput(StrCat("column '", numbers.names[i], "': ", Quote(field.AsText()),
                              " is not a number; correct it, or leave the column out"));
      field = Value::Double(number);
    }
  }
  return out;
}

struct AddVectors {
  void operator()(std::vector<uint64_t>& into, const std::vector<uint64_t>& more) const {
    for (size_t i = 0; i < into.size(); ++i) into[i] += more[i];
  }
};

}  // namespace

std::optional<double> FirstNumber(std::string_view text) {
  if (text.starts_with("Under ")) return 0.0;
  constexpr std::string_view kDigits = "0123456789";
  const size_t first = text.find_first_of(kDigits);
  if (first == text.npos) return std::nullopt;
  text.remove_prefix(first);
  double number = 0;
  if (!ParseDouble(text.substr(0, text.find_first_not_of(kDigits)), &number)) return std::nullopt;
  return number;
}

std::optional<uint32_t> Categories::IndexOf(const Value& field) const {
  std::string written;
  const std::string_view kind = KindOf(field, missing, &written);
  const auto at = std::lower_bound(by_bytes.begin(), by_bytes.end(), kind,
                                   [this](uint32_t i, std::string_view wanted) { return kinds[i] < wanted; });
  if (at == by_bytes.end() || kinds[*at] != kind) return std::nullopt;
  return *at;
}

std::vector<uint32_t> Categories::Encoded(Drop drop) const {
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < kinds.size(); ++i) {
    const bool dropped = (drop == Drop::kFirst && i == 0) || (drop == Drop::kLast && i + 1 == kinds.size());
    if (!dropped) indices.push_back(i);
  }
  return indices;
}

std::vector<Categories> FitCategories(Job& job, const Table& table, const std::vector<std::string>& columns,
                                      const CategoryOptions& options) {
  std::vector<Categories> all;
  for (const std::string& column : columns) all.push_back({column, options.missing, {}, {}, {}});
  if (columns.empty()) return all;
  const Dataset<KindRows> counts = CountKinds(table, PlacesOf(job, table.schema, columns), options.missing);
  CheckKinds(job, counts, columns, options.max_kinds);
  for (KindRows& count : counts.Collect()) {
    if (count.kind.empty())
      job.Fail(pb::ErrorInfo::BAD_INPUT,
               StrCat("column '", columns[count.column], "' is missing in ", count.rows,
                      count.rows == 1 ? " row" : " rows", "; fill these cells in, or leave the column out"));
    all[count.column].kinds.push_back(std::move(count.kind));
    all[count.column].rows.push_back(count.rows);
  }
  for (Categories& categories : all) SetOrder(options.order, &categories);
  return all;
}

Table IndexTable(const Table& table, const std::vector<Categories>& categories) {
  const Encoding encoding = MakeEncoding(table.schema, categories);
  Schema schema;
  for (size_t i = 0; i < table.schema.size(); ++i)
    schema.Add(table.schema[i].name, encoding.columns[i] < 0 ? table.schema[i].type : ValueType::kDouble);
  return {schema,
          table.rows.Map(
              With(encoding), [](const Encoding& e, const Row& row) { return IndexedRow(e, row); }, "Index")};
}

Table OneHotTable(const Table& table, const std::vector<Categories>& categories, Drop drop) {
  Encoding encoding = MakeEncoding(table.schema, categories);
  for (const Categories& column : categories) encoding.encoded.push_back(column.Encoded(drop));
  Schema schema;
  for (size_t i = 0; i < table.schema.size(); ++i) {
    if (encoding.columns[i] < 0) {
      schema.Add(table.schema[i].name, table.schema[i].type);
      continue;
    }
    const auto c = static_cast<size_t>(encoding.columns[i]);
    for (const uint32_t kind : encoding.encoded[c])
      schema.Add(StrCat(categories[c].column, "=", categories[c].kinds[kind]), ValueType::kDouble);
  }
  return {schema,
          table.rows.Map(
              With(encoding), [](const Encoding& e, const Row& row) { return OneHotRow(e, row); }, "OneHot")};
}

Table NumberTable(Job& job, const Table& table, const std::vector<std::string>& columns, double blank) {
  const Numbers numbers{PlacesOf(job, table.schema, columns), columns, blank};
  std::vector<Column> typed = table.schema.columns();
  for (const uint32_t place : numbers.places) typed[place].type = ValueType::kDouble;
  return {Schema(std::move(typed)),
          table.rows.Map(
              With(numbers), [](const Numbers& n, const Row& row) { return NumberRow(n, row); }, "Numbers")};
}

std::string SomeOf(const std::vector<std::string>& texts) {
  constexpr size_t kShown = 5;
  std::vector<std::string> quoted;
  for (size_t i = 0; i < std::min(kShown, texts.size()); ++i) quoted.push_back(Quote(texts[i]));
  return StrCat(StrJoin(quoted, ", "),
                texts.size() > kShown ? StrCat(" and ", texts.size() - kShown, " more") : std::string());
}

std::vector<uint64_t> CountBlanks(Job& job, const Table& table, const std::vector<std::string>& columns) {
  return table.rows
      .Map(
          With(PlacesOf(job, table.schema, columns)),
          [](const std::vector<uint32_t>& places, const Row& row) {
            std::vector<uint64_t> blanks;
            for (const uint32_t place : places) blanks.push_back(IsBlank(row[place]) ? 1 : 0);
            return blanks;
          },
          "Blanks")
      .Aggregate(AddVectors{}, std::vector<uint64_t>(columns.size()));
}

}  // namespace millrace::ml
