// Operators that work record by record inside one task.
#pragma once

#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/pipeline/operator.h"

namespace millrace::internal {

// A sink between two operators.
template <typename T, typename U>
class Narrow : public Sink<T> {
 public:
  Narrow(const OperatorArgs& args, Sink<U>* down)
      : down_(down), context_(args.context), counts_(args.context.counts(args.spec.id())) {}
  void Finish() override { down_->Finish(); }

 protected:
  Sink<U>* down_;
  TaskContext& context_;
  OperatorCounts& counts_;
};

template <typename T, typename U, typename F, typename... V>
class MapOp : public Narrow<T, U> {
 public:
  static constexpr std::string_view kKind = "Map";
  static OperatorFunction Describe() { return SinkFunction<MapOp, Sink<U>>(); }
  MapOp(const OperatorArgs& args, Sink<U>* down) : Narrow<T, U>(args, down), values_(args) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    ++this->counts_.out;
    this->down_->Push(values_.Call(F{}, record));
  }

 private:
  DecodedValues<V...> values_;
};

template <typename T, typename F, typename... V>
class FilterOp : public Narrow<T, T> {
 public:
  static constexpr std::string_view kKind = "Filter";
  static OperatorFunction Describe() { return SinkFunction<FilterOp, Sink<T>>(); }
  FilterOp(const OperatorArgs& args, Sink<T>* down) : Narrow<T, T>(args, down), values_(args) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    if (values_.Call(F{}, record)) {
      ++this->counts_.out;
      this->down_->Push(record);
    } else {
      ++this->counts_.dropped;
    }
  }

 private:
  DecodedValues<V...> values_;
};

template <typename T, typename U, typename F, typename... V>
class FlatMapOp : public Narrow<T, U> {
 public:
  static constexpr std::string_view kKind = "FlatMap";
  static OperatorFunction Describe() { return SinkFunction<FlatMapOp, Sink<U>>(); }
  FlatMapOp(const OperatorArgs& args, Sink<U>* down)
      : Narrow<T, U>(args, down), values_(args), emitter_(down, &this->counts_) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    values_.Call(F{}, record, emitter_);
  }

 private:
  DecodedValues<V...> values_;
  Emitter<U> emitter_;
};

// Records may not hold views when they are kept beyond the push: a compile-time check for the usual case.
template <typename T>
inline constexpr bool kOwning = !std::is_same_v<T, std::string_view>;

// Batches of a fixed number of records: their borders are a function of the task's input only.
template <typename T, typename U, typename F, typename... V>
class MapBatchOp : public Narrow<T, U> {
  static_assert(kOwning<T>, "MapBatch keeps records: use std::string instead of std::string_view");

 public:
  static constexpr std::string_view kKind = "MapBatch";
  static OperatorFunction Describe() { return SinkFunction<MapBatchOp, Sink<U>>(); }
  MapBatchOp(const OperatorArgs& args, Sink<U>* down)
      : Narrow<T, U>(args, down), values_(args), emitter_(down, &this->counts_) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    const uint32_t rows = values_.Call([](const uint32_t& n, const auto&...) { return n; });
    batch_.push_back(record);
    if (batch_.size() >= rows) Flush();
  }
  void Finish() override {
    if (!batch_.empty()) Flush();
    this->down_->Finish();
  }

 private:
  void Flush() {
    values_.Call([&](const uint32_t&, const V&... v) { F{}(v..., std::span<const T>(batch_), emitter_); });
    batch_.clear();
  }
  DecodedValues<uint32_t, V...> values_;
  Emitter<U> emitter_;
  std::vector<T> batch_;
};

// A state per task: it sees every record, and the end of the task.
template <typename T, typename U, typename S, typename Add, typename End, typename... V>
class AccumulateOp : public Narrow<T, U> {
 public:
  static constexpr std::string_view kKind = "Accumulate";
  static OperatorFunction Describe() { return SinkFunction<AccumulateOp, Sink<U>>(); }
  AccumulateOp(const OperatorArgs& args, Sink<U>* down)
      : Narrow<T, U>(args, down), values_(args), emitter_(down, &this->counts_) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    values_.Call(Add{}, state_, record, emitter_);
  }
  void Finish() override {
    if (!this->context_.stopped()) values_.Call(End{}, state_, emitter_);
    this->down_->Finish();
  }

 private:
  DecodedValues<V...> values_;
  Emitter<U> emitter_;
  S state_{};
};

// Of every task the records after the first skip[task], at most take[task].
template <typename T>
class SliceOp : public Narrow<T, T> {
 public:
  static constexpr std::string_view kKind = "Slice";
  static OperatorFunction Describe() { return SinkFunction<SliceOp, Sink<T>>(); }
  SliceOp(const OperatorArgs& args, Sink<T>* down) : Narrow<T, T>(args, down) {
    DecodedValues<std::vector<uint64_t>, std::vector<uint64_t>>(args).Call(
        [&](const std::vector<uint64_t>& skip, const std::vector<uint64_t>& take) {
          const uint32_t task = args.context.task_in_branch();
          if (task < skip.size() && task < take.size()) {
            skip_ = skip[task];
            take_ = take[task];
          } else {
            args.context.FailInternal("Slice: a task without a window");
          }
        });
  }
  void Push(const T& record) override {
    const uint64_t at = this->counts_.in++;
    if (at >= skip_ && at - skip_ < take_) {
      ++this->counts_.out;
      this->down_->Push(record);
    } else {
      ++this->counts_.dropped;
    }
  }

 private:
  uint64_t skip_ = 0, take_ = 0;
};

// The first `n` records of every task; the driver takes the first n over all tasks.
template <typename T>
class HeadOp : public Narrow<T, T> {
 public:
  static constexpr std::string_view kKind = "Head";
  static OperatorFunction Describe() { return SinkFunction<HeadOp, Sink<T>>(); }
  HeadOp(const OperatorArgs& args, Sink<T>* down) : Narrow<T, T>(args, down), values_(args) {}
  void Push(const T& record) override {
    ++this->counts_.in;
    if (this->counts_.out < values_.Call([](uint64_t n) { return n; })) {
      ++this->counts_.out;
      this->down_->Push(record);
    } else {
      ++this->counts_.dropped;
    }
  }

 private:
  DecodedValues<uint64_t> values_;
};

}  // namespace millrace::internal
