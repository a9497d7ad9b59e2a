#include "jobs/ml/lookup.h"

namespace millrace::ml {

bool TextLookup::Add(std::string_view key, uint32_t number) {
  if (Find(key) != kNone) return false;
  if (5 * (used_ + 1) > 4 * slots_.size()) {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.number != kNone) FreeSlot(slot.word) = slot;
  }
  Slot& slot = FreeSlot(WordOf(key));
  slot.word = WordOf(key);
  slot.number = number;
  ++used_;
  if (Inline(key)) return true;
  if (texts_.empty()) texts_.assign(1, '\0');
  slot.start = static_cast<uint32_t>(texts_.size());
  PutFixed(static_cast<uint32_t>(key.size()), &texts_);
  texts_.append(key);
  return true;
}

void TextLookup::EncodeTo(std::string* out) const {
  PutVarint(used_, out);
  PutVarint(slots_.size(), out);
  if (!slots_.empty())
    out->append(reinterpret_cast<const char*>(slots_.data()), slots_.size() * sizeof(Slot));
  PutText(texts_, out);
}

bool TextLookup::DecodeFrom(ByteReader& in) {
  uint64_t slots = 0;
  if (!in.Varint(&used_) || !in.Varint(&slots) || slots > in.remaining() / sizeof(Slot)) return false;
  if (slots > 0 && (!std::has_single_bit(slots) || 5 * used_ > 4 * slots)) return false;
  slots_.resize(slots);
  std::string_view texts;
  if (!in.Copy(slots_.data(), slots * sizeof(Slot)) || !in.Text(&texts)) return false;
  texts_ = texts;
  return true;
}

}  // namespace millrace::ml
