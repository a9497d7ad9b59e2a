// KeyBy, sort keys, sampling, row numbers and running totals.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/pipeline/combine.h"
#include "common/pipeline/keyed_record.h"
#include "common/pipeline/narrow.h"
#include "common/record/key.h"

namespace millrace::internal {

struct Identity {
  template <typename T>
  const T& operator()(const T& record) const {
    return record;
  }
};

template <typename T, auto... kMembers>
struct MembersKey {
  using Key = std::tuple<std::decay_t<decltype(std::declval<const T&>().*kMembers)>...>;
  static Key Of(const T& record) { return Key(record.*kMembers...); }
};
template <typename T, auto kMember>
struct MembersKey<T, kMember> {
  using Key = std::decay_t<decltype(std::declval<const T&>().*kMember)>;
  static Key Of(const T& record) { return record.*kMember; }
};

// "KeyBy(Symbol, Date)".
template <auto... kMembers>
std::string MemberLabel(std::string_view kind) {
  std::string names;
  ((names += (names.empty() ? "" : ", ") + std::string(FieldNameOf<kMembers>())), ...);
  return std::string(kind) + "(" + names + ")";
}

template <typename T, auto... kMembers>
class KeyByMembersOp : public Narrow<T, KeyValue<typename MembersKey<T, kMembers...>::Key, T>> {
 public:
  using Key = typename MembersKey<T, kMembers...>::Key;
  using Out = KeyValue<Key, T>;
  static constexpr std::string_view kKind = "KeyBy";
  static OperatorFunction Describe() { return SinkFunction<KeyByMembersOp, Sink<Out>>(); }
  using Narrow<T, Out>::Narrow;
  void Push(const T& record) override {
    ++this->counts_.in;
    ++this->counts_.out;
    this->down_->Push(Out{MembersKey<T, kMembers...>::Of(record), record});
  }
};

template <typename T, typename KeyFn, typename ValueFn>
class KeyByOp : public Narrow<T, KeyValue<std::decay_t<std::invoke_result_t<KeyFn, const T&>>,
                                          std::decay_t<std::invoke_result_t<ValueFn, const T&>>>> {
  static_assert(Portable<KeyFn> && Portable<ValueFn>, "operators take captureless functions");

 public:
  using Key = std::decay_t<std::invoke_result_t<KeyFn, const T&>>;
  using Value = std::decay_t<std::invoke_result_t<ValueFn, const T&>>;
  using Out = KeyValue<Key, Value>;
  static constexpr std::string_view kKind = "KeyBy";
  static OperatorFunction Describe() { return SinkFunction<KeyByOp, Sink<Out>>(); }
  using Narrow<T, Out>::Narrow;
  void Push(const T& record) override {
    ++this->counts_.in;
    ++this->counts_.out;
    this->down_->Push(Out{KeyFn{}(record), ValueFn{}(record)});
  }
};

// Sort keys as encoded bytes.
template <typename T, auto... kMembers>
struct MemberKey {
  void operator()(const T& record, std::string* out) const {
    (KeyCodec<std::decay_t<decltype(record.*kMembers)>>::Encode(record.*kMembers, out), ...);
  }
};
template <typename T, typename KeyFn>
struct FunctionKey {
  void operator()(const T& record, std::string* out) const { Encode(KeyFn{}(record), out); }
  template <typename... V>
  void With(const T& record, std::string* out, const V&... values) const {
    Encode(KeyFn{}(values..., record), out);
  }

