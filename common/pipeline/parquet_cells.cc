#include "common/pipeline/parquet_cells.h"

#include <algorithm>
#include <charconv>

#include "common/pipeline/source.h"

namespace millrace::internal {
namespace {

constexpr size_t kDigits = 20;  // of an int64 with its sign
// Larger dictionaries are turned row by row: the values of an entry take 16 to 36 bytes.
constexpr uint64_t kMostEntries = 1 << 18;

}  // namespace

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == text.npos; }

bool ParseValue(std::string_view text, ValueType type, Value* value) {
  const auto parse = [&](auto number, bool (*parser)(std::string_view, decltype(number)*), auto make) {
    if (!parser(text, &number)) return false;
    *value = make(number);
    return true;
  };
  switch (type) {
    case ValueType::kDouble:
      return parse(double{}, &ParseDouble, &Value::Double);
    case ValueType::kInt64:
      return parse(int64_t{}, &ParseInt64, &Value::Int64);
    case ValueType::kDate:
      return parse(Date{}, &ParseDate, &Value::Day);
    case ValueType::kTimestamp:
      return parse(Timestamp{}, &ParseTimestamp, &Value::Instant);
    case ValueType::kBool:
      return parse(bool{}, &ParseBool, &Value::Bool);
    case ValueType::kText:
    case ValueType::kNull:
      break;
  }
  *value = Value::Text(text);
  return true;
}

ParquetCells::ParquetCells(const RowsSpec& spec, std::vector<std::optional<std::string>> given)
    : spec_(spec), columns_(spec.schema.size()) {
  for (size_t i = 0; i < columns_.size(); ++i) columns_[i].given = std::move(given[i]);
}

void ParquetCells::TakeBatch(const std::vector<io::ParquetColumn>& columns, int64_t rows) {
  bad_.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    const io::ParquetColumn& from = columns[i];
    if (columns_[i].given.has_value()) {
      TakeGiven(i, rows);
    } else {
      if (from.values.codes != nullptr && from.values.dictionary != columns_[i].dictionary)
        TakeDictionary(from, i);
      TakeRows(from, i, rows);
    }
  }
}

void ParquetCells::TakeGiven(size_t column, int64_t rows) {
  Column& to = columns_[column];
  to.rows.texts.resize(1);
  Value value;
  if (!Fit(to.given->empty() ? Value::Null() : Value::Text(*to.given), spec_.schema[column].type,
           &to.rows.texts[0], &value))
    for (int64_t row = 0; row < rows; ++row) SetBad(static_cast<size_t>(row), column, rows);
  to.rows.values.assign(static_cast<size_t>(rows), value);
  to.values = to.rows.values.data();
}

// Turns all entries, where they fit into what all dictionaries may hold, and gives them codes.
void ParquetCells::TakeDictionary(const io::ParquetColumn& from, size_t column) {
  Column& to = columns_[column];
  const uint32_t count = from.values.entries;
  held_ -= to.held;
  to.held = held_ + count <= kMostEntries ? count : 0;
  to.dictionary = from.values.dictionary;
  to.first_code = 0;
  to.entries.sizes.clear();
  if (to.held == 0) return;
  held_ += count;
  if (count <= Value::kMaxCode - next_code_) {
    to.first_code = next_code_;
    next_code_ += count;
  }
  const ValueType type = spec_.schema[column].type;
  if (type == ValueType::kText && from.type == ValueType::kInt64) {
    const auto* integers = static_cast<const int64_t*>(from.values.values);
    to.entries.bad.clear();
    to.entries.digits.resize(count * kDigits);
    to.entries.sizes.resize(count);
    for (size_t i = 0; i < count; ++i) {
      char* begin = to.entries.digits.data() + i * kDigits;
      to.entries.sizes[i] =
          static_cast<uint8_t>(std::to_chars(begin, begin + kDigits, integers[i]).ptr - begin);
    }
    return;
  }
  Turn(
      from, type, count, [](size_t) { return false; }, [](size_t i) { return i; }, &to.entries);
}

void ParquetCells::TakeRows(const io::ParquetColumn& from, size_t column, int64_t rows) {
  Column& to = columns_[column];
  if (from.values.codes != nullptr && to.held > 0) {
    TakeEntries(from, column, rows);
  } else {
    Turn(
        from, spec_.schema[column].type, static_cast<size_t>(rows),
        [&](size_t i) { return from.missing(static_cast<int64_t>(i)); },
        [&](size_t i) { return static_cast<size_t>(from.Place(static_cast<int64_t>(i))); }, &to.rows);
    for (size_t i = 0; i < to.rows.bad.size(); ++i)
      if (to.rows.bad[i] != 0) SetBad(i, column, rows);
  }
  to.values = to.rows.values.data();
}

