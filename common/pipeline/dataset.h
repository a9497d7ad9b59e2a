// Dataset<T> and Keyed<K, V>: lazy, immutable, partitioned collections. Included by job.h.
//
// Functions are captureless lambdas or empty function objects; the values they need come first, by With().
// Order: a data set has an order (files by path bytes, then offset), and narrow operators keep it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/pipeline/combine.h"
#include "common/pipeline/group.h"
#include "common/pipeline/job.h"
#include "common/pipeline/join.h"
#include "common/pipeline/keyby.h"
#include "common/pipeline/narrow.h"
#include "common/pipeline/result.h"
#include "common/pipeline/sink.h"
#include "common/pipeline/source.h"
#include "common/pipeline/started.h"

namespace millrace {

template <typename K, typename V>
class Keyed;

namespace internal {
plan::NodePtr NarrowNode(const plan::NodePtr& input, plan::OperatorSpec op);
plan::NodePtr ShuffleNode(std::vector<plan::NodePtr> inputs, std::vector<plan::OperatorSpec> writers,
                          plan::OperatorSpec reader);
// The same data set of its tasks begin..end-1 alone: of files or values, through operators that do not go by
// the number of their task. Ends the job where it is another.
plan::NodePtr TasksOf(Job& job, const plan::NodePtr& node, size_t begin, size_t end);
// Bounds from the sampled keys of all tasks: at most partitions - 1, strictly rising.
std::vector<std::string> RangeBounds(std::vector<std::string> keys, uint32_t partitions);
// Makes the shuffle `node` partition by range: its bounds come from a sample of `input`, KeyOf{}(record,
// &bytes) being a record's key, taken when the first action needs the node.
template <typename KeyOf, typename T>
void PartitionByRange(const plan::NodePtr& node, const Dataset<T>& input, const std::string& values = {});
template <typename T>
plan::OperatorSpec WriteSpec(const std::string& values);
}  // namespace internal

template <typename T>
class Dataset {
 public:
  using Record = T;
  Dataset(Job* job, plan::NodePtr node) : job_(job), node_(std::move(node)) {}

  // f(values..., const T&) -> U.
  template <typename F>
  auto Map(F f, std::string label = {}) const {
    return Map(With(), f, std::move(label));
  }
  template <typename F, typename... V>
  auto Map(const WithValues<V...>& values, F, std::string label = {}) const {
    static_assert(internal::Portable<F>, "operators take captureless functions; send values by With()");
    using U = std::decay_t<std::invoke_result_t<F, const V&..., const T&>>;
    return Next<U, internal::MapOp<T, U, F, V...>>(std::move(label), pb::LAW_MAP,
                                                   internal::EncodeValues(values));
  }

  // Keeps the records for which f(values..., const T&) is true.
  template <typename F>
  Dataset Filter(F f, std::string label = {}) const {
    return Filter(With(), f, std::move(label));
  }
  template <typename F, typename... V>
  Dataset Filter(const WithValues<V...>& values, F, std::string label = {}) const {
    static_assert(internal::Portable<F>, "operators take captureless functions; send values by With()");
    return Next<T, internal::FilterOp<T, F, V...>>(std::move(label), pb::LAW_FILTER,
                                                   internal::EncodeValues(values));
  }

  // f(values..., const T&, Emitter<U>&) emits any number of records.
  template <typename U, typename F>
  Dataset<U> FlatMap(F f, std::string label = {}) const {
    return FlatMap<U>(With(), f, std::move(label));
  }
  template <typename U, typename F, typename... V>
  Dataset<U> FlatMap(const WithValues<V...>& values, F, std::string label = {}) const {
    static_assert(internal::Portable<F>, "operators take captureless functions; send values by With()");
    return Next<U, internal::FlatMapOp<T, U, F, V...>>(std::move(label), pb::LAW_NONE,
                                                       internal::EncodeValues(values));
  }

