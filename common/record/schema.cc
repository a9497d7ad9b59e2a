#include "common/record/schema.h"

namespace millrace {

std::optional<size_t> Schema::Find(std::string_view name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == name) return i;
  }
  return std::nullopt;
}

std::vector<std::string> Schema::Names() const {
  std::vector<std::string> names;
  names.reserve(columns_.size());
  for (const Column& column : columns_) names.push_back(column.name);
  return names;
}

std::string Schema::ToString() const {
  std::string out;
  for (const Column& column : columns_) {
    if (!out.empty()) out += ", ";
    out += column.name;
    out += ' ';
    out += ValueTypeName(column.type);
  }
  return out;
}

bool Codec<Schema>::Decode(ByteReader& in, Schema* schema) {
  std::vector<Column> columns;
  if (!Codec<std::vector<Column>>::Decode(in, &columns)) return false;
  for (const Column& column : columns) {
    if (static_cast<uint8_t>(column.type) > kMaxValueType) return false;
  }
  *schema = Schema(std::move(columns));
  return true;
}

}  // namespace millrace
