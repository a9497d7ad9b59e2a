// From the text of an option to a member of a job's options struct.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/strings.h"
#include "common/record/format.h"
#include "common/record/parse.h"

namespace millrace::internal {

// "" when it went well, else the sentence. `type` as in OptionInfo; with '|' it lists the allowed values.
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
  bool ok = true;
  if constexpr (std::is_same_v<M, std::string>) {
    *out = text;
  } else if constexpr (std::is_same_v<M, bool>) {
    ok = ParseBool(text, out);
  } else if constexpr (std::is_integral_v<M>) {
    ok = ParseInt(text, out);
  } else if constexpr (std::is_same_v<M, double>) {
    ok = ParseDouble(text, out);
  } else {
    static_assert(std::is_same_v<M, std::vector<std::string>>, "no option form for this member type");
    out->clear();
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      if (end > begin) out->push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return ok ? "" : StrCat("--", name, "=", text, ": '", text, "' is not a valid ", type);
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
  } else {
    for (const std::string& item : value) text += (text.empty() ? "" : ",") + item;
  }
  return text;
}

}  // namespace millrace::internal