  // f(values..., std::span<const T>, Emitter<U>&) over batches of `rows` records (the last of a split is
  // shorter).
  template <typename U, typename F>
  Dataset<U> MapBatch(uint32_t rows, F f, std::string label = {}) const {
    return MapBatch<U>(rows, With(), f, std::move(label));
  }
  template <typename U, typename F, typename... V>
  Dataset<U> MapBatch(uint32_t rows, const WithValues<V...>& values, F, std::string label = {}) const {
    static_assert(internal::Portable<F>, "operators take captureless functions; send values by With()");
    return Next<U, internal::MapBatchOp<T, U, F, V...>>(
        std::move(label), pb::LAW_NONE,
        EncodeToString(std::tuple_cat(std::tuple<uint32_t>(rows), values.values)));
  }

  // A State{} per task: add(values..., State&, const T&, Emitter<U>&) for every record, in order, and
  // end(values..., State&, Emitter<U>&) behind the last. A state is neither kept nor sent, so it may be of
  // any type; what is emitted follows from the task's records alone when add and end do.
  template <typename U, typename State, typename Add, typename End>
  Dataset<U> Accumulate(Add add, End end, std::string label = {}) const {
    return Accumulate<U, State>(With(), add, end, std::move(label));
  }
  template <typename U, typename State, typename Add, typename End, typename... V>
  Dataset<U> Accumulate(const WithValues<V...>& values, Add, End, std::string label = {}) const {
    static_assert(internal::Portable<Add> && internal::Portable<End>,
                  "operators take captureless functions; send values by With()");
    return Next<U, internal::AccumulateOp<T, U, State, Add, End, V...>>(std::move(label), pb::LAW_NONE,
                                                                        internal::EncodeValues(values));
  }

  // Key = one member, or a tuple of several.
  template <auto... kMembers>
  auto KeyBy() const {
    using Op = internal::KeyByMembersOp<T, kMembers...>;
    return MakeKeyed<typename Op::Key, T, Op>(internal::MemberLabel<kMembers...>("KeyBy"), {});
  }
  // Key = key(const T&); value = the record, or value(const T&).
  template <typename KeyFn>
  auto KeyBy(KeyFn) const {
    using Op = internal::KeyByOp<T, KeyFn, internal::Identity>;
    return MakeKeyed<typename Op::Key, T, Op>("KeyBy", {});
  }
  template <typename KeyFn, typename ValueFn>
  auto KeyBy(KeyFn, ValueFn) const {
    using Op = internal::KeyByOp<T, KeyFn, ValueFn>;
    return MakeKeyed<typename Op::Key, typename Op::Value, Op>("KeyBy", {});
  }

  // This data set, then the other.
  Dataset Union(const Dataset& other) const {
    auto node = std::make_shared<plan::Node>();
    node->kind = plan::Node::Kind::kUnion;
    node->inputs = {node_, other.node_};
    return Dataset(job_, node);
  }

  // One of each, in key order within a partition. T must be usable as a key.
  Dataset Distinct() const {
    return KeyBy([](const T& record) { return record; }, [](const T&) { return true; })
        .ReduceByKey([](bool&, const bool&) {})
        .Keys();
  }

  // Totally ordered over the partitions by members or by key(const T&); equal keys keep their order.
  template <auto... kMembers>
  Dataset SortBy() const {
    return SortImpl<internal::MemberKey<T, kMembers...>>(internal::MemberLabel<kMembers...>("Sort"));
  }
  template <typename KeyFn>
  Dataset SortBy(KeyFn) const {
    static_assert(internal::Portable<KeyFn>, "operators take captureless functions");
    return SortImpl<internal::FunctionKey<T, KeyFn>>("Sort");
  }

  // Likewise by key(values..., const T&).
  template <typename KeyFn, typename... V>
  Dataset SortBy(const WithValues<V...>& values, KeyFn) const {
    static_assert(internal::Portable<KeyFn>, "operators take captureless functions; send values by With()");
    return SortImpl<internal::FunctionKey<T, KeyFn>, V...>("Sort", internal::EncodeValues(values));
  }
  // Totally ordered by the records themselves, which must be usable as keys: only the key is shuffled.
  Dataset Sort() const;

  // About `fraction` of the records, chosen by (seed, task, position): the same in every run.
  Dataset Sample(double fraction, uint64_t seed) const {
    return Next<T, internal::SampleOp<T>>("Sample", pb::LAW_FILTER,
                                          EncodeToString(std::tuple(fraction, seed)));
  }

