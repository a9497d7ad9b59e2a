#include "common/record/row.h"

#include <cstring>

namespace millrace {

void Row::SetText(size_t column, std::string text) {
  text_.push_back(std::make_shared<const std::string>(std::move(text)));
  values_[column] = Value::Text(*text_.back());
}

void Row::Own() {
  size_t size = 0;
  for (const Value& value : values_) {
    if (value.type() == ValueType::kText) size += value.AsText().size();
  }
  auto text = std::make_shared<std::string>();
  text->reserve(size);  // never grows: the views below stay good
  for (Value& value : values_) {
    if (value.type() != ValueType::kText) continue;
    const size_t start = text->size();
    const size_t length = value.AsText().size();
    text->append(value.AsText());
    value = Value::Text({text->data() + start, length});
  }
  text_.clear();
  if (size > 0) text_.push_back(std::move(text));
}

namespace {
void EncodeContent(const Value& value, std::string* out) {
  switch (value.type()) {
    case ValueType::kNull:
      return;
    case ValueType::kBool:
      return Codec<bool>::Encode(value.AsBool(), out);
    case ValueType::kInt64:
      return Codec<int64_t>::Encode(value.AsInt64(), out);
    case ValueType::kDouble:
      return PutFixed(value.AsDouble(), out);
    case ValueType::kDate:
      return PutFixed(value.AsDate(), out);
    case ValueType::kTimestamp:
      return PutFixed(value.AsTimestamp(), out);
    case ValueType::kText:
      return PutText(value.AsText(), out);
  }
}

template <typename T>
bool Take(ByteReader& in, Value (*make)(T), Value* value) {
  T content{};
  if (!Codec<T>::Decode(in, &content)) return false;
  *value = make(content);
  return true;
}

bool DecodeContent(ByteReader& in, ValueType type, Value* value) {
  switch (type) {
    case ValueType::kNull:
      *value = Value::Null();
      return true;
    case ValueType::kBool:
      return Take<bool>(in, &Value::Bool, value);
    case ValueType::kInt64:
      return Take<int64_t>(in, &Value::Int64, value);
    case ValueType::kDouble:
      return Take<double>(in, &Value::Double, value);
    case ValueType::kDate:
      return Take<Date>(in, &Value::Day, value);
    case ValueType::kTimestamp:
      return Take<Timestamp>(in, &Value::Instant, value);
    case ValueType::kText: {
      std::string_view text;
      if (!in.Text(&text) || text.size() > UINT32_MAX) return false;
      *value = Value::Text(text);
      return true;
    }
  }
  return false;
}

bool TakeType(ByteReader& in, ValueType* type) {
  uint8_t byte;
  if (!in.Fixed(&byte) || byte > kMaxValueType) return false;
  *type = static_cast<ValueType>(byte);
  return true;
}

// Appends the run of `type` that starts at value `at`, nulls left out; returns where the next one starts.
size_t EncodeRun(const std::vector<Value>& values, size_t at, std::string* out) {
  const ValueType type = values[at].type();
  size_t end = at, length = 0;
  for (; end < values.size() && (values[end].is_null() || values[end].type() == type); ++end) {
    length += values[end].is_null() ? 0 : 1;
  }
  out->push_back(static_cast<char>(type));
  PutVarint(length, out);
  if (type == ValueType::kDouble) {
    const size_t start = out->size();
    out->resize(start + length * sizeof(double));
    char* to = out->data() + start;
    for (size_t i = at; i < end; ++i) {
      if (values[i].is_null()) continue;
      const double number = values[i].AsDouble();
      std::memcpy(to, &number, sizeof(number));
      to += sizeof(number);
    }
  } else {
    for (size_t i = at; i < end; ++i) EncodeContent(values[i], out);
  }
  return end;
}
}  // namespace

void Codec<Value>::Encode(const Value& value, std::string* out) {
  out->push_back(static_cast<char>(value.type()));
  EncodeContent(value, out);
}

bool Codec<Value>::Decode(ByteReader& in, Value* value) {
  ValueType type;
  return TakeType(in, &type) && DecodeContent(in, type, value);
}

void Codec<Row>::Encode(const Row& row, std::string* out) {
  const std::vector<Value>& values = row.values();
  PutVarint(values.size(), out);
  size_t nulls = 0;
  for (const Value& value : values) nulls += value.is_null() ? 1 : 0;
  out->push_back(nulls > 0 ? 1 : 0);
  if (nulls > 0) {
    const size_t start = out->size();
    out->resize(start + (values.size() + 7) / 8, '\0');
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].is_null())
        (*out)[start + i / 8] = static_cast<char>((*out)[start + i / 8] | (1 << (i % 8)));
    }
  }
  for (size_t at = 0; at < values.size();) {
    if (values[at].is_null()) {
      ++at;
    } else {
      at = EncodeRun(values, at, out);
    }
  }
}

