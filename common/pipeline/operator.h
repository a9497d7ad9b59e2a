// What the operator templates share: registration before main(), decoding of With() values, counts.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "common/pipeline/emitter.h"
#include "common/pipeline/registry.h"
#include "common/pipeline/values.h"
#include "common/plan/graph.h"

namespace millrace::internal {

// Op is an operator class with `static OperatorFunction Describe()`. The ordinal is taken during static
// initialisation, in an order that is the same at every start of the same binary.
template <typename Op>
struct Registered {
  static const uint32_t ordinal;
};
template <typename Op>
const uint32_t Registered<Op>::ordinal = Registry::Get().Add(Op::Describe());

template <typename Op>
plan::OperatorSpec Spec(std::string label, pb::Law law = pb::LAW_NONE, std::string values = {}) {
  plan::OperatorSpec spec;
  spec.function = Registered<Op>::ordinal;
  spec.kind = std::string(Op::kKind);
  spec.label = label.empty() ? spec.kind : std::move(label);
  spec.values = std::move(values);
  spec.law = law;
  return spec;
}

// An OperatorFunction for sinks constructed as Op(args, down).
template <typename Op, typename Down>
OperatorFunction SinkFunction() {
  OperatorFunction function;
  function.kind = Op::kKind;
  function.make_sink = [](const OperatorArgs& args, SinkBase* down) -> std::unique_ptr<SinkBase> {
    return std::make_unique<Op>(args, static_cast<Down*>(down));
  };
  return function;
}

// The decoded With() values of one instance. Text views point into the plan or the
// shared value, which outlive it.
template <typename... V>
class DecodedValues {
 public:
  explicit DecodedValues(const OperatorArgs& args) {
    if constexpr (sizeof...(V) > 0) {
      if (!DecodeAll(std::string_view(args.values()), &values_))
        args.context.FailInternal("the values of operator " + args.spec.label() + " cannot be decoded");
    }
  }
  // f(values..., rest...)
  template <typename F, typename... Rest>
  decltype(auto) Call(const F& f, Rest&&... rest) const {
    return std::apply(
        [&](const V&... values) -> decltype(auto) { return f(values..., std::forward<Rest>(rest)...); },
        values_);
  }

 private:
  std::tuple<V...> values_;
};

}  // namespace millrace::internal
