// Describing a struct once, after it and in its namespace:
//
//   struct Bar { std::string_view symbol; Date date; std::optional<double> close; };
//   MR_RECORD(Bar, MR_FIELD(symbol, "Symbol"), MR_FIELD(date, "Date"), MR_NAMED(close))
//
// gives its codec, schema, CSV and JSON binding. Members that are not named do not travel.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/record/date.h"

namespace millrace {

// One described member: column name and pointer to member.
template <typename Class, typename Member>
struct Field {
  using Type = Member;
  std::string_view name;
  Member Class::*member;
};

template <typename Record, typename... FieldTypes>
struct RecordFields {
  using RecordType = Record;
  std::string_view record_name;
  std::tuple<FieldTypes...> fields;
};

template <typename Class, typename Member>
constexpr Field<Class, Member> MakeField(std::string_view name, Member Class::*member) {
  return {name, member};
}
template <typename Record, typename... FieldTypes>
constexpr RecordFields<Record, FieldTypes...> MakeFields(std::string_view record_name, FieldTypes... fields) {
  return {record_name, std::tuple<FieldTypes...>(fields...)};
}

// In the namespace of `Type`, outside functions.
#define MR_RECORD(Type, ...)                                                      \
  [[maybe_unused]] inline constexpr auto MrFields([[maybe_unused]] const Type*) { \
    using MrSelf [[maybe_unused]] = Type;                                         \
    return ::millrace::MakeFields<Type>(#Type __VA_OPT__(, ) __VA_ARGS__);        \
  }
#define MR_FIELD(member, name) ::millrace::MakeField(name, &MrSelf::member)
#define MR_NAMED(member) ::millrace::MakeField(#member, &MrSelf::member)

// T itself (not a base of it) was described.
template <typename T>
concept DescribedRecord = std::is_class_v<T> && requires {
  requires std::same_as<typename decltype(MrFields(static_cast<const T*>(nullptr)))::RecordType, T>;
};

// std::tuple of Field<T, Member>, in the order of the description.
template <DescribedRecord T>
constexpr auto FieldsOf() {
  return MrFields(static_cast<const T*>(nullptr)).fields;
}
template <DescribedRecord T>
inline constexpr size_t kFieldCount = std::tuple_size_v<decltype(FieldsOf<T>())>;
// "Bar".
template <DescribedRecord T>
constexpr std::string_view RecordName() {
  return MrFields(static_cast<const T*>(nullptr)).record_name;
}

// Calls fn(field), or fn(field, std::integral_constant<size_t, i>), for each field in order. With a
// record: `record.*field.member`; `typename std::decay_t<decltype(field)>::Type` is the member's type.
template <DescribedRecord T, typename Fn>
constexpr void ForEachField([[maybe_unused]] Fn&& fn) {
  [[maybe_unused]] constexpr auto kFields = FieldsOf<T>();
  [&]<size_t... I>(std::index_sequence<I...>) {
    [[maybe_unused]] auto call = [&fn](const auto& field, auto index) {
      if constexpr (std::is_invocable_v<Fn&, decltype(field), decltype(index)>) {
        fn(field, index);
      } else {
        fn(field);
      }
    };
    (call(std::get<I>(kFields), std::integral_constant<size_t, I>{}), ...);
  }
  (std::make_index_sequence<kFieldCount<T>>{});
}

// Column names in order.
template <DescribedRecord T>
std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  ForEachField<T>([&names](const auto& field) { names.emplace_back(field.name); });
  return names;
}
// The column name of one member, "" when it is not described: FieldNameOf<&Bar::symbol>() == "Symbol".
template <auto kMember>
constexpr std::string_view FieldNameOf() {
  return []<typename C, typename M>(M C::*) {
    std::string_view name;
    ForEachField<C>([&name](const auto& field) {
      if constexpr (std::is_same_v<typename std::decay_t<decltype(field)>::Type, M>) {
        if (field.member == kMember) name = field.name;
      }
    });
    return name;
  }(kMember);
}

namespace internal {
template <typename M>
struct TypeNameOf {
  static std::string Get() {
    if constexpr (DescribedRecord<M>) {
      return std::string(RecordName<M>());
    } else if constexpr (std::is_enum_v<M>) {
      return "enum";
    } else if constexpr (std::is_same_v<M, bool>) {
      return "bool";
    } else if constexpr (std::is_integral_v<M>) {
      return (std::is_signed_v<M> ? "int" : "uint") + std::to_string(sizeof(M) * 8);
    } else if constexpr (std::is_same_v<M, float>) {
      return "float";
    } else if constexpr (std::is_same_v<M, double>) {
      return "double";
    } else if constexpr (std::is_same_v<M, std::string> || std::is_same_v<M, std::string_view>) {
      return "text";
    } else if constexpr (std::is_same_v<M, Date>) {
      return "date";
    } else if constexpr (std::is_same_v<M, Timestamp>) {
      return "timestamp";
    } else {
      return "bytes";
    }
  }
};
template <typename M>
struct TypeNameOf<std::optional<M>> {
  static std::string Get() { return "optional " + TypeNameOf<M>::Get(); }
};
template <typename M>
struct TypeNameOf<std::vector<M>> {
  static std::string Get() { return "list of " + TypeNameOf<M>::Get(); }
};
template <typename M, size_t kSize>
struct TypeNameOf<std::array<M, kSize>> {
  static std::string Get() { return std::to_string(kSize) + " of " + TypeNameOf<M>::Get(); }
};
template <typename K, typename M>
struct TypeNameOf<std::map<K, M>> {
  static std::string Get() { return "map of " + TypeNameOf<K>::Get() + " to " + TypeNameOf<M>::Get(); }
};
template <typename A, typename B>
struct TypeNameOf<std::pair<A, B>> {
  static std::string Get() { return "(" + TypeNameOf<A>::Get() + ", " + TypeNameOf<B>::Get() + ")"; }
};
}  // namespace internal

// For people: "text", "double", "int64", "date", "timestamp", "bool", "optional double", "list of int32".
template <typename M>
std::string FieldTypeName() {
  return internal::TypeNameOf<M>::Get();
}

}  // namespace millrace
