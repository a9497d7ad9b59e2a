// Columns known at run time: names and types.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/record/codec.h"
#include "common/record/describe.h"
#include "common/record/value.h"

namespace millrace {

struct Column {
  std::string name;
  ValueType type = ValueType::kText;  // kNull: any
  friend bool operator==(const Column&, const Column&) = default;
};
MR_RECORD(Column, MR_NAMED(name), MR_NAMED(type))

class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Column> columns) : columns_(std::move(columns)) {}

  size_t size() const { return columns_.size(); }
  bool empty() const { return columns_.empty(); }
  const Column& operator[](size_t index) const { return columns_[index]; }
  const std::vector<Column>& columns() const { return columns_; }
  void Add(std::string name, ValueType type) { columns_.push_back({std::move(name), type}); }
  // Index of the first column of that name. Linear.
  std::optional<size_t> Find(std::string_view name) const;
  std::vector<std::string> Names() const;
  // "Symbol text, Date date, Close double".
  std::string ToString() const;

  friend bool operator==(const Schema&, const Schema&) = default;

 private:
  std::vector<Column> columns_;
};

template <>
struct Codec<Schema> {
  static void Encode(const Schema& schema, std::string* out) {
    Codec<std::vector<Column>>::Encode(schema.columns(), out);
  }
  static bool Decode(ByteReader& in, Schema* schema);
};

// The run-time type nearest to a member's: integers int64, floating point double, optionals as their
// content, everything else (enums, lists, records) kNull.
template <typename M>
constexpr ValueType ValueTypeOf() {
  if constexpr (std::is_same_v<M, bool>) {
    return ValueType::kBool;
  } else if constexpr (std::is_integral_v<M>) {
    return ValueType::kInt64;
  } else if constexpr (std::is_floating_point_v<M>) {
    return ValueType::kDouble;
  } else if constexpr (std::is_same_v<M, Date>) {
    return ValueType::kDate;
  } else if constexpr (std::is_same_v<M, Timestamp>) {
    return ValueType::kTimestamp;
  } else if constexpr (std::is_same_v<M, std::string> || std::is_same_v<M, std::string_view>) {
    return ValueType::kText;
  } else if constexpr (
      requires {
        typename M::value_type;
        std::optional<typename M::value_type>(std::declval<M>());
      } &&
      requires(const M& m) { m.has_value(); }) {
    return ValueTypeOf<typename M::value_type>();
  } else {
    return ValueType::kNull;
  }
}
template <DescribedRecord T>
Schema SchemaOf() {
  Schema schema;
  ForEachField<T>([&schema](const auto& field) {
    schema.Add(std::string(field.name), ValueTypeOf<typename std::decay_t<decltype(field)>::Type>());
  });
  return schema;
}

}  // namespace millrace
