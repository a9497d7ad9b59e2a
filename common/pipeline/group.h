// Grouping over the merged stream of a shuffle: GroupByKey, GroupSorted (secondary sort), TopPerKey.
// A group is a forward-only stream; its size is not limited by memory.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/pipeline/keyed_record.h"
#include "common/pipeline/operator.h"
#include "common/record/bytes.h"
#include "common/record/codec.h"
#include "common/record/key.h"

namespace millrace {

namespace internal {

// Walks a merged stream group by group. A key's bytes are a prefix of the records' keys (the rest is the
// secondary sort field); key encodings are prefix-free, so a prefix match is an exact match. Each record's
// key is compared once.
class GroupCursor {
 public:
  GroupCursor(const OperatorArgs& args, OperatorCounts& counts)
      : args_(args), in_(args.context.shuffle_input()), counts_(counts) {}

  // On to the next group, whatever is left of this one, and its key; views in *key live as long as the group.
  // False at the end, and when the task has failed or was cancelled.
  template <typename K>
  bool NextGroup(K* key) {
    if (!started_) more_ = in_.Next();
    started_ = true;
    while (in_group_) Advance();
    if (!more_ || args_.context.stopped()) return false;
    first_key_.assign(in_.key());
    std::string_view rest = first_key_;
    arena_.Reset();
    if (!KeyCodec<K>::Decode(&rest, &arena_, key)) {
      args_.context.FailInternal("a shuffled key of " + args_.spec.label() + " cannot be decoded");
      return false;
    }
    group_ = std::string_view(first_key_).substr(0, first_key_.size() - rest.size());
    return in_group_ = true;
  }
  bool InGroup() const { return in_group_; }  // the record at hand is one of the group
  std::string_view value() const { return in_.value(); }
  uint32_t tag() const { return in_.tag(); }
  void Advance() {
    ++counts_.in;
    more_ = in_.Next();
    in_group_ = more_ && in_.key().substr(0, group_.size()) == group_;
  }

 private:
  const OperatorArgs& args_;
  ShuffleInput& in_;
  OperatorCounts& counts_;
  KeyArena arena_;
  std::string first_key_;   // of the group's first record
  std::string_view group_;  // the part of it that is the group's
  bool started_ = false, more_ = false, in_group_ = false;
};

}  // namespace internal

// The records of one group, in order: `for (const Bar& bar : rows)`. One pass; text views of a record are
// valid until the next one.
template <typename V>
class Rows {
 public:
  Rows(internal::GroupCursor& cursor, TaskContext& context) : cursor_(cursor), context_(context) {}

  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = V;
    explicit Iterator(Rows* rows) : rows_(rows) {}
    const V& operator*() const { return rows_->record_; }
    const V* operator->() const { return &rows_->record_; }
    Iterator& operator++() {
      rows_->cursor_.Advance();
      rows_->Load();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !rows_->valid_; }

   private:
    Rows* rows_;
  };
  Iterator begin() {
    Load();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  void Load() {
    valid_ = cursor_.InGroup() && !context_.stopped();
    if (valid_ && !DecodeAll(cursor_.value(), &record_)) {
      context_.FailInternal("a grouped record cannot be decoded");
      valid_ = false;
    }
  }
  internal::GroupCursor& cursor_;
  TaskContext& context_;
  V record_{};
  bool valid_ = false;
};

namespace internal {

// Secondary sort by nothing: groups keep the order of the data set.
struct NoSort {
  template <typename V>
  static void Encode(const V&, std::string*) {}
};
// By fields of the value, ascending.
template <auto... kMembers>
struct ByMembers {
  template <typename V>
  static void Encode(const V& value, std::string* out) {
    (KeyCodec<std::decay_t<decltype(value.*kMembers)>>::Encode(value.*kMembers, out), ...);
  }
};
// By fields of the value, descending.
template <auto... kMembers>
struct ByMembersDescending {
  template <typename V>
  static void Encode(const V& value, std::string* out) {
    (KeyCodec<Descending<std::decay_t<decltype(value.*kMembers)>>>::Encode(
         Descending<std::decay_t<decltype(value.*kMembers)>>{value.*kMembers}, out),
     ...);
  }
};

// Sends (key + secondary field -> value) into a sorting shuffle, partitioned by the key alone.
template <typename K, typename V, typename By>
class GroupWriter : public Sink<KeyValue<K, V>> {
 public:
  static constexpr std::string_view kKind = "Shuffle";
  static OperatorFunction Describe() { return SinkFunction<GroupWriter, SinkBase>(); }
  GroupWriter(const OperatorArgs& args, SinkBase*)
      : out_(args.context.shuffle_output()), counts_(args.context.counts(args.spec.id())) {}
  void Push(const KeyValue<K, V>& record) override {
    ++counts_.in;
    ++counts_.out;
    key_.clear();
    value_.clear();
    KeyCodec<K>::Encode(record.key, &key_);
    const uint32_t partition = out_.PartitionOf(key_);
    By::Encode(record.value, &key_);
    Codec<V>::Encode(record.value, &value_);
    out_.Add(partition, key_, value_);
  }
  void Finish() override {}

