// CoGroup and the joins: two keyed data sets meet in one sorting shuffle.
//
// The right side has tag 0 and is held in memory for one key at a time (up to a quarter of the slot); the
// left side streams past it. So results of a key come in the order of the left side, then of the right.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/pipeline/group.h"

namespace millrace {

// The left records of one key: `for (const A& a : left)`. One pass.
template <typename A>
using LeftRows = Rows<A>;

namespace internal {

// Reads the right records of a group into `right`; false when they do not fit.
template <typename B>
bool ReadRight(GroupCursor& cursor, const OperatorArgs& args, std::vector<B>* right,
               std::vector<std::string>* bytes) {
  right->clear();
  bytes->clear();
  size_t held = 0;
  while (cursor.InGroup() && cursor.tag() == 0) {
    bytes->emplace_back(cursor.value());
    held += bytes->back().size() + sizeof(B) + sizeof(std::string);
    if (held > args.context.memory_bytes() / 4) {
      args.context.FailInput(
          StrCat(args.spec.label(), ": the right side has over ", HumanBytes(held),
                 " of records for one key, more than a quarter of a slot's memory; put the "
                 "side with fewer records per key on the right, or raise --slot-memory"));
      return false;
    }
    cursor.Advance();
  }
  right->resize(bytes->size());
  for (size_t i = 0; i < bytes->size(); ++i) {
    if (!DecodeAll(std::string_view((*bytes)[i]), &(*right)[i])) {
      args.context.FailInternal("a joined record cannot be decoded");
      return false;
    }
  }
  return true;
}

// F: void (values..., const K&, Rows<A> left, const std::vector<B>& right, Emitter<U>&).
template <typename K, typename A, typename B, typename U, typename F, typename... W>
struct CoGroupReader {
  static constexpr std::string_view kKind = "CoGroup";
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
    std::vector<B> right;
    std::vector<std::string> right_bytes;
    while (cursor.NextGroup(&key)) {
      if (!ReadRight(cursor, args, &right, &right_bytes)) return;
      values.Call(F{}, std::as_const(key), Rows<A>(cursor, context), std::as_const(right), emitter);
    }
  }
};

struct InnerJoinFn {
  template <typename K, typename A, typename B>
  void operator()(const K& key, Rows<A> left, const std::vector<B>& right,
                  Emitter<KeyValue<K, std::pair<A, B>>>& out) const {
    if (right.empty()) return;
    for (const A& a : left)
      for (const B& b : right) out({key, {a, b}});
  }
};

struct LeftJoinFn {
  template <typename K, typename A, typename B>
  void operator()(const K& key, Rows<A> left, const std::vector<B>& right,
                  Emitter<KeyValue<K, std::pair<A, std::optional<B>>>>& out) const {
    for (const A& a : left) {
      if (right.empty()) out({key, {a, std::nullopt}});
      for (const B& b : right) out({key, {a, std::optional<B>(b)}});
    }
  }
};

// Every left record meets the records of a small table that travels in the plan, sorted by encoded key.
template <typename K, typename A, typename B>
class BroadcastJoinOp : public Sink<KeyValue<K, A>> {
 public:
  using Out = KeyValue<K, std::pair<A, B>>;
  static constexpr std::string_view kKind = "BroadcastJoin";
  static OperatorFunction Describe() { return SinkFunction<BroadcastJoinOp, Sink<Out>>(); }
  BroadcastJoinOp(const OperatorArgs& args, Sink<Out>* down)
      : down_(down), counts_(args.context.counts(args.spec.id())) {
    if (!DecodeAll(std::string_view(args.values()), &table_))
      args.context.FailInternal("the table of a broadcast join cannot be decoded");
  }
  void Push(const KeyValue<K, A>& record) override {
    ++counts_.in;
    scratch_.clear();
    KeyCodec<K>::Encode(record.key, &scratch_);
    auto at = std::lower_bound(table_.begin(), table_.end(), scratch_,
                               [](const auto& entry, const std::string& key) { return entry.first < key; });
    for (; at != table_.end() && at->first == scratch_; ++at) {
      ++counts_.out;
      down_->Push(Out{record.key, {record.value, at->second}});
    }
  }
  void Finish() override { down_->Finish(); }

 private:
  Sink<Out>* down_;
  OperatorCounts& counts_;
  std::vector<std::pair<std::string, B>> table_;
  std::string scratch_;
};

}  // namespace internal
}  // namespace millrace
