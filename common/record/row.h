// A record whose columns are known at run time only (pivot, profile, queries).
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/record/codec.h"
#include "common/record/key.h"
#include "common/record/value.h"

namespace millrace {

// Values by column number. Text values are views into the block the row was read from, unless set with
// SetText or after Own(); a copy of an owning row shares the (immutable) text.
class Row {
 public:
  Row() = default;
  explicit Row(size_t columns) : values_(columns) {}
  Row(std::initializer_list<Value> values) : values_(values) {}
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

  size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  Value& operator[](size_t column) { return values_[column]; }
  const Value& operator[](size_t column) const { return values_[column]; }
  std::vector<Value>& values() { return values_; }
  const std::vector<Value>& values() const { return values_; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  void Add(Value value) { values_.push_back(value); }
  // Text that the row keeps itself.
  void SetText(size_t column, std::string text);
  void AddText(std::string text) {
    values_.emplace_back();
    SetText(values_.size() - 1, std::move(text));
  }
  // Copies all text into the row: it depends on nothing else from here on.
  void Own();

  // Values compare by ==; whose text it is does not matter.
  friend bool operator==(const Row& a, const Row& b) { return a.values_ == b.values_; }

 private:
  std::vector<Value> values_;
  std::vector<std::shared_ptr<const std::string>> text_;
};

// Type byte and content; one to nine bytes for numbers.
template <>
struct Codec<Value> {
  static void Encode(const Value& value, std::string* out);
  static bool Decode(ByteReader& in, Value* value);
};

// Varint count; 0, or 1 and a bitmap of the nulls; then runs of one type: type, varint length, values
// (doubles raw: one copy). Decoded text points into the buffer.
template <>
struct Codec<Row> {
  static void Encode(const Row& row, std::string* out);
  static bool Decode(ByteReader& in, Row* row);
};

// Ordered by type first (null, bool, int64, double, date, timestamp, text), then as the type is: values
// of one column have one type. Type byte, then the key of the content.
template <>
struct KeyCodec<Value> {
  static void Encode(const Value& key, std::string* out);
  static bool Decode(std::string_view* in, KeyArena* arena, Value* key);
};

// Value by value, shorter rows first: 01 before each value, 00 at the end. Text with zero bytes decodes into
// the arena.
template <>
struct KeyCodec<Row> {
  static void Encode(const Row& key, std::string* out) {
    KeyCodec<std::vector<Value>>::Encode(key.values(), out);
  }
  static bool Decode(std::string_view* in, KeyArena* arena, Row* key) {
    std::vector<Value> values;
    if (!KeyCodec<std::vector<Value>>::Decode(in, arena, &values)) return false;
    *key = Row(std::move(values));
    return true;
  }
};

}  // namespace millrace
