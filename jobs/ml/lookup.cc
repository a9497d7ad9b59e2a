#include "jobs/ml/lookup.h"

namespace millrace::ml {
namespace {

constexpr size_t kFirstSlots = 16;

template <typename T>
void PutRaw(const std::vector<T>& items, std::string* out) {
  PutVarint(items.size(), out);
  if (!items.empty()) out->append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
}
template <typename T>
bool GetRaw(ByteReader& in, std::vector<T>* items) {
  uint64_t size = 0;
  if (!in.Varint(&size) || size > in.remaining() / sizeof(T)) return false;
  items->resize(size);
  return in.Copy(items->data(), size * sizeof(T));
}

}  // namespace

bool TextLookup::Add(std::string_view key, uint32_t number) {
  if (Find(key) != kNone) return false;
  if (2 * (used_ + 1) > numbers_.size()) Grow();
  const uint64_t word = WordOf(key);
  size_t i = Home(word);
  while (numbers_[i] != kNone) i = (i + 1) & (numbers_.size() - 1);
  words_[i] = word;
  numbers_[i] = number;
  ++used_;
  if (Inline(key)) return true;
  if (starts_.empty()) {
    starts_.resize(numbers_.size());
    texts_.assign(1, '\0');
  }
  starts_[i] = static_cast<uint32_t>(texts_.size());
  PutFixed(static_cast<uint32_t>(key.size()), &texts_);
  texts_.append(key);
  return true;
}

void TextLookup::Grow() {
  const size_t slots = numbers_.empty() ? kFirstSlots : 2 * numbers_.size();
  std::vector<uint64_t> words(slots);
  std::vector<uint32_t> numbers(slots, kNone), starts(starts_.empty() ? 0 : slots);
  words.swap(words_);
  numbers.swap(numbers_);
  starts.swap(starts_);
  for (size_t old = 0; old < numbers.size(); ++old) {
    if (numbers[old] == kNone) continue;
    size_t i = Home(words[old]);
    while (numbers_[i] != kNone) i = (i + 1) & (slots - 1);
    words_[i] = words[old];
    numbers_[i] = numbers[old];
    if (!starts.empty()) starts_[i] = starts[old];
  }
}

void TextLookup::EncodeTo(std::string* out) const {
  PutVarint(used_, out);
  PutRaw(words_, out);
  PutRaw(numbers_, out);
  PutRaw(starts_, out);
  PutText(texts_, out);
}

bool TextLookup::DecodeFrom(ByteReader& in) {
  std::string_view texts;
  const bool read = in.Varint(&used_) && GetRaw(in, &words_) && GetRaw(in, &numbers_) &&
                    GetRaw(in, &starts_) && in.Text(&texts);
  if (!read) return false;
  texts_ = texts;
  const bool power = numbers_.empty() || std::has_single_bit(numbers_.size());
  return power && words_.size() == numbers_.size() && 2 * used_ <= numbers_.size() &&
         (starts_.empty() || starts_.size() == numbers_.size());
}

}  // namespace millrace::ml
