#include "common/io/parquet_plugin/columns.h"

#include <arrow/util/decimal.h>
#include <parquet/exception.h>
#include <parquet/types.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace millrace::io::parquet_plugin {
namespace {

using parquet::ByteArray;
using parquet::FixedLenByteArray;
using parquet::Int96;
using parquet::ParquetException;

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int32_t kInt96EpochDay = 2440588;  // Julian day of 1970-01-01

// How a physical value becomes ours.
enum class Form { kPlain, kUnsigned, kMillis, kMicros, kNanos, kDecimal };

Form FormOf(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  if (logical == nullptr) return Form::kPlain;
  if (logical->is_decimal()) return Form::kDecimal;
  if (logical->is_int()) {
    const auto& integer = static_cast<const parquet::IntLogicalType&>(*logical);
    return integer.is_signed() ? Form::kPlain : Form::kUnsigned;
  }
  if (!logical->is_timestamp()) return Form::kPlain;
  switch (static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return Form::kMillis;
    case parquet::LogicalType::TimeUnit::NANOS:
      return Form::kNanos;
    default:
      return Form::kMicros;
  }
}

int64_t MicrosOfNanos(int64_t nanos) {
  if (nanos % 1000 != 0)
    throw ParquetException("an instant has nanoseconds, and only microseconds can be kept");
  return nanos / 1000;
}

std::string DecimalText(const uint8_t* bytes, int32_t size, int32_t scale) {
  auto decimal = arrow::Decimal256::FromBigEndian(bytes, size);
  if (!decimal.ok()) throw ParquetException("a decimal number of ", size, " bytes cannot be read");
  return decimal->ToString(scale);
}

struct Rules {
  Form form = Form::kPlain;
  int32_t length = 0, scale = 0;
};

int64_t Integer(const Rules& rules, int64_t value) {
  switch (rules.form) {
    case Form::kMillis: {
      int64_t micros;
      if (__builtin_mul_overflow(value, int64_t{1000}, &micros))
        throw ParquetException("an instant is out of range");
      return micros;
    }
    case Form::kNanos:
      return MicrosOfNanos(value);
    case Form::kUnsigned:
      if (value < 0) throw ParquetException("an unsigned number is over 9223372036854775807");
      return value;
    default:
      return value;
  }
}
int64_t Integer(const Rules& rules, int32_t value) {
  return rules.form == Form::kUnsigned ? int64_t{static_cast<uint32_t>(value)}
                                       : Integer(rules, int64_t{value});
}
int64_t Integer(const Rules&, const Int96& value) {
  int64_t nanos;
  std::memcpy(&nanos, &value, sizeof(nanos));
  return (static_cast<int64_t>(value.value[2]) - kInt96EpochDay) * kMicrosPerDay + MicrosOfNanos(nanos);
}

std::string DecimalOf(const Rules& rules, int64_t value) {
  return arrow::Decimal128(value).ToString(rules.scale);
}
std::string DecimalOf(const Rules& rules, const ByteArray& value) {
  return DecimalText(value.ptr, static_cast<int32_t>(value.len), rules.scale);
}
std::string DecimalOf(const Rules& rules, const FixedLenByteArray& value) {
  return DecimalText(value.ptr, rules.length, rules.scale);
}

// Out of the physical type of DType, into entries of T. Texts stay where Parquet has them, where they stay
// long enough; others go to an arena.
template <typename DType, typename T>
class TypedValues : public ColumnValues {
 public:
  using Physical = typename DType::c_type;
  explicit TypedValues(const parquet::ColumnDescriptor& column)
      : rules_{FormOf(column), column.type_length(), column.type_scale()},
        max_level_(column.max_definition_level()) {}

  void Begin(std::shared_ptr<parquet::ColumnReader> reader, uint64_t dictionary) override {
    reader_ = std::move(reader);
    const bool exposed = reader_->GetExposedEncoding() == parquet::ExposedEncoding::DICTIONARY;
    dictionary_ = exposed ? dictionary : 0;
    loaded_ = false;
    values_.clear();
  }

  int64_t Next(uint32_t most) override {
    levels_.resize(most);
    missing_.resize(most);
    return dictionary_ != 0 ? NextCodes(most) : NextValues(most);
  }

  Values values() const override {
    Values values{missing_.data(), values_.data()};
    if (dictionary_ != 0) {
      values.codes = codes_.data();
      values.entries = static_cast<uint32_t>(values_.size());
      values.dictionary = dictionary_;
    }
    return values;
  }

 private:
  // vector<bool> has no array inside.
  using Stored = std::conditional_t<std::is_same_v<Physical, bool>, uint8_t, Physical>;
  static constexpr bool kBytes = std::is_same_v<Physical, ByteArray>;
  Physical* Buffer() { return reinterpret_cast<Physical*>(physical_.data()); }
  parquet::TypedColumnReader<DType>& reader() {
    return static_cast<parquet::TypedColumnReader<DType>&>(*reader_);
  }