  // 0-based row numbers over the whole data set. Runs a counting action.
  Dataset<Numbered<T>> WithRowNumber() const { return WithRowNumber(CountPerTask()); }
  // Without one, where the number of records of every task is known (CollectPerTask of something mapped from
  // it).
  Dataset<Numbered<T>> WithRowNumber(const std::vector<uint64_t>& counts) const {
    std::vector<uint64_t> offsets;
    uint64_t next = 0;
    for (uint64_t count : counts) {
      offsets.push_back(next);
      next += count;
    }
    return Next<Numbered<T>, internal::NumberOp<T>>("WithRowNumber", pb::LAW_MAP,
                                                    EncodeToString(std::tuple(offsets)));
  }

  // The records `first`, first + 1, ... of the data set, at most n. Only the tasks that hold them run, whole;
  // so the cost is that of n records and of a split, whatever lies before and behind. `counts`: records per
  // task, from CountPerTask(). For data sets of files (ReadOptions::split_bytes cuts them finely) or values
  // through narrow operators; not of caches, shuffles, samples and numbered rows.
  Dataset Slice(const std::vector<uint64_t>& counts, uint64_t first, uint64_t n) const;

  // Each record with the running total up to it, itself included: part(const T&) of all records so far,
  // folded left by the combiner C. Runs an action that folds the parts of every task, so read it from a
  // cache. Exact for integers; a sum of floating point numbers would depend on where the tasks begin.
  template <typename F, typename C>
  auto WithRunningTotal(F part, C combine) const;

  // Kept on the workers after its first use; lost parts are computed again.
  Dataset Cache() const {
    auto node = std::make_shared<plan::Node>();
    node->kind = plan::Node::Kind::kCache;
    node->inputs = {node_};
    node->writers = {internal::Spec<internal::CacheWriter<T>>("Cache", pb::LAW_SINK)};
    node->op = internal::Spec<internal::SortedReader<T>>("ReadCache");
    job_->Note(node);
    return Dataset(job_, node);
  }

  // ---- actions: each one runs and waits; Start...() does not wait, so that several run side by side ----
  // All records, in order. T must own its text (std::string, Row::Own() is done for rows).
  std::vector<T> Collect() const { return StartCollect().Get(); }
  Started<std::vector<T>> StartCollect() const;
  // The same, task by task.
  std::vector<std::vector<T>> CollectPerTask() const;
  // The first n records, in order.
  std::vector<T> Take(uint64_t n) const;
  // Like Collect(), of some small pieces spread over the input where that is large (at most 16 MiB of it) and
  // the data set is made of it by narrow operators alone; of all records otherwise.
  std::vector<T> CollectSample() const;
  uint64_t Count() const { return StartCount().Get(); }
  // The number of records of every task, in order.
  std::vector<uint64_t> CountPerTask() const;
  Started<uint64_t> StartCount() const;
  // Folds records left by the combiner C: per task, then over tasks in order. `empty` when there is no
  // record.
  template <typename C>
  T Aggregate(C combine, T empty = {}) const {
    return StartAggregate(combine, std::move(empty)).Get();
  }
  template <typename C>
  Started<T> StartAggregate(C, T empty = {}) const;
  // Task by task instead; nothing for a task without a record.
  template <typename C>
  std::vector<std::optional<T>> AggregatePerTask(C combine) const;
  // As part files below the job's output; `path` is the output folder or a folder in it.
  void Write(std::string_view path, const WriteOptions& options = {}) const {
    StartWrite(path, options).Get();
  }
  // Gets the number of records written.
  Started<uint64_t> StartWrite(std::string_view path, const WriteOptions& options = {}) const {
    return StartWriteWith(path, options, {});
  }

  // Bytes of the files and values that it is made of; compressed files count four times.
  uint64_t EstimateBytes() const { return plan::EstimateInputBytes(*node_); }

  // ---- for operators ----
  Job& job() const { return *job_; }
  const plan::NodePtr& node() const { return node_; }
  template <typename U, typename Op>
  Dataset<U> Next(std::string label, pb::Law law, std::string values) const {
    return Dataset<U>(
        job_, internal::NarrowNode(node_, internal::Spec<Op>(std::move(label), law, std::move(values))));
  }
  Started<uint64_t> StartWriteWith(std::string_view path, const WriteOptions& options,
                                   const std::string& values) const;

