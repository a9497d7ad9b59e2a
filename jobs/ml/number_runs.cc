#include "jobs/ml/number_runs.h"

#include <algorithm>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {
namespace {

constexpr size_t kFewValues = 512;  // below, comparing is faster than eight histograms

template <typename T>
void AppendRaw(const T* data, size_t count, std::string* out) {
  out->append(reinterpret_cast<const char*>(data), count * sizeof(T));
}

}  // namespace

void SortBits(std::vector<uint64_t>* values, std::vector<uint64_t>* scratch) {
  const size_t n = values->size();
  if (n <= kFewValues) return std::sort(values->begin(), values->end());
  uint32_t counts[8][256] = {};
  for (const uint64_t value : *values)
    for (int digit = 0; digit < 8; ++digit) ++counts[digit][(value >> (8 * digit)) & 255];
  scratch->resize(n);
  uint64_t *from = values->data(), *to = scratch->data();
  for (int digit = 0; digit < 8; ++digit) {
    uint32_t* count = counts[digit];
    if (count[(from[0] >> (8 * digit)) & 255] == n) continue;  // the same everywhere
    uint32_t next = 0;
    for (int d = 0; d < 256; ++d) next += std::exchange(count[d], next);
    for (size_t i = 0; i < n; ++i) to[count[(from[i] >> (8 * digit)) & 255]++] = from[i];
    std::swap(from, to);
  }
  if (from != values->data()) values->swap(*scratch);
}

uint64_t NumberBlock::First() const {
  if (alone.empty()) return counted[0].value;
  return counted.empty() ? alone[0] : std::min(alone[0], counted[0].value);
}

void NumberBlock::Encode(std::string* out) const {
  out->clear();
  const uint32_t sizes[2] = {static_cast<uint32_t>(alone.size()), static_cast<uint32_t>(counted.size())};
  AppendRaw(sizes, 2, out);
  AppendRaw(alone.data(), alone.size(), out);
  AppendRaw(counted.data(), counted.size(), out);
}

std::string OrderOfBits(uint64_t value) { return EncodeKey(value); }

uint64_t BitsOfOrder(std::string_view order) {
  uint64_t value = 0;
  KeyCodec<uint64_t>::Decode(&order, nullptr, &value);
  return value;
}

bool NumberMerge::Take(std::string_view bytes) {
  uint32_t sizes[2];
  if (bytes.size() < sizeof(sizes)) return false;
  std::memcpy(sizes, bytes.data(), sizeof(sizes));
  bytes.remove_prefix(sizeof(sizes));
  const size_t alone_bytes = size_t{sizes[0]} * sizeof(uint64_t);
  const size_t counted_bytes = size_t{sizes[1]} * sizeof(NumberBlock::Counted);
  if (bytes.size() != alone_bytes + counted_bytes) return false;
  const size_t a = alone_.size(), c = counted_.size();
  alone_.resize(a + sizes[0]);
  counted_.resize(c + sizes[1]);
  if (alone_bytes > 0) std::memcpy(alone_.data() + a, bytes.data(), alone_bytes);
  if (counted_bytes > 0) std::memcpy(counted_.data() + c, bytes.data() + alone_bytes, counted_bytes);
  return true;
}

void NumberMerge::Sort() {
  SortBits(&alone_, &scratch_);
  std::sort(counted_.begin(), counted_.end(),
            [](const NumberBlock::Counted& a, const NumberBlock::Counted& b) { return a.value < b.value; });
}

}  // namespace millrace::ml
