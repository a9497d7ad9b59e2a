// ReduceByKey: a combiner on both sides of the shuffle.
//
// Map side: a table flushed in generations, each one run sorted by (partition, key). Reduce side: the
// partials of a key are folded left in (map, generation) order, once. So the result of a float sum does not
// depend on memory, workers or retries.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/pipeline/combine_table.h"
#include "common/pipeline/group.h"
#include "common/pipeline/keyed_record.h"
#include "common/pipeline/operator.h"
#include "common/record/codec.h"
#include "common/record/key.h"

namespace millrace {

// The usual combiners. A combiner is an empty function object: void (V& into, const V& value) or
// V (const V&, const V&); it is called in order.
struct Sum {
  template <typename V>
  void operator()(V& into, const V& value) const {
    into += value;
  }
};
struct Min {
  template <typename V>
  void operator()(V& into, const V& value) const {
    if (value < into) into = value;
  }
};
struct Max {
  template <typename V>
  void operator()(V& into, const V& value) const {
    if (into < value) into = value;
  }
};

namespace internal {

template <typename C, typename V>
void Combine(V& into, const V& value) {
  if constexpr (std::is_void_v<std::invoke_result_t<C, V&, const V&>>) {
    C{}(into, value);
  } else {
    into = C{}(into, value);
  }
}

template <typename K>
inline constexpr bool kTextKey = std::is_same_v<K, std::string_view> || std::is_same_v<K, std::string>;

template <typename K, typename V, typename C>
class CombineWriter : public Sink<KeyValue<K, V>> {
 public:
  static constexpr std::string_view kKind = "Combine";
  static OperatorFunction Describe() { return SinkFunction<CombineWriter, SinkBase>(); }

  CombineWriter(const OperatorArgs& args, SinkBase*)
      : out_(args.context.shuffle_output()),
        counts_(args.context.counts(args.spec.id())),
        flush_bytes_(args.context.stage().shuffle().combine_flush_bytes()) {}

  void Push(const KeyValue<K, V>& record) override {
    ++counts_.in;
    bool fresh;
    auto& slot = table_.Find(TableKey(record.key), &fresh);
    if (fresh) {
      slot.value = record.value;
      if (table_.logical_bytes() >= flush_bytes_) Flush();
    } else {
      Combine<C>(slot.value, record.value);
    }
  }

  void Finish() override {
    if (table_.size() > 0) Flush();
  }

 private:
  struct Entry {
    uint32_t partition;
    uint64_t prefix;
    std::string_view key;
    const V* value;
  };

  // Text keys are looked up as they are and encoded once per flush; others by their encoding.
  std::string_view TableKey(const K& key) {
    if constexpr (kTextKey<K>) {
      return key;
    } else {
      scratch_.clear();
      KeyCodec<K>::Encode(key, &scratch_);
      return scratch_;
    }
  }

  void Flush() {
    std::vector<Entry> entries;
    entries.reserve(table_.size());
    table_.ForEach([&](auto& slot) {
      std::string_view key = slot.bytes();
      if constexpr (kTextKey<K>) {
        scratch_.clear();
        KeyCodec<std::string_view>::Encode(key, &scratch_);
        key = keys_.Copy(scratch_);
      }
      entries.push_back({out_.PartitionOf(key), KeyPrefix64(key), key, &slot.value});
    });
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      if (a.partition != b.partition) return a.partition < b.partition;
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      return a.key < b.key;
    });
    out_.BeginRun();
    for (const Entry& entry : entries) {
      scratch_.clear();
      Codec<V>::Encode(*entry.value, &scratch_);
      out_.Append(entry.partition, entry.key, scratch_);
    }
    out_.EndRun();
    counts_.out += entries.size();
    table_.Clear();
    keys_.Clear();
  }

  ShuffleOutput& out_;
  OperatorCounts& counts_;
  const uint64_t flush_bytes_;
  CombineTable<V> table_;
  ByteArena keys_;
  std::string scratch_;
};

template <typename K, typename V, typename C>
struct CombineReader {
  static constexpr std::string_view kKind = "Fold";
  static OperatorFunction Describe() {
    OperatorFunction function;
    function.kind = kKind;
    function.run_source = &Run;
    return function;
  }

  static void Run(const OperatorArgs& args, SinkBase* down) {
    auto* sink = static_cast<Sink<KeyValue<K, V>>*>(down);
    OperatorCounts& counts = args.context.counts(args.spec.id());
    GroupCursor cursor(args, counts);
    KeyValue<K, V> record;
    V value{};
    while (cursor.NextGroup(&record.key)) {
      bool ok = DecodeAll(cursor.value(), &record.value);
      for (cursor.Advance(); ok && cursor.InGroup(); cursor.Advance()) {
        ok = DecodeAll(cursor.value(), &value);
        if (ok) Combine<C>(record.value, value);
      }
      if (!ok) {
        args.context.FailInternal("a shuffled record of " + args.spec.label() + " cannot be decoded");
        return;
      }
      ++counts.out;
      sink->Push(record);
    }
  }
};

}  // namespace internal
}  // namespace millrace
