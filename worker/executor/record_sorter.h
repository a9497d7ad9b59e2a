// Sorts the records of one map task by (partition, key bytes, order of adding) within a fixed piece of
// memory. Records lie at the bottom of the arena, framed as in a segment, one 16-byte entry each at its top,
// and the gap between is the scratch space of the sort, so `full` means that nothing more could be sorted in
// place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/shuffle/segment_format.h"

namespace millrace {

// Memory of one slot, kept between its tasks: freshly faulted pages cost as much as the sort itself.
class SlotArena {
 public:
  // Reserves address space only; pages are taken when touched. At most 4 GiB - 64 KiB are used.
  explicit SlotArena(size_t capacity_bytes);
  ~SlotArena();
  SlotArena(const SlotArena&) = delete;
  SlotArena& operator=(const SlotArena&) = delete;

  char* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

class RecordSorter {
 public:
  // Uses the first `capacity_bytes` of the arena (all of it when larger).
  RecordSorter(SlotArena* arena, size_t capacity_bytes);

  // False when the record does not fit: sort, drain and Clear() first. A record that does not fit into
  // an empty sorter is larger than the slot's share; see MaxRecordBytes(). The value may come in two pieces.
  bool Add(uint32_t partition, std::string_view key, std::string_view value, std::string_view rest = {});
  size_t MaxRecordBytes() const { return capacity_ - 2 * sizeof(Entry) - kHeader; }

  // `partitions` is one more than the largest partition added. Afterwards Get(0..size()-1) is in order.
  void Sort(uint32_t partitions);
  // Rough key order is not kept while adding: valid after Sort() only.
  struct View {
    uint32_t partition;
    std::string_view key, value;
  };
  View Get(size_t i) const;
  // Record i as it lies in a segment; *logical_bytes: its key and value alone.
  std::string_view Framed(size_t i, size_t* logical_bytes) const;
  // Sorted as one partition: the first record whose key is not below `key`. O(log size()).
  size_t LowerBound(std::string_view key) const;
  uint32_t PartitionAt(size_t i) const { return sorted_[i].partition; }
  // Pulls record i into the cache; i may be past the end.
  void Prefetch(size_t i) const;

  size_t size() const { return count_; }
  size_t used_bytes() const { return used_ + count_ * sizeof(Entry); }
  void Clear();

 private:
  struct Entry {
    uint64_t prefix;  // eight bytes of the key at the depth reached, big-endian, zero-padded
    uint32_t offset;  // of the record in the arena; rises with the order of adding
    uint32_t partition;
  };
  static constexpr size_t kHeader = 2 * segment::kMaxVarint32Bytes;  // at most: key and value length

  // The record's lengths, and where its key begins.
  const char* Lengths(uint32_t offset, uint32_t* key, uint32_t* value) const;
  std::string_view KeyAt(uint32_t offset) const;
  uint64_t PrefixAt(uint32_t offset, size_t depth) const;
  bool Less(const Entry& a, const Entry& b, size_t depth) const;
  void SortRange(Entry* begin, Entry* end, Entry* scratch, size_t depth);
  void SortEnded(Entry* begin, Entry* end);
  void SmallSort(Entry* begin, Entry* end, size_t depth);
  void SortOne(Entry* added);

  char* data_;
  size_t capacity_;
  size_t used_ = 0;
  size_t count_ = 0;
  uint64_t first_prefix_ = 0, differing_ = 0;  // bits in which prefixes differ from the first one
  Entry* sorted_ = nullptr;
};

}  // namespace millrace