  int64_t NextValues(uint32_t most) {
    physical_.resize(most);
    values_.resize(most);
    arena_.clear();
    int64_t rows = 0;
    // A batch ends with a page, and the bytes of texts are gone with it: but for the last page of the batch
    // they are copied.
    while (rows < most && reader().HasNext()) {
      int64_t present = 0;
      const int64_t got = reader().ReadBatch(most - rows, levels_.data(), nullptr, Buffer(), &present);
      if (got == 0) break;
      Take(rows, got, present, /*stays=*/rows + got == most);
      rows += got;
    }
    SetOffsets(rows);
    return rows;
  }

  // The indices come unchecked.
  int64_t NextCodes(uint32_t most) {
    codes_.resize(most);
    indices_.resize(most);
    int64_t rows = 0;
    while (rows < most && reader().HasNext()) {
      int64_t present = 0;
      const Physical* dictionary = nullptr;
      int32_t entries = 0;
      const int64_t got = reader().ReadBatchWithDictionary(most - rows, levels_.data(), nullptr,
                                                           indices_.data(), &present, &dictionary, &entries);
      if (got == 0) break;
      if (!loaded_) Load(dictionary, entries);
      TakeCodes(rows, got, present);
      rows += got;
    }
    return rows;
  }

  void Load(const Physical* dictionary, int32_t entries) {
    loaded_ = true;
    arena_.clear();
    values_.resize(static_cast<size_t>(entries));
    copied_.assign(values_.size(), 0);
    for (size_t i = 0; i < values_.size(); ++i) Set(dictionary[i], /*stays=*/true, i);
    SetOffsets(entries);
  }

  void TakeCodes(int64_t first, int64_t rows, int64_t present) {
    const auto entries = static_cast<uint32_t>(values_.size());
    uint32_t greatest = 0;
    for (int64_t i = 0; i < present; ++i) greatest = std::max(greatest, static_cast<uint32_t>(indices_[i]));
    if (present > 0 && greatest >= entries)
      throw ParquetException("a page names entry ", greatest, " of a dictionary of ", entries);
    if (present == rows) {
      std::memset(missing_.data() + first, 0, static_cast<size_t>(rows));
      std::memcpy(codes_.data() + first, indices_.data(), static_cast<size_t>(rows) * sizeof(uint32_t));
      return;
    }
    EachRow(first, rows, present, [&](int64_t row, int64_t next) {
      codes_[row] = next < 0 ? 0 : static_cast<uint32_t>(indices_[next]);
    });
  }

  // f(row, place among the present ones, or -1)
  template <typename F>
  void EachRow(int64_t first, int64_t rows, int64_t present, const F& f) {
    int64_t next = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const bool missing = max_level_ > 0 && levels_[i] < max_level_;
      missing_[first + i] = missing;
      if (!missing && next >= present) throw ParquetException("a page has fewer values than it says");
      f(first + i, missing ? -1 : next++);
    }
  }

  void Take(int64_t first, int64_t rows, int64_t present, bool stays) {
    if constexpr (std::is_same_v<T, Text>) copied_.resize(values_.size());
    EachRow(first, rows, present, [&](int64_t row, int64_t next) {
      if (next >= 0) return Set(physical_[next], stays, static_cast<size_t>(row));
      values_[row] = T{};
      if constexpr (std::is_same_v<T, Text>) copied_[row] = 0;
    });
  }

  void Set(const Stored& value, bool stays, size_t at) {
    if constexpr (std::is_same_v<T, Text>) {
      if constexpr (kBytes) {
        if (stays && rules_.form != Form::kDecimal) {
          copied_[at] = 0;
          values_[at] = Text{reinterpret_cast<const char*>(value.ptr), value.len};
          return;
        }
      }
      const size_t begin = arena_.size();
      if constexpr (kBytes) {
        if (rules_.form == Form::kDecimal) {
          arena_ += DecimalOf(rules_, value);
        } else {
          arena_.append(reinterpret_cast<const char*>(value.ptr), value.len);
        }
      } else {
        arena_ += DecimalOf(rules_, value);
      }
      copied_[at] = 1;
      values_[at] = Text{reinterpret_cast<const char*>(begin), arena_.size() - begin};  // an offset for now
    } else if constexpr (std::is_same_v<T, int64_t>) {
      values_[at] = Integer(rules_, value);
    } else {
      values_[at] = static_cast<T>(value);
    }
  }

  // The arena does not move any more.
  void SetOffsets(int64_t count) {
    if constexpr (std::is_same_v<T, Text>) {
      if (arena_.empty()) return;
      for (int64_t i = 0; i < count; ++i)
        if (copied_[i] != 0) values_[i].data = arena_.data() + reinterpret_cast<uintptr_t>(values_[i].data);
    }
  }