 private:
  template <typename K>
  static void Encode(const K& key, std::string* out) {
    KeyCodec<K>::Encode(key, out);
  }
};
template <typename T>
struct RecordKey {
  void operator()(const T& record, std::string* out) const { KeyCodec<T>::Encode(record, out); }
};
template <typename K, typename V>
struct PairKey {
  using WithArgs = DecodedValues<>;
  static void Encode(const DecodedValues<>&, const KeyValue<K, V>& record, std::string* out) {
    KeyCodec<K>::Encode(record.key, out);
  }
};
// A key function and the values sent to it.
template <typename KeyOf, typename... V>
struct WithKey {
  using WithArgs = DecodedValues<V...>;
  template <typename T>
  static void Encode(const DecodedValues<V...>& values, const T& record, std::string* out) {
    if constexpr (sizeof...(V) == 0) {
      KeyOf{}(record, out);
    } else {
      values.Call([&](const V&... v) { KeyOf{}.With(record, out, v...); });
    }
  }
};

template <typename T>
class SampleOp : public Narrow<T, T> {
 public:
  static constexpr std::string_view kKind = "Sample";
  static OperatorFunction Describe() { return SinkFunction<SampleOp, Sink<T>>(); }
  SampleOp(const OperatorArgs& args, Sink<T>* down) : Narrow<T, T>(args, down), values_(args) {
    values_.Call([&](double fraction, uint64_t seed) {
      limit_ = fraction >= 1 ? ~uint64_t{0} : static_cast<uint64_t>(fraction * 18446744073709551616.0);
      random_ = SplitMix64(seed ^ (uint64_t{args.context.task()} * 0x9e3779b97f4a7c15ull));
    });
  }
  void Push(const T& record) override {
    ++this->counts_.in;
    if (random_.Next() < limit_ || limit_ == ~uint64_t{0}) {
      ++this->counts_.out;
      this->down_->Push(record);
    } else {
      ++this->counts_.dropped;
    }
  }

 private:
  DecodedValues<double, uint64_t> values_;
  uint64_t limit_ = 0;
  SplitMix64 random_{0};
};

template <typename T>
class NumberOp : public Narrow<T, Numbered<T>> {
 public:
  static constexpr std::string_view kKind = "WithRowNumber";
  static OperatorFunction Describe() { return SinkFunction<NumberOp, Sink<Numbered<T>>>(); }
  NumberOp(const OperatorArgs& args, Sink<Numbered<T>>* down)
      : Narrow<T, Numbered<T>>(args, down), values_(args) {
    values_.Call([&](const std::vector<uint64_t>& offsets) {
      const uint32_t task = args.context.task();
      if (task < offsets.size()) {
        next_ = offsets[task];
      } else {
        args.context.FailInternal("WithRowNumber: a task without an offset");
      }
    });
  }
  void Push(const T& record) override {
    ++this->counts_.in;
    ++this->counts_.out;
    this->down_->Push(Numbered<T>{next_++, record});
  }

 private:
  DecodedValues<std::vector<uint64_t>> values_;
  uint64_t next_ = 0;
};

template <typename T, typename S, typename F, typename C>
class RunningOp : public Narrow<T, Running<S, T>> {
  static_assert(Portable<F> && Portable<C>, "operators take captureless functions");

 public:
  static constexpr std::string_view kKind = "WithRunningTotal";
  static OperatorFunction Describe() { return SinkFunction<RunningOp, Sink<Running<S, T>>>(); }
  RunningOp(const OperatorArgs& args, Sink<Running<S, T>>* down)
      : Narrow<T, Running<S, T>>(args, down), values_(args) {
    values_.Call([&](const std::vector<std::optional<S>>& before) {
      const uint32_t task = args.context.task();
      if (task < before.size()) {
        total_ = before[task];
      } else {
        args.context.FailInternal("WithRunningTotal: a task without a total before it");
      }
    });
  }
  void Push(const T& record) override {
    ++this->counts_.in;
    ++this->counts_.out;
    if (total_.has_value()) {
      Combine<C>(*total_, F{}(record));
    } else {
      total_ = F{}(record);
    }
    this->down_->Push(Running<S, T>{*total_, record});
  }

 private:
  DecodedValues<std::vector<std::optional<S>>> values_;
  std::optional<S> total_;
};

}  // namespace millrace::internal
