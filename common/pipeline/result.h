// Terminal operators of actions whose result goes to the driver.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/pipeline/combine.h"
#include "common/pipeline/operator.h"

namespace millrace::internal {

// The common part: an encoded string, checked against the plan's limit.
class ResultBuffer {
 public:
  explicit ResultBuffer(const OperatorArgs& args) : context_(args.context), label_(args.spec.label()) {}
  std::string* bytes() { return &bytes_; }
  void Check() {
    const uint64_t limit = context_.stage().result().max_bytes();
    if (bytes_.size() > limit && !context_.stopped())
      context_.FailInput(StrCat(label_, ": the result of one task is over max_collect_bytes (",
                                HumanBytes(limit), "); write it instead, or raise --max-collect-bytes"));
  }
  void Send() {
    Check();
    if (!context_.stopped()) context_.SetResult(std::move(bytes_));
  }

 private:
  TaskContext& context_;
  const std::string& label_;
  std::string bytes_;
};

// All records, one encoding after the other.
template <typename T>
class CollectOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Collect";
  static OperatorFunction Describe() { return SinkFunction<CollectOp, SinkBase>(); }
  CollectOp(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())), result_(args) {}
  void Push(const T& record) override {
    ++counts_.in;
    ++counts_.out;
    Codec<T>::Encode(record, result_.bytes());
    result_.Check();
  }
  void Finish() override { result_.Send(); }

 private:
  OperatorCounts& counts_;
  ResultBuffer result_;
};

// The task's records folded left, in order; nothing when there is none.
template <typename T, typename C>
class AggregateOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Aggregate";
  static OperatorFunction Describe() { return SinkFunction<AggregateOp, SinkBase>(); }
  AggregateOp(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())), result_(args) {}
  void Push(const T& record) override {
    if (counts_.in++ == 0) {
      value_ = record;
    } else {
      Combine<C>(value_, record);
    }
  }
  void Finish() override {
    if (counts_.in > 0) {
      counts_.out = 1;
      Codec<T>::Encode(value_, result_.bytes());
    }
    result_.Send();
  }

 private:
  OperatorCounts& counts_;
  ResultBuffer result_;
  T value_{};
};

template <typename T>
class CountOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Count";
  static OperatorFunction Describe() { return SinkFunction<CountOp, SinkBase>(); }
  CountOp(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())), result_(args) {}
  void Push(const T&) override { ++counts_.in; }
  void Finish() override {
    counts_.out = 1;
    Codec<uint64_t>::Encode(counts_.in, result_.bytes());
    result_.Send();
  }

 private:
  OperatorCounts& counts_;
  ResultBuffer result_;
};

// Encoded sort keys of a sample of the records: every `stride`-th of the task, at most `limit`. All tasks
// together send some ten thousand keys, which the driver sorts alone while the slots wait for the bounds.
template <typename T, typename KeyOf>
class SampleKeysOp : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "SampleKeys";
  static OperatorFunction Describe() { return SinkFunction<SampleKeysOp, SinkBase>(); }
  SampleKeysOp(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())),
        values_(args),
        result_(args),
        limit_(std::clamp<size_t>(kKeysOfAll / std::max(1u, args.context.branch().tasks()), 256, 4096)) {}
  void Push(const T& record) override {
    if ((counts_.in++ & (stride_ - 1)) != 0) return;
    ++counts_.out;
    keys_.emplace_back();
    KeyOf::Encode(values_, record, &keys_.back());
    // Thin out evenly instead of keeping the first ones: the sample stays spread over the task.
    if (keys_.size() < limit_) return;
    for (size_t i = 0; 2 * i < keys_.size(); ++i) keys_[i] = std::move(keys_[2 * i]);
    keys_.resize((keys_.size() + 1) / 2);
    stride_ *= 2;
  }
  void Finish() override {
    Codec<std::vector<std::string>>::Encode(keys_, result_.bytes());
    result_.Send();
  }

 private:
  static constexpr size_t kKeysOfAll = 64 << 10;
  OperatorCounts& counts_;
  typename KeyOf::WithArgs values_;
  ResultBuffer result_;
  const size_t limit_;
  std::vector<std::string> keys_;
  uint64_t stride_ = 1;  // a power of two
};

}  // namespace millrace::internal