  const Rules rules_;
  const int16_t max_level_;
  std::shared_ptr<parquet::ColumnReader> reader_;
  uint64_t dictionary_ = 0;  // 0: the rows' values come one by one
  bool loaded_ = false;      // values_ are the dictionary's
  std::vector<int16_t> levels_;
  std::vector<Stored> physical_;
  std::vector<int32_t> indices_;
  std::vector<uint8_t> missing_, copied_;  // copied_: into the arena
  std::vector<uint32_t> codes_;
  std::vector<T> values_;
  std::string arena_;
};

template <typename DType>
std::unique_ptr<ColumnValues> MakeInteger(const parquet::ColumnDescriptor& column) {
  if (TypeOf(column) == Type::kDecimal) return std::make_unique<TypedValues<DType, Text>>(column);
  return std::make_unique<TypedValues<DType, int64_t>>(column);
}

template <typename DType>
void WriteTyped(parquet::ColumnWriter* writer, const std::vector<int16_t>& levels,
                const std::vector<typename DType::c_type>& present) {
  static_cast<parquet::TypedColumnWriter<DType>*>(writer)->WriteBatch(static_cast<int64_t>(levels.size()),
                                                                      levels.data(), nullptr, present.data());
}

}  // namespace

Type TypeOf(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  const bool plain = logical == nullptr || logical->is_none() || !logical->is_valid();
  if (logical != nullptr && logical->is_decimal())
    return column.physical_type() == parquet::Type::INT96 ? Type::kOther : Type::kDecimal;
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      return Type::kBool;
    case parquet::Type::INT32:
      return logical != nullptr && logical->is_date() ? Type::kDate
             : plain || logical->is_int()             ? Type::kInt64
                                                      : Type::kOther;
    case parquet::Type::INT64:
      return logical != nullptr && logical->is_timestamp() ? Type::kTimestamp
             : plain || logical->is_int()                  ? Type::kInt64
                                                           : Type::kOther;
    case parquet::Type::INT96:
      return Type::kTimestamp;
    case parquet::Type::FLOAT:
    case parquet::Type::DOUBLE:
      return Type::kDouble;
    case parquet::Type::BYTE_ARRAY:
      return plain || logical->is_string() || logical->is_enum() || logical->is_JSON() ? Type::kText
                                                                                       : Type::kOther;
    default:
      return Type::kOther;
  }
}

std::string DeclaredType(const parquet::ColumnDescriptor& column) {
  std::string text = parquet::TypeToString(column.physical_type(), column.type_length());
  if (const auto& logical = column.logical_type(); logical != nullptr && !logical->is_none())
    text += " " + logical->ToString();
  if (column.max_repetition_level() > 0) text += ", repeated";
  return text;
}

std::unique_ptr<ColumnValues> ColumnValues::Make(const parquet::ColumnDescriptor& column) {
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      return std::make_unique<TypedValues<parquet::BooleanType, uint8_t>>(column);
    case parquet::Type::INT32:
      return MakeInteger<parquet::Int32Type>(column);
    case parquet::Type::INT64:
      return MakeInteger<parquet::Int64Type>(column);
    case parquet::Type::INT96:
      return std::make_unique<TypedValues<parquet::Int96Type, int64_t>>(column);
    case parquet::Type::FLOAT:
      return std::make_unique<TypedValues<parquet::FloatType, double>>(column);
    case parquet::Type::DOUBLE:
      return std::make_unique<TypedValues<parquet::DoubleType, double>>(column);
    case parquet::Type::BYTE_ARRAY:
      return std::make_unique<TypedValues<parquet::ByteArrayType, Text>>(column);
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return std::make_unique<TypedValues<parquet::FLBAType, Text>>(column);
    default:
      throw ParquetException("a column of an unknown type");
  }
}