 private:
  ShuffleOutput& out_;
  OperatorCounts& counts_;
  std::string key_, value_;
};

// F: void (values..., const K&, Rows<V>, Emitter<U>&), called once per key, keys in order.
template <typename K, typename V, typename U, typename F, typename... W>
struct GroupReader {
  static constexpr std::string_view kKind = "Group";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = &Run;
    return function;
  }
  static void Run(const OperatorArgs& args, SinkBase* down) {
    TaskContext& context = args.context;
    OperatorCounts& counts = context.counts(args.spec.id());
    DecodedValues<W...> values(args);
    Emitter<U> emitter(static_cast<Sink<U>*>(down), &counts);
    GroupCursor cursor(args, counts);
    K key{};
    while (cursor.NextGroup(&key)) values.Call(F{}, std::as_const(key), Rows<V>(cursor, context), emitter);
  }
};

// The values alone, in merged order: what follows a sort.
template <typename V>
struct SortedReader {
  static constexpr std::string_view kKind = "Merge";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = &Run;
    return function;
  }
  static void Run(const OperatorArgs& args, SinkBase* down) {
    auto* sink = static_cast<Sink<V>*>(down);
    ShuffleInput& in = args.context.shuffle_input();
    OperatorCounts& counts = args.context.counts(args.spec.id());
    V record{};
    while (!args.context.stopped() && in.Next()) {
      ++counts.in;
      if (!DecodeAll(in.value(), &record)) {
        args.context.FailInternal("a shuffled record of " + args.spec.label() + " cannot be decoded");
        return;
      }
      ++counts.out;
      sink->Push(record);
    }
  }
};

// Keeps a task's records as they come (a cache): one run, one partition, no key.
template <typename T>
class CacheWriter : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Cache";
  static OperatorFunction Describe() { return SinkFunction<CacheWriter, SinkBase>(); }
  CacheWriter(const OperatorArgs& args, SinkBase*)
      : out_(args.context.shuffle_output()), counts_(args.context.counts(args.spec.id())) {
    out_.BeginRun();
  }
  void Push(const T& record) override {
    ++counts_.in;
    ++counts_.out;
    value_.clear();
    Codec<T>::Encode(record, &value_);
    out_.Append(0, {}, value_);
  }
  void Finish() override { out_.EndRun(); }

 private:
  ShuffleOutput& out_;
  OperatorCounts& counts_;
  std::string value_;
};

// Sorting records that are their own keys: nothing but the key travels.
template <typename T>
class SortKeyWriter : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Sort";
  static OperatorFunction Describe() { return SinkFunction<SortKeyWriter, SinkBase>(); }
  SortKeyWriter(const OperatorArgs& args, SinkBase*)
      : out_(args.context.shuffle_output()), counts_(args.context.counts(args.spec.id())) {}
  void Push(const T& record) override {
    ++counts_.in;
    ++counts_.out;
    key_.clear();
    KeyCodec<T>::Encode(record, &key_);
    out_.AddByKey(key_, {}, {});
  }
  void Finish() override {}

 private:
  ShuffleOutput& out_;
  OperatorCounts& counts_;
  std::string key_;
};

template <typename T>
struct SortedKeyReader {
  static constexpr std::string_view kKind = "Merge";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = &Run;
    return function;
  }
  static void Run(const OperatorArgs& args, SinkBase* down) {
    auto* sink = static_cast<Sink<T>*>(down);
    ShuffleInput& in = args.context.shuffle_input();
    OperatorCounts& counts = args.context.counts(args.spec.id());
    KeyArena arena;
    T record{};
    while (!args.context.stopped() && in.Next()) {
      ++counts.in;
      arena.Reset();
      if (!DecodeKey(in.key(), &arena, &record)) {
        args.context.FailInternal("a sorted record of " + args.spec.label() + " cannot be decoded");
        return;
      }
      ++counts.out;
      sink->Push(record);
    }
  }
};

// Sorting by a key function of the record: key -> record, partitioned by range.
template <typename T, typename KeyOf>
class SortWriter : public Sink<T> {
 public:
  static constexpr std::string_view kKind = "Sort";
  static OperatorFunction Describe() { return SinkFunction<SortWriter, SinkBase>(); }
  SortWriter(const OperatorArgs& args, SinkBase*)
      : out_(args.context.shuffle_output()), counts_(args.context.counts(args.spec.id())), values_(args) {}
  void Push(const T& record) override {
    ++counts_.in;
    ++counts_.out;
    key_.clear();
    value_.clear();
    KeyOf::Encode(values_, record, &key_);
    if constexpr (std::is_same_v<T, std::string_view>) {  // Codec<T> without a copy of the text
      PutVarint(record.size(), &value_);
      out_.AddByKey(key_, value_, record);
    } else {
      Codec<T>::Encode(record, &value_);
      out_.AddByKey(key_, value_, {});
    }
  }
  void Finish() override {}

 private:
  ShuffleOutput& out_;
  OperatorCounts& counts_;
  typename KeyOf::WithArgs values_;
  std::string key_, value_;
};

}  // namespace internal
}  // namespace millrace
