// With(a, b, ...): values that a function needs travel beside it, encoded. Functions themselves are
// captureless, so a task is self-contained: nothing dangles, any executor of the bundle can run it.
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "common/record/codec.h"

namespace millrace {

template <typename... V>
struct WithValues {
  std::tuple<V...> values;
};

// The values are copied now and encoded into the plan; the function gets them as its first arguments.
template <typename... V>
WithValues<std::decay_t<V>...> With(V&&... values) {
  return {std::tuple<std::decay_t<V>...>(std::forward<V>(values)...)};
}

namespace internal {

// A function that can travel as a name: no captures, no state.
template <typename F>
concept Portable = std::is_empty_v<F> && std::is_default_constructible_v<F>;

template <typename... V>
std::string EncodeValues(const WithValues<V...>& with) {
  if constexpr (sizeof...(V) == 0) {
    return {};
  } else {
    return EncodeToString(with.values);
  }
}

}  // namespace internal
}  // namespace millrace