// Rows out of the entries at hand.
void ParquetCells::TakeEntries(const io::ParquetColumn& from, size_t column, int64_t rows) {
  Column& to = columns_[column];
  const auto count = static_cast<size_t>(rows);
  std::vector<Value>& values = to.rows.values;
  values.resize(count);
  const auto each = [&](const auto& value_of) {
    for (size_t i = 0; i < count; ++i) {
      if (from.values.missing[i] != 0) {
        values[i] = Value::Null();
        continue;
      }
      const uint32_t entry = from.values.codes[i];
      values[i] = value_of(entry);
      if (to.first_code != 0 && values[i].type() == ValueType::kText)
        values[i].set_code(to.first_code + entry);
    }
  };
  if (!to.entries.sizes.empty()) {
    const char* digits = to.entries.digits.data();
    const uint8_t* sizes = to.entries.sizes.data();
    return each([=](uint32_t entry) { return Value::Text({digits + entry * kDigits, sizes[entry]}); });
  }
  each([entries = to.entries.values.data()](uint32_t entry) { return entries[entry]; });
  const std::vector<uint8_t>& bad = to.entries.bad;
  for (size_t i = 0; !bad.empty() && i < count; ++i)
    if (from.values.missing[i] == 0 && bad[from.values.codes[i]] != 0) SetBad(i, column, rows);
}

// First what most columns are; then whole numbers as real ones, anything as text, texts that are parsed.
template <typename MissingFn, typename PlaceFn>
void ParquetCells::Turn(const io::ParquetColumn& from, ValueType type, size_t count, const MissingFn& missing,
                        const PlaceFn& place, Turned* into) const {
  into->bad.clear();
  into->values.assign(count, Value::Null());
  const auto each = [&](const auto& f) {
    for (size_t i = 0; i < count; ++i)
      if (!missing(i)) f(i, place(i));
  };
  if (type == ValueType::kDouble && from.type == ValueType::kDouble) {
    const auto* reals = static_cast<const double*>(from.values.values);
    each([&](size_t i, size_t at) { into->values[i] = Value::Double(reals[at]); });
  } else if (type == ValueType::kText && from.type == ValueType::kText && !spec_.blank_missing) {
    const auto* texts = static_cast<const io::parquet_plugin::Text*>(from.values.values);
    each([&](size_t i, size_t at) { into->values[i] = Value::Text({texts[at].data, texts[at].size}); });
  } else if (type == ValueType::kText && from.type == ValueType::kInt64) {  // ids, mostly
    const auto* integers = static_cast<const int64_t*>(from.values.values);
    into->digits.resize(count * kDigits);
    each([&](size_t i, size_t at) {
      char* begin = into->digits.data() + i * kDigits;
      const char* end = std::to_chars(begin, begin + kDigits, integers[at]).ptr;
      into->values[i] = Value::Text({begin, static_cast<size_t>(end - begin)});
    });
  } else {
    if (into->texts.size() < count) into->texts.resize(count);
    each([&](size_t i, size_t at) {
      if (Fit(from.At(static_cast<int64_t>(at)).AsValue(), type, &into->texts[i], &into->values[i])) return;
      into->bad.resize(count);
      into->bad[i] = 1;
    });
  }
}

bool ParquetCells::Fit(Value value, ValueType type, std::string* text, Value* out) const {
  const bool blank = value.type() == ValueType::kText && spec_.blank_missing && IsBlank(value.AsText());
  if (type == ValueType::kNull)
    type = value.is_number()                  ? ValueType::kDouble
           : value.type() == ValueType::kBool ? ValueType::kBool
                                              : ValueType::kText;
  if (value.is_null() || blank) {
    value = Value::Null();
  } else if (type == ValueType::kDouble && value.is_number()) {
    value = Value::Double(value.AsDouble());
  } else if (value.type() != type) {
    text->clear();
    value.AppendTo(text);
    if (!ParseValue(*text, type, &value)) return false;
  }
  *out = value;
  return true;
}

void ParquetCells::SetBad(size_t row, size_t column, int64_t rows) {
  if (bad_.empty()) bad_.assign(static_cast<size_t>(rows), kFits);
  bad_[row] = std::min(bad_[row], static_cast<uint32_t>(column));
}

}  // namespace millrace::internal