 private:
  template <typename K, typename V, typename Op>
  Keyed<K, V> MakeKeyed(std::string label, std::string values) const {
    return Keyed<K, V>(Next<KeyValue<K, V>, Op>(std::move(label), pb::LAW_MAP, std::move(values)));
  }
  template <typename KeyOf, typename... V>
  Dataset SortImpl(std::string label, const std::string& values = {}) const;
  template <typename KeyOf, typename U>
  friend void internal::PartitionByRange(const plan::NodePtr& node, const Dataset<U>& input,
                                         const std::string& values);
  uint32_t StartResult(plan::OperatorSpec terminal, std::string label, bool sample = false) const;

  Job* job_;
  plan::NodePtr node_;
};

template <typename K, typename V>
class Keyed {
 public:
  using Pair = KeyValue<K, V>;
  explicit Keyed(Dataset<Pair> pairs) : pairs_(std::move(pairs)) {}
  // The records as KeyValue.
  const Dataset<Pair>& Pairs() const { return pairs_; }
  auto Keys() const {
    return pairs_.Map([](const Pair& pair) { return pair.key; }, "Keys");
  }
  auto Values() const {
    return pairs_.Map([](const Pair& pair) { return pair.value; }, "Values");
  }

  // What follows (ReduceByKey, Group..., a join: of the left side's keys) partitions by range of the key
  // instead of by hash: its result is in key order over all partitions. Costs a sampling action where there
  // is more than one partition.
  Keyed InKeyOrder() const {
    Keyed ordered = *this;
    ordered.in_key_order_ = true;
    return ordered;
  }

  // What follows gets that many partitions, unless --partitions says another number: for keys that are few
  // and heavy, or many and light, compared with the input's bytes.
  Keyed Partitions(uint32_t partitions) const {
    Keyed cut = *this;
    cut.partitions_ = partitions;
    return cut;
  }

  // One record per key: values folded left by the combiner, in a fixed order. V must own its bytes.
  template <typename C>
  Keyed ReduceByKey(C, std::string label = "ReduceByKey") const {
    static_assert(internal::Portable<C>, "a combiner is an empty function object");
    return Keyed(Shuffled<Pair>(internal::ShuffleNode(
        {pairs_.node()}, {internal::Spec<internal::CombineWriter<K, V, C>>("Combine", pb::LAW_NONE)},
        internal::Spec<internal::CombineReader<K, V, C>>(std::move(label)))));
  }

  // f(values..., const K&, Rows<V>, Emitter<U>&) once per key; rows in the order of the data set.
  template <typename U, typename F>
  Dataset<U> GroupByKey(F f, std::string label = "GroupByKey") const {
    return Group<U, internal::NoSort>(With(), f, std::move(label));
  }
  template <typename U, typename F, typename... W>
  Dataset<U> GroupByKey(const WithValues<W...>& values, F f, std::string label = "GroupByKey") const {
    return Group<U, internal::NoSort>(values, f, std::move(label));
  }
  // Likewise; rows sorted by members of V, ascending, equal ones in the order of the data set.
  template <typename U, auto... kMembers, typename F>
  Dataset<U> GroupSorted(F f, std::string label = {}) const {
    return GroupSorted<U, kMembers...>(With(), f, std::move(label));
  }
  template <typename U, auto... kMembers, typename F, typename... W>
  Dataset<U> GroupSorted(const WithValues<W...>& values, F f, std::string label = {}) const {
    if (label.empty()) label = internal::MemberLabel<kMembers...>("GroupSorted");
    return Group<U, internal::ByMembers<kMembers...>>(values, f, std::move(label));
  }
  // The n records of each key with the greatest member, in descending order.
  template <auto kMember>
  Keyed TopPerKey(uint64_t n) const {
    return Keyed(Group<Pair, internal::ByMembersDescending<kMember>>(
        With(n),
        [](uint64_t limit, const K& key, Rows<V> rows, Emitter<Pair>& out) {
          uint64_t taken = 0;
          for (const V& row : rows) {
            if (taken++ == limit) break;
            out({key, row});
          }
        },
        "TopPerKey"));
  }

