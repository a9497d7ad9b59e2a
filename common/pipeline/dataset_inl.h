// Implementations of Dataset's and Job's templates.
#pragma once

#include "common/pipeline/dataset.h"

namespace millrace {
namespace internal {

template <typename T>
void OwnRecord(T&) {}
inline void OwnRecord(Row& row) { row.Own(); }

template <typename T>
bool DecodeRecords(std::string_view bytes, std::vector<T>* out) {
  ByteReader in(bytes);
  while (in.remaining() > 0) {
    T record{};
    if (!Codec<T>::Decode(in, &record)) return false;
    OwnRecord(record);
    out->push_back(std::move(record));
  }
  return true;
}

template <typename T>
plan::OperatorSpec WriteSpec(const std::string& values) {
  if constexpr (std::is_same_v<T, Row>) {
    return Spec<WriteRowsOp>("Write", pb::LAW_SINK, values);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return Spec<WriteTextOp<T>>("Write", pb::LAW_SINK);
  } else {
    static_assert(DescribedRecord<T>, "only described records (MR_RECORD), rows and texts can be written");
    return Spec<WriteRecordsOp<T>>("Write", pb::LAW_SINK);
  }
}

}  // namespace internal

template <typename T>
uint32_t Dataset<T>::StartResult(plan::OperatorSpec terminal, std::string label, bool sample) const {
  plan::ActionSpec action;
  action.label = std::move(label);
  action.node = node_;
  action.terminal = std::move(terminal);
  action.sample = sample;
  action.target.mutable_result()->set_max_bytes(job_->settings().max_collect_bytes);
  return job_->StartAction(action);
}

namespace internal {

template <typename T>
std::vector<std::vector<T>> TakeRecords(Job& job, const pb::ActionResult& result) {
  std::vector<std::vector<T>> tasks;
  for (const std::string& part : result.results())
    if (!DecodeRecords(part, &tasks.emplace_back()))
      job.Fail(pb::ErrorInfo::INTERNAL, "a collected result cannot be decoded");
  return tasks;
}

template <typename T>
plan::OperatorSpec CollectSpec() {
  static_assert(kOwning<T>, "Collect keeps records: map std::string_view to std::string first");
  return Spec<CollectOp<T>>("Collect", pb::LAW_SINK);
}

}  // namespace internal

template <typename T>
Started<std::vector<T>> Dataset<T>::StartCollect() const {
  const auto take = [](Job& job, const pb::ActionResult& result) {
    std::vector<T> all;
    for (std::vector<T>& task : internal::TakeRecords<T>(job, result)) {
      if (all.empty()) {
        all = std::move(task);
      } else {
        all.insert(all.end(), std::make_move_iterator(task.begin()), std::make_move_iterator(task.end()));
      }
    }
    return all;
  };
  return {job_, StartResult(internal::CollectSpec<T>(), "Collect"), take};
}

template <typename T>
std::vector<std::vector<T>> Dataset<T>::CollectPerTask() const {
  return internal::TakeRecords<T>(*job_, job_->Await(StartResult(internal::CollectSpec<T>(), "Collect")));
}

template <typename T>
std::vector<T> Dataset<T>::Take(uint64_t n) const {
  std::vector<T> records =
      Next<T, internal::HeadOp<T>>("Head", pb::LAW_FILTER, EncodeToString(std::tuple(n))).Collect();
  if (records.size() > n) records.resize(n);
  return records;
}

template <typename T>
std::vector<T> Dataset<T>::CollectSample() const {
  std::vector<T> all;
  const uint32_t action = StartResult(internal::CollectSpec<T>(), "Sample", plan::ReadsFilesDirectly(*node_));
  for (std::vector<T>& task : internal::TakeRecords<T>(*job_, job_->Await(action)))
    all.insert(all.end(), std::make_move_iterator(task.begin()), std::make_move_iterator(task.end()));
  return all;
}

namespace internal {

// The counts of the tasks, in their order.
inline std::vector<uint64_t> TakeCounts(Job& job, const pb::ActionResult& result) {
  std::vector<uint64_t> counts;
  for (const std::string& part : result.results())
    if (!DecodeAll(std::string_view(part), &counts.emplace_back()))
      job.Fail(pb::ErrorInfo::INTERNAL, "a count cannot be decoded");
  return counts;
}

}  // namespace internal

template <typename T>
std::vector<uint64_t> Dataset<T>::CountPerTask() const {
  return internal::TakeCounts(
      *job_, job_->Await(StartResult(internal::Spec<internal::CountOp<T>>("Count"), "Count")));
}

template <typename T>
Started<uint64_t> Dataset<T>::StartCount() const {
  const auto take = [](Job& job, const pb::ActionResult& result) {
    uint64_t total = 0;
    for (uint64_t count : internal::TakeCounts(job, result)) total += count;
    return total;
  };
  return {job_, StartResult(internal::Spec<internal::CountOp<T>>("Count"), "Count"), take};
}

template <typename T>
Dataset<T> Dataset<T>::Slice(const std::vector<uint64_t>& counts, uint64_t first, uint64_t n) const {
  size_t begin = 0;
  while (begin < counts.size() && first >= counts[begin]) first -= counts[begin++];
  std::vector<uint64_t> skip, take;  // per task that is kept
  for (size_t task = begin; task < counts.size() && n > 0; ++task) {
    skip.push_back(first);
    take.push_back(std::min(n, counts[task] - first));
    n -= take.back();
    first = 0;
  }
  const plan::NodePtr tasks = internal::TasksOf(*job_, node_, begin, begin + take.size());
  return Dataset(job_, tasks)
      .template Next<T, internal::SliceOp<T>>("Slice", pb::LAW_FILTER,
                                              EncodeToString(std::tuple(skip, take)));
}

template <typename T>
template <typename C>
Started<T> Dataset<T>::StartAggregate(C, T empty) const {
  static_assert(internal::Portable<C>, "a combiner is an empty function object");
  const auto take = [empty = std::move(empty)](Job& job, const pb::ActionResult& result) {
    T folded = empty;
    bool first = true;
    for (const std::string& part : result.results()) {
      if (part.empty()) continue;
      T partial{};
      if (!DecodeAll(std::string_view(part), &partial))
        job.Fail(pb::ErrorInfo::INTERNAL, "a partial cannot be decoded");
      if (first) {
        folded = std::move(partial);
      } else {
        internal::Combine<C>(folded, partial);
      }
      first = false;
    }
    return folded;
  };
  return {job_, StartResult(internal::Spec<internal::AggregateOp<T, C>>("Aggregate"), "Aggregate"), take};
}

template <typename T>
template <typename C>
std::vector<std::optional<T>> Dataset<T>::AggregatePerTask(C) const {
  static_assert(internal::Portable<C>, "a combiner is an empty function object");
  const pb::ActionResult result =
      job_->Await(StartResult(internal::Spec<internal::AggregateOp<T, C>>("Aggregate"), "Aggregate"));
  std::vector<std::optional<T>> totals;
  for (const std::string& part : result.results()) {
    totals.emplace_back();
    if (part.empty()) continue;
    if (!DecodeAll(std::string_view(part), &totals.back().emplace()))
      job_->Fail(pb::ErrorInfo::INTERNAL, "a partial cannot be decoded");
  }
  return totals;
}

template <typename T>
template <typename F, typename C>
auto Dataset<T>::WithRunningTotal(F part, C combine) const {
  using S = std::decay_t<std::invoke_result_t<F, const T&>>;
  std::vector<std::optional<S>> before;  // what the tasks before each one add up to
  std::optional<S> total;
  for (const std::optional<S>& task : Map(part, "Parts").AggregatePerTask(combine)) {
    before.push_back(total);
    if (!task.has_value()) continue;
    if (total.has_value()) {
      internal::Combine<C>(*total, *task);
    } else {
      total = task;
    }
  }
  return Next<Running<S, T>, internal::RunningOp<T, S, F, C>>("WithRunningTotal", pb::LAW_MAP,
                                                              EncodeToString(std::tuple(before)));
}

template <typename T>
Started<uint64_t> Dataset<T>::StartWriteWith(std::string_view path, const WriteOptions& options,
                                             const std::string& values) const {
  constexpr bool kText = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;
  plan::ActionSpec action;
  *action.target.mutable_write() = job_->WriteTargetFor(path, options, kText ? "text" : "csv");
  const std::string& folder = action.target.write().folder();
  action.label = folder.empty() ? "Write" : "Write(" + folder + ")";
  action.node = node_;
  action.terminal = internal::WriteSpec<T>(values);
  job_->CheckOwnFolder(folder, options.first_part.has_value());
  return {job_, job_->StartAction(action),
          [](Job&, const pb::ActionResult& result) { return result.records(); }};
}

namespace internal {

template <typename KeyOf, typename T>
void PartitionByRange(const plan::NodePtr& node, const Dataset<T>& input, const std::string& values) {
  input.job().Note(node);
  node->prepare = [input, values](plan::Node& shuffle) {
    Job& job = input.job();
    const uint32_t partitions = plan::ChoosePartitions(shuffle, job.lower_options());
    if (partitions > 1) {
      const pb::ActionResult result =
          job.Await(input.StartResult(Spec<SampleKeysOp<T, KeyOf>>("SampleKeys", pb::LAW_NONE, values),
                                      "Sample", plan::ReadsFilesDirectly(*input.node())));
      std::vector<std::string> keys;
      for (const std::string& part : result.results()) {
        std::vector<std::string> some;
        if (!DecodeAll(std::string_view(part), &some))
          job.Fail(pb::ErrorInfo::INTERNAL, "a sample cannot be decoded");
        keys.insert(keys.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
      }
      for (std::string& bound : RangeBounds(std::move(keys), partitions))
        shuffle.shuffle.add_bounds(std::move(bound));
    }
    shuffle.shuffle.set_partitioner(pb::ShuffleTarget::RANGE);
  };
}

}  // namespace internal

template <typename T>
template <typename KeyOf, typename... V>
Dataset<T> Dataset<T>::SortImpl(std::string label, const std::string& values) const {
  using Key = internal::WithKey<KeyOf, V...>;
  plan::NodePtr node = internal::ShuffleNode(
      {node_}, {internal::Spec<internal::SortWriter<T, Key>>(label, pb::LAW_SINK, values)},
      internal::Spec<internal::SortedReader<T>>("Merge"));
  internal::PartitionByRange<Key>(node, *this, values);
  return Dataset(job_, node);
}

template <typename T>
Dataset<T> Dataset<T>::Sort() const {
  using Key = internal::WithKey<internal::RecordKey<T>>;
  plan::NodePtr node =
      internal::ShuffleNode({node_}, {internal::Spec<internal::SortKeyWriter<T>>("Sort", pb::LAW_SINK)},
                            internal::Spec<internal::SortedKeyReader<T>>("Merge"));
  internal::PartitionByRange<Key>(node, *this);
  return Dataset(job_, node);
}

template <typename T>
Dataset<T> Job::Read(std::string_view uri, const ReadOptions& options) {
  return Dataset<T>(this, ReadNode(uri, options,
                                   internal::Spec<internal::ReadOp<T>>(
                                       "Read(" + std::string(RecordName<T>()) + ")", pb::LAW_SOURCE),
                                   SchemaOf<T>()));
}

template <typename S, typename Step>
S Job::Loop(std::string_view name, S state, uint64_t max, Step step) {
  static_assert(internal::kOwning<S>, "the state of a loop outlives its steps: use std::string");
  RunLoop(std::string(name), max,
          {[&] { return EncodeToString(state); },
           [&](const std::string& bytes) {
             S decoded{};
             if (!DecodeAll(std::string_view(bytes), &decoded)) return false;
             state = std::move(decoded);
             return true;
           },
           [&](uint64_t i) -> bool { return step(state, i); }});
  return state;
}

template <typename T>
Dataset<T> Job::Values(const std::vector<T>& records, uint32_t partitions) {
  auto node = std::make_shared<plan::Node>();
  node->kind = plan::Node::Kind::kValues;
  for (uint64_t p = 0; p < partitions; ++p) {
    std::string* bytes = node->values.add_partitions();
    for (size_t i = p * records.size() / partitions; i < (p + 1) * records.size() / partitions; ++i)
      Codec<T>::Encode(records[i], bytes);
  }
  node->op = internal::Spec<internal::ValuesOp<T>>("Values");
  return Dataset<T>(this, node);
}

}  // namespace millrace