Limits LimitsOf(const parquet::ColumnDescriptor& column, const parquet::Statistics& statistics,
                std::vector<std::string>* texts) {
  Limits limits{};
  if (statistics.HasNullCount() && statistics.num_values() == 0) limits.known = limits.all_missing = true;
  if (!statistics.HasMinMax()) return limits;
  const Rules rules{FormOf(column), column.type_length(), column.type_scale()};
  const auto integers = [&](const auto& typed) {
    limits.least_integer = Integer(rules, typed.min());
    limits.greatest_integer = Integer(rules, typed.max());
    limits.known = true;
  };
  const Type type = TypeOf(column);
  if (type == Type::kBool) {
    const auto& typed = static_cast<const parquet::BoolStatistics&>(statistics);
    limits.least_integer = typed.min();
    limits.greatest_integer = typed.max();
    limits.known = true;
  } else if (type == Type::kText) {
    const auto& typed = static_cast<const parquet::ByteArrayStatistics&>(statistics);
    *texts = {std::string(reinterpret_cast<const char*>(typed.min().ptr), typed.min().len),
              std::string(reinterpret_cast<const char*>(typed.max().ptr), typed.max().len)};
    limits.least_text = {(*texts)[0].data(), (*texts)[0].size()};
    limits.greatest_text = {(*texts)[1].data(), (*texts)[1].size()};
    limits.known = true;
  } else if (type == Type::kDouble && column.physical_type() == parquet::Type::DOUBLE) {
    const auto& typed = static_cast<const parquet::DoubleStatistics&>(statistics);
    limits.least_real = typed.min();
    limits.greatest_real = typed.max();
    limits.known = true;
  } else if (type == Type::kDouble) {
    const auto& typed = static_cast<const parquet::FloatStatistics&>(statistics);
    limits.least_real = typed.min();
    limits.greatest_real = typed.max();
    limits.known = true;
  } else if (type != Type::kDecimal && column.physical_type() == parquet::Type::INT32) {
    integers(static_cast<const parquet::Int32Statistics&>(statistics));
  } else if (type != Type::kDecimal && column.physical_type() == parquet::Type::INT64 &&
             rules.form != Form::kNanos) {
    integers(static_cast<const parquet::Int64Statistics&>(statistics));
  }
  return limits;
}

parquet::schema::NodePtr NodeFor(const Column& column) {
  using parquet::LogicalType;
  using parquet::schema::PrimitiveNode;
  const auto node = [&](std::shared_ptr<const LogicalType> logical, parquet::Type::type physical) {
    return PrimitiveNode::Make(column.name, parquet::Repetition::OPTIONAL, std::move(logical), physical);
  };
  switch (column.type) {
    case Type::kBool:
      return node(LogicalType::None(), parquet::Type::BOOLEAN);
    case Type::kInt64:
      return node(LogicalType::Int(64, true), parquet::Type::INT64);
    case Type::kDouble:
      return node(LogicalType::None(), parquet::Type::DOUBLE);
    case Type::kDate:
      return node(LogicalType::Date(), parquet::Type::INT32);
    case Type::kTimestamp:
      return node(LogicalType::Timestamp(true, LogicalType::TimeUnit::MICROS), parquet::Type::INT64);
    default:
      return node(LogicalType::String(), parquet::Type::BYTE_ARRAY);
  }
}

uint64_t WriteValues(parquet::ColumnWriter* writer, Type type, const Values& values, uint32_t rows) {
  std::vector<int16_t> levels(rows);
  for (uint32_t i = 0; i < rows; ++i) levels[i] = values.missing[i] == 0;
  uint64_t bytes = rows;
  const auto write = [&]<typename DType, typename From>(const DType*, const From* from, const auto& convert) {
    std::vector<typename DType::c_type> present;
    if constexpr (std::is_same_v<typename DType::c_type, bool>) {
      const std::unique_ptr<bool[]> flags(new bool[rows]);
      uint32_t n = 0;
      for (uint32_t i = 0; i < rows; ++i)
        if (levels[i] != 0) flags[n++] = convert(from[i]);
      static_cast<parquet::BoolWriter*>(writer)->WriteBatch(rows, levels.data(), nullptr, flags.get());
    } else {
      present.reserve(rows);
      for (uint32_t i = 0; i < rows; ++i)
        if (levels[i] != 0) present.push_back(convert(from[i]));
      bytes += present.size() * sizeof(From);
      WriteTyped<DType>(writer, levels, present);
    }
  };
  const auto same = [](auto value) { return value; };
  const auto* integers = static_cast<const int64_t*>(values.values);
  switch (type) {
    case Type::kBool:
      write(static_cast<parquet::BooleanType*>(nullptr), static_cast<const uint8_t*>(values.values),
            [](uint8_t value) { return value != 0; });
      break;
    case Type::kDate:
      write(static_cast<parquet::Int32Type*>(nullptr), integers,
            [](int64_t value) { return static_cast<int32_t>(value); });
      break;
    case Type::kInt64:
    case Type::kTimestamp:
      write(static_cast<parquet::Int64Type*>(nullptr), integers, same);
      break;
    case Type::kDouble:
      write(static_cast<parquet::DoubleType*>(nullptr), static_cast<const double*>(values.values), same);
      break;
    default:
      write(static_cast<parquet::ByteArrayType*>(nullptr), static_cast<const Text*>(values.values),
            [&](const Text& text) {
              bytes += text.size;
              return ByteArray(static_cast<uint32_t>(text.size), reinterpret_cast<const uint8_t*>(text.data));
            });
  }
  return bytes;
}

}  // namespace millrace::io::parquet_plugin