bool Codec<Row>::Decode(ByteReader& in, Row* row) {
  uint64_t size;
  bool has_nulls;
  if (!in.Varint(&size) || !Codec<bool>::Decode(in, &has_nulls)) return false;
  std::string_view nulls;
  if (has_nulls ? !in.Bytes(size / 8 + (size % 8 != 0 ? 1 : 0), &nulls) : size > in.remaining()) return false;
  const auto is_null = [&](size_t i) { return has_nulls && ((nulls[i / 8] >> (i % 8)) & 1) != 0; };
  Row out(static_cast<size_t>(size));
  uint64_t run = 0;
  ValueType type = ValueType::kNull;
  for (size_t i = 0; i < size; ++i) {
    if (is_null(i)) continue;
    if (run == 0 && (!TakeType(in, &type) || type == ValueType::kNull || !in.Varint(&run) || run == 0))
      return false;
    --run;
    if (!DecodeContent(in, type, &out[i])) return false;
  }
  if (run != 0) return false;
  *row = std::move(out);
  return true;
}

void KeyCodec<Value>::Encode(const Value& key, std::string* out) {
  out->push_back(static_cast<char>(key.type()));
  switch (key.type()) {
    case ValueType::kNull:
      return;
    case ValueType::kBool:
      return KeyCodec<bool>::Encode(key.AsBool(), out);
    case ValueType::kInt64:
      return KeyCodec<int64_t>::Encode(key.AsInt64(), out);
    case ValueType::kDouble:
      return KeyCodec<double>::Encode(key.AsDouble(), out);
    case ValueType::kDate:
      return KeyCodec<Date>::Encode(key.AsDate(), out);
    case ValueType::kTimestamp:
      return KeyCodec<Timestamp>::Encode(key.AsTimestamp(), out);
    case ValueType::kText:
      return KeyCodec<std::string_view>::Encode(key.AsText(), out);
  }
}

namespace {
template <typename T>
bool TakeKey(std::string_view* in, KeyArena* arena, Value (*make)(T), Value* key) {
  T content{};
  if (!KeyCodec<T>::Decode(in, arena, &content)) return false;
  *key = make(content);
  return true;
}
}  // namespace

bool KeyCodec<Value>::Decode(std::string_view* in, KeyArena* arena, Value* key) {
  if (in->empty() || static_cast<uint8_t>(in->front()) > kMaxValueType) return false;
  const ValueType type = static_cast<ValueType>(in->front());
  in->remove_prefix(1);
  switch (type) {
    case ValueType::kNull:
      *key = Value::Null();
      return true;
    case ValueType::kBool:
      return TakeKey<bool>(in, arena, &Value::Bool, key);
    case ValueType::kInt64:
      return TakeKey<int64_t>(in, arena, &Value::Int64, key);
    case ValueType::kDouble:
      return TakeKey<double>(in, arena, &Value::Double, key);
    case ValueType::kDate:
      return TakeKey<Date>(in, arena, &Value::Day, key);
    case ValueType::kTimestamp:
      return TakeKey<Timestamp>(in, arena, &Value::Instant, key);
    case ValueType::kText:
      return TakeKey<std::string_view>(in, arena, &Value::Text, key);
  }
  return false;
}

}  // namespace millrace
