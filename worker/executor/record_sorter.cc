#include "worker/executor/record_sorter.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <vector>

#include "common/base/copy.h"

namespace millrace {
namespace {

constexpr size_t kSmall = 40;                            // below this, comparisons beat another radix pass
constexpr size_t kSmallEnd = 2 << 20;                    // of an arena, in pages of the usual size
constexpr size_t kMaxArena = (4ull << 30) - (64 << 10);  // offsets are 32 bits

uint64_t LoadBigEndian(const char* at, size_t available) {
  uint64_t word = 0;
  if (available >= 8) {
    std::memcpy(&word, at, 8);
  } else if (available > 0) {
    std::memcpy(&word, at, available);
  }
  return __builtin_bswap64(word);
}

}  // namespace

SlotArena::SlotArena(size_t capacity_bytes) {
  capacity_ = std::min(std::max<size_t>(capacity_bytes, 4096), kMaxArena) & ~size_t{4095};
  void* mapped =
      mmap(nullptr, capacity_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<char*>(mapped);
  // A small task touches a little of both ends: clearing a huge page there would take longer than the task.
  if (capacity_ > 2 * kSmallEnd) madvise(data_ + kSmallEnd, capacity_ - 2 * kSmallEnd, MADV_HUGEPAGE);
}

SlotArena::~SlotArena() { munmap(data_, capacity_); }

RecordSorter::RecordSorter(SlotArena* arena, size_t capacity_bytes)
    : data_(arena->data()), capacity_(std::min(arena->capacity(), capacity_bytes) & ~size_t{15}) {}

bool RecordSorter::Add(uint32_t partition, std::string_view key, std::string_view value,
                       std::string_view rest) {
  const size_t bytes = kHeader + key.size() + value.size() + rest.size();
  if (used_ + bytes + (count_ + 1) * 2 * sizeof(Entry) > capacity_) return false;
  char* at = segment::PutVarint32(data_ + used_, static_cast<uint32_t>(key.size()));
  at = segment::PutVarint32(at, static_cast<uint32_t>(value.size() + rest.size()));
  for (const std::string_view piece : {key, value, rest}) {
    CopyBytes(at, piece.data(), piece.size());
    at += piece.size();
  }
  Entry* entry = reinterpret_cast<Entry*>(data_ + capacity_) - 1 - count_;
  *entry = {LoadBigEndian(key.data(), key.size()), static_cast<uint32_t>(used_), partition};
  if (count_ == 0) first_prefix_ = entry->prefix;
  differing_ |= entry->prefix ^ first_prefix_;
  used_ = static_cast<size_t>(at - data_);
  ++count_;
  return true;
}

const char* RecordSorter::Lengths(uint32_t offset, uint32_t* key, uint32_t* value) const {
  const char* at = data_ + offset;
  const char* end = at + kHeader;
  return segment::GetVarint32(segment::GetVarint32(at, end, key), end, value);
}

std::string_view RecordSorter::KeyAt(uint32_t offset) const {
  uint32_t length, value;
  const char* key = Lengths(offset, &length, &value);
  return {key, length};
}

uint64_t RecordSorter::PrefixAt(uint32_t offset, size_t depth) const {
  const std::string_view key = KeyAt(offset);
  return LoadBigEndian(key.data() + depth, key.size() - depth);
}

RecordSorter::View RecordSorter::Get(size_t i) const {
  const Entry& entry = sorted_[i];
  uint32_t key_bytes, value_bytes;
  const char* key = Lengths(entry.offset, &key_bytes, &value_bytes);
  return {entry.partition, {key, key_bytes}, {key + key_bytes, value_bytes}};
}

std::string_view RecordSorter::Framed(size_t i, size_t* logical_bytes) const {
  const uint32_t offset = sorted_[i].offset;
  uint32_t key_bytes, value_bytes;
  const char* key = Lengths(offset, &key_bytes, &value_bytes);
  *logical_bytes = size_t{key_bytes} + value_bytes;
  const char* begin = data_ + offset;
  return {begin, static_cast<size_t>(key - begin) + *logical_bytes};
}

size_t RecordSorter::LowerBound(std::string_view key) const {
  return static_cast<size_t>(
      std::partition_point(sorted_, sorted_ + count_,
                           [&](const Entry& entry) { return KeyAt(entry.offset) < key; }) -
      sorted_);
}

void RecordSorter::Prefetch(size_t i) const {
  if (i >= count_) return;
  const char* at = data_ + sorted_[i].offset;
  __builtin_prefetch(at);
  __builtin_prefetch(at + 64);
  __builtin_prefetch(at + 128);
}

// Entries at `depth` have equal keys up to there. Ties of the cached bytes are settled in the arena.
bool RecordSorter::Less(const Entry& a, const Entry& b, size_t depth) const {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  std::string_view x = KeyAt(a.offset), y = KeyAt(b.offset);
  x.remove_prefix(std::min(x.size(), depth));
  y.remove_prefix(std::min(y.size(), depth));
  const int order = x.compare(y);
  return order != 0 ? order < 0 : a.offset < b.offset;
}

void RecordSorter::SmallSort(Entry* begin, Entry* end, size_t depth) {
  std::sort(begin, end, [this, depth](const Entry& a, const Entry& b) { return Less(a, b, depth); });
}

// Keys that ended within bytes that are all equal: they differ by trailing zero bytes only.
void RecordSorter::SortEnded(Entry* begin, Entry* end) {
  bool sorted = true;
  for (Entry* entry = begin; entry != end && sorted; ++entry) {
    sorted = KeyAt(entry->offset).size() == KeyAt(begin->offset).size();
  }
  if (sorted) return;  // all equal; the passes are stable, so they stand in the order of adding
  std::sort(begin, end, [this](const Entry& a, const Entry& b) {
    const size_t x = KeyAt(a.offset).size(), y = KeyAt(b.offset).size();
    return x != y ? x < y : a.offset < b.offset;
  });
}

// Most significant digit first, a byte at a time over the cached eight bytes, then the next eight.
// Every pass is stable. `depth` counts the key bytes known to be equal in the range.
void RecordSorter::SortRange(Entry* begin, Entry* end, Entry* scratch, size_t depth) {
  for (;;) {
    const size_t count = static_cast<size_t>(end - begin);
    if (count < 2) return;
    // The cached bytes are those from the multiple of eight below `depth` on.
    if (count <= kSmall) return SmallSort(begin, end, depth == 0 ? 0 : (depth - 1) & ~size_t{7});
    if (depth % 8 == 0 && depth > 0) {
      Entry* ended = std::stable_partition(
          begin, end, [this, depth](const Entry& entry) { return KeyAt(entry.offset).size() <= depth; });
      SortEnded(begin, ended);
      if (ended != begin) {
        scratch += ended - begin;
        begin = ended;
        if (begin == end) return;
      }
      for (Entry* entry = begin; entry != end; ++entry) entry->prefix = PrefixAt(entry->offset, depth);
    }
    // Bytes that are equal in the whole range are passed over in one go.
    uint64_t differing = 0;
    for (const Entry* entry = begin; entry != end; ++entry) differing |= entry->prefix ^ begin->prefix;
    const size_t equal_bytes = differing == 0 ? 8 : static_cast<size_t>(__builtin_clzll(differing)) / 8;
    depth = (depth & ~size_t{7}) + equal_bytes;
    if (equal_bytes < 8) break;
  }
  const int shift = 56 - static_cast<int>(depth % 8) * 8;
  std::array<uint32_t, 257> starts{};
  for (const Entry* entry = begin; entry != end; ++entry) ++starts[((entry->prefix >> shift) & 255) + 1];
  for (size_t digit = 1; digit <= 256; ++digit) starts[digit] += starts[digit - 1];
  std::array<uint32_t, 256> next;
  std::copy_n(starts.begin(), 256, next.begin());
  for (const Entry* entry = begin; entry != end; ++entry)
    scratch[next[(entry->prefix >> shift) & 255]++] = *entry;
  std::copy(scratch, scratch + (end - begin), begin);
  for (size_t digit = 0; digit < 256; ++digit) {
    if (starts[digit + 1] - starts[digit] > 1) {
      SortRange(begin + starts[digit], begin + starts[digit + 1], scratch + starts[digit], depth + 1);
    }
  }
}

// All of one partition: the first pass goes by the first byte that differs.
void RecordSorter::SortOne(Entry* added) {
  const size_t depth = differing_ == 0 ? 8 : static_cast<size_t>(__builtin_clzll(differing_)) / 8;
  if (count_ <= kSmall || depth == 8) {
    std::reverse_copy(added, added + count_, sorted_);
    return SortRange(sorted_, sorted_ + count_, added, 0);
  }
  const int shift = 56 - static_cast<int>(depth) * 8;
  std::array<size_t, 257> starts{};
  for (const Entry* entry = added; entry != added + count_; ++entry)
    ++starts[((entry->prefix >> shift) & 255) + 1];
  for (size_t digit = 1; digit <= 256; ++digit) starts[digit] += starts[digit - 1];
  std::array<size_t, 256> next;
  std::copy_n(starts.begin(), 256, next.begin());
  for (const Entry* entry = added + count_; entry-- != added;)
    sorted_[next[(entry->prefix >> shift) & 255]++] = *entry;
  for (size_t digit = 0; digit < 256; ++digit)
    SortRange(sorted_ + starts[digit], sorted_ + starts[digit + 1], added + starts[digit], depth + 1);
}

void RecordSorter::Sort(uint32_t partitions) {
  Entry* added = reinterpret_cast<Entry*>(data_ + capacity_) - count_;  // last added first
  sorted_ = added - count_;
  if (partitions == 1) return SortOne(added);
  std::vector<size_t> starts(partitions + 1, 0);
  for (size_t i = 0; i < count_; ++i) ++starts[added[i].partition + 1];
  for (size_t p = 1; p <= partitions; ++p) starts[p] += starts[p - 1];
  std::vector<size_t> next(starts.begin(), starts.end() - 1);
  for (size_t i = count_; i-- > 0;) sorted_[next[added[i].partition]++] = added[i];
  for (size_t p = 0; p < partitions; ++p) {
    SortRange(sorted_ + starts[p], sorted_ + starts[p + 1], added + starts[p], 0);
  }
}

void RecordSorter::Clear() {
  used_ = 0;
  count_ = 0;
  differing_ = 0;
  sorted_ = nullptr;
}

}  // namespace millrace
