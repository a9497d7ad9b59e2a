#include "jobs/ml/text_runs.h"

#include <algorithm>
#include <numeric>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kOrderBytes = 64;

}  // namespace

std::string_view TextArena::Copy(std::string_view text) {
  bytes_ += text.size();
  if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < text.size()) {
    chunks_.emplace_back();
    chunks_.back().reserve(std::max(kChunkBytes, text.size()));
  }
  std::string& chunk = chunks_.back();
  const size_t at = chunk.size();
  chunk.append(text);
  return std::string_view(chunk).substr(at);
}

void TextArena::Clear() {
  chunks_.clear();
  bytes_ = 0;
}

uint32_t TextTable::Add(std::string_view text) {
  if (last_ < entries_.size() && entries_[last_].text == text) {
    ++entries_[last_].count;
    return last_;
  }
  if (2 * (entries_.size() + 1) > slots_.size()) Grow();
  const uint64_t hash = StableHash(text);
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  for (; slots_[i] != 0; i = (i + 1) & mask) {
    Entry& entry = entries_[slots_[i] - 1];
    if (entry.hash != hash || entry.text != text) continue;
    ++entry.count;
    return last_ = slots_[i] - 1;
  }
  entries_.push_back({arena_.Copy(text), 1, hash});
  slots_[i] = size();
  return last_ = size() - 1;
}

std::vector<uint32_t> TextTable::InOrder() const {
  struct Keyed {
    uint64_t prefix;
    uint32_t number;
  };
  std::vector<Keyed> keyed(entries_.size());
  for (uint32_t i = 0; i < size(); ++i) keyed[i] = {KeyPrefix64(entries_[i].text), i};
  std::sort(keyed.begin(), keyed.end(), [this](const Keyed& a, const Keyed& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : entries_[a.number].text < entries_[b.number].text;
  });
  std::vector<uint32_t> numbers;
  numbers.reserve(keyed.size());
  for (const Keyed& key : keyed) numbers.push_back(key.number);
  return numbers;
}

void TextTable::Clear() {
  slots_.assign(slots_.size(), 0);
  entries_.clear();
  arena_.Clear();
  last_ = 0;
}

void TextTable::Grow() {
  slots_.assign(std::max<size_t>(64, 2 * slots_.size()), 0);
  const size_t mask = slots_.size() - 1;
  for (uint32_t number = 0; number < size(); ++number) {
    size_t i = entries_[number].hash & mask;
    while (slots_[i] != 0) i = (i + 1) & mask;
    slots_[i] = number + 1;
  }
}

std::string_view OrderOfText(std::string_view text) { return text.substr(0, kOrderBytes); }

void TextBlocks::Append(std::string_view text, uint64_t count) {
  Codec<std::string_view>::Encode(text, &bytes_);
  Codec<uint64_t>::Encode(count, &bytes_);
}

bool TextMerge::Take(std::string_view bytes) {
  ByteReader in(arena_->Copy(bytes));
  Entry entry;
  while (!in.empty()) {
    if (!Codec<std::string_view>::Decode(in, &entry.text) || !Codec<uint64_t>::Decode(in, &entry.count))
      return false;
    entry.prefix = KeyPrefix64(entry.text);
    entries_.push_back(entry);
  }
  return true;
}

void TextMerge::Sort() {
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.text < b.text;
  });
}

void TextMerge::Forget(size_t first) {
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first));
  auto arena = std::make_unique<TextArena>();
  for (Entry& entry : entries_) entry.text = arena->Copy(entry.text);
  arena_.swap(arena);
}

}  // namespace millrace::ml