  // Every pair of a left and a right record of one key, in the order of the left side.
  template <typename B>
  Keyed<K, std::pair<V, B>> Join(const Keyed<K, B>& right) const {
    return Keyed<K, std::pair<V, B>>(
        CoGroupImpl<KeyValue<K, std::pair<V, B>>, B>(right, With(), internal::InnerJoinFn{}, "Join"));
  }
  template <typename B>
  Keyed<K, std::pair<V, std::optional<B>>> LeftJoin(const Keyed<K, B>& right) const {
    return Keyed<K, std::pair<V, std::optional<B>>>(
        CoGroupImpl<KeyValue<K, std::pair<V, std::optional<B>>>, B>(right, With(), internal::LeftJoinFn{},
                                                                    "LeftJoin"));
  }
  // f(values..., const K&, Rows<V> left, const std::vector<B>& right, Emitter<U>&) once per key of either
  // side.
  template <typename U, typename B, typename F>
  Dataset<U> CoGroup(const Keyed<K, B>& right, F f) const {
    return CoGroupImpl<U, B>(right, With(), f, "CoGroup");
  }
  // Join with a small table: it is collected and travels in the plan, nothing is shuffled.
  template <typename B>
  Keyed<K, std::pair<V, B>> BroadcastJoin(const Keyed<K, B>& small) const {
    std::vector<std::pair<std::string, B>> table;
    for (KeyValue<K, B>& entry : small.Pairs().Collect())
      table.emplace_back(EncodeKey(entry.key), std::move(entry.value));
    std::stable_sort(table.begin(), table.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    return Keyed<K, std::pair<V, B>>(
        pairs_.template Next<KeyValue<K, std::pair<V, B>>, internal::BroadcastJoinOp<K, V, B>>(
            "BroadcastJoin", pb::LAW_NONE, EncodeToString(table)));
  }

 private:
  template <typename U>
  Dataset<U> Shuffled(plan::NodePtr node) const {
    if (pairs_.job().settings().partitions == 0) node->shuffle.set_partitions(partitions_);
    if (in_key_order_) internal::PartitionByRange<internal::PairKey<K, V>>(node, pairs_);
    return Dataset<U>(&pairs_.job(), std::move(node));
  }
  template <typename U, typename By, typename F, typename... W>
  Dataset<U> Group(const WithValues<W...>& values, F, std::string label) const {
    static_assert(internal::Portable<F>, "operators take captureless functions; send values by With()");
    return Shuffled<U>(internal::ShuffleNode(
        {pairs_.node()}, {internal::Spec<internal::GroupWriter<K, V, By>>("Shuffle", pb::LAW_SINK)},
        internal::Spec<internal::GroupReader<K, V, U, F, W...>>(std::move(label), pb::LAW_NONE,
                                                                internal::EncodeValues(values))));
  }
  template <typename U, typename B, typename F, typename... W>
  Dataset<U> CoGroupImpl(const Keyed<K, B>& right, const WithValues<W...>& values, F,
                         std::string label) const {
    return Shuffled<U>(internal::ShuffleNode(
        {right.Pairs().node(), pairs_.node()},
        {internal::Spec<internal::GroupWriter<K, B, internal::NoSort>>("Shuffle", pb::LAW_SINK),
         internal::Spec<internal::GroupWriter<K, V, internal::NoSort>>("Shuffle", pb::LAW_SINK)},
        internal::Spec<internal::CoGroupReader<K, V, B, U, F, W...>>(std::move(label), pb::LAW_NONE,
                                                                     internal::EncodeValues(values))));
  }

  Dataset<Pair> pairs_;
  bool in_key_order_ = false;
  uint32_t partitions_ = 0;  // 0: by the size of the inputs
};

// Rows whose columns are known at run time, with their schema.
struct Table {
  Schema schema;
  Dataset<Row> rows;
  std::vector<Row> sample = {};           // the first rows, where TableOptions::sample asked for them
  std::vector<std::string> folders = {};  // the columns that are folders name=value
  void Write(std::string_view path, const WriteOptions& options = {}) const {
    StartWrite(path, options).Get();
  }
  Started<uint64_t> StartWrite(std::string_view path, const WriteOptions& options = {}) const {
    return rows.StartWriteWith(path, options, EncodeToString(schema));
  }
};

}  // namespace millrace

#include "common/pipeline/dataset_inl.h"
