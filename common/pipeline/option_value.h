// From the text of an option to a member of a job's options struct.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/strings.h"
#include "common/record/format.h"
#include "common/record/parse.h"

namespace millrace::internal {

template <typename M>
inline constexpr bool kNoOptionForm = false;

// One value; false where the text is none.
template <typename M>
bool ParseOptionItem(std::string_view text, M* out) {
  if constexpr (std::is_same_v<M, std::string>) {
    *out = text;
    return true;
  } else if constexpr (std::is_same_v<M, bool>) {
    return ParseBool(text, out);
  } else if constexpr (std::is_integral_v<M>) {
    return ParseInt(text, out);
  } else if constexpr (std::is_same_v<M, double>) {
    return ParseDouble(text, out);
  } else if constexpr (std::is_same_v<M, Date>) {
    return ParseDate(text, out);
  } else {
    static_assert(kNoOptionForm<M>, "no option form for this member type");
  }
}

template <typename M>
struct OptionItems {
  static constexpr bool kList = false;
  // The item that is none of the type, where there is one.
  static std::optional<std::string_view> Parse(std::string_view text, M* out) {
    return ParseOptionItem(text, out) ? std::nullopt : std::optional(text);
  }
};
// Nothing is the empty text.
template <typename M>
struct OptionItems<std::optional<M>> {
  static constexpr bool kList = false;
  static std::optional<std::string_view> Parse(std::string_view text, std::optional<M>* out) {
    out->reset();
    return text.empty() ? std::nullopt : OptionItems<M>::Parse(text, &out->emplace());
  }
};
// With commas between; empty items are left out.
template <typename M>
struct OptionItems<std::vector<M>> {
  static constexpr bool kList = true;
  static std::optional<std::string_view> Parse(std::string_view text, std::vector<M>* out) {
    out->clear();
    for (const std::string_view item : StrSplit(text, ','))
      if (!item.empty() && !ParseOptionItem(item, &out->emplace_back())) return item;
    return std::nullopt;
  }
};

// "" when it went well, else the sentence. `type` as in OptionInfo; with '|' it lists the allowed values.
// Members: text, bool, integers, double, Date; optional and lists of these.
template <typename M>
std::string ParseOption(const std::string& name, const std::string& type, const std::string& text, M* out) {
  if (type.find('|') != std::string::npos) {
    bool allowed = false;
    for (size_t begin = 0; begin <= type.size();) {
      const size_t end = std::min(type.find('|', begin), type.size());
      allowed = allowed || type.compare(begin, end - begin, text) == 0;
      begin = end + 1;
    }
    if (!allowed) return StrCat("--", name, "=", text, ": the value must be one of ", type);
  }
  const std::optional<std::string_view> wrong = OptionItems<M>::Parse(text, out);
  if (!wrong.has_value()) return "";
  std::string_view one = type;
  if (OptionItems<M>::kList && one.ends_with('s')) one.remove_suffix(1);
  return StrCat("--", name, "=", text, ": '", *wrong, "' is not a valid ", one);
}

// The default of an option, as text.
template <typename M>
std::string OptionText(const M& value) {
  std::string text;
  if constexpr (std::is_same_v<M, std::string>) {
    text = value;
  } else if constexpr (std::is_same_v<M, bool>) {
    AppendBool(value, &text);
  } else if constexpr (std::is_integral_v<M> && std::is_signed_v<M>) {
    AppendInt(value, &text);
  } else if constexpr (std::is_integral_v<M>) {
    AppendUint(value, &text);
  } else if constexpr (std::is_same_v<M, double>) {
    AppendDouble(value, &text);
  } else if constexpr (std::is_same_v<M, Date>) {
    AppendDate(value, &text);
  } else if constexpr (requires { value.has_value(); }) {
    if (value.has_value()) text = OptionText(*value);
  } else {
    for (const auto& item : value) text += (text.empty() ? "" : ",") + OptionText(item);
  }
  return text;
}

}  // namespace millrace::internal
