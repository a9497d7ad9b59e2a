#include "jobs/ml/profile_chunk.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "jobs/ml/number_runs.h"

namespace millrace::ml {
namespace {

constexpr size_t kChunkBytes = 8 << 20;
constexpr size_t kMostRows = 128 << 10, kFewestRows = 256;
constexpr size_t kBlockRows = 1024;  // rows whose products are taken at once: a tile of them fits the cache
constexpr size_t kDenseCells = 64 << 10;

void Send(const PartKey& key, std::string_view order, std::string_view bytes, Emitter<KeyedPiece>& out) {
  out({key, {order, bytes}});
}

}  // namespace

std::vector<uint32_t> ProfileSpec::Columns(ColumnKind kind) const {
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < kinds.size(); ++i)
    if (kinds[i] == kind) numbers.push_back(i);
  return numbers;
}

void ProfileChunk::Start(const ProfileSpec& spec) {
  for (uint32_t i = 0; i < spec.kinds.size(); ++i) {
    if (spec.kinds[i] == ColumnKind::kNumeric) {
      numeric_.push_back(i);
      continue;
    }
    if (spec.kinds[i] == ColumnKind::kCategorical) {
      categorical_.push_back(i);
      categories_.push_back(static_cast<uint32_t>(textual_.size()));
    }
    textual_.push_back(i);
  }
  const size_t row_bytes = sizeof(double) * numeric_.size() + sizeof(uint32_t) * textual_.size();
  most_rows_ = std::clamp(kChunkBytes / std::max<size_t>(row_bytes, 1), kFewestRows, kMostRows);
  numbers_.resize(numeric_.size());
  texts_.resize(textual_.size());
  for (Numbers& column : numbers_) column.values.reserve(most_rows_);
}

void ProfileChunk::Add(const ProfileSpec& spec, const Row& row, Emitter<KeyedPiece>& out) {
  if (most_rows_ == 0) Start(spec);
  for (size_t j = 0; j < numeric_.size(); ++j) {
    const Value& value = row[numeric_[j]];
    numbers_[j].values.push_back(value.is_null() ? std::nan("") : value.AsDouble() + 0.0);
  }
  for (size_t t = 0; t < textual_.size(); ++t) {
    Texts& column = texts_[t];
    const Value& value = row[textual_[t]];
    uint32_t code = 0;
    if (!value.is_null()) {
      const size_t bytes = column.table.bytes();
      code = 1 + (value.type() == ValueType::kText ? column.table.Add(value.AsText())
                                                   : column.table.Add(value.ToString()));
      text_bytes_ += column.table.bytes() - bytes;
      ++column.present;
    }
    column.codes.push_back(code);
  }
  if (++rows_ >= most_rows_ || text_bytes_ >= kChunkBytes) Flush(spec, out);
}

void ProfileChunk::Flush(const ProfileSpec& spec, Emitter<KeyedPiece>& out) {
  if (rows_ == 0) return;
  for (Numbers& column : numbers_) {
    column.totals = {};
    column.totals.rows = rows_;
    for (const double value : column.values)
      if (value == value) column.totals.Add(value);
  }
  for (const uint32_t t : categories_) {
    Texts& column = texts_[t];
    column.in_order = column.table.InOrder();
    column.place.resize(column.in_order.size());
    for (uint32_t i = 0; i < column.in_order.size(); ++i) column.place[column.in_order[i]] = i;
  }
  EmitTiles(out);
  EmitRatios(out);
  EmitCells(out);
  EmitNumbers(spec, out);
  EmitTexts(spec, out);
  EmitEqual(out);
  for (Numbers& column : numbers_) column.values.clear();
  for (Texts& column : texts_) {
    column.table.Clear();
    column.codes.clear();
    column.present = 0;
  }
  rows_ = text_bytes_ = 0;
}

CentredColumns ProfileChunk::Centred(uint32_t tile, size_t first_row, size_t rows) const {
  const size_t begin = size_t{tile} * kTile, end = std::min(begin + kTile, numbers_.size());
  CentredColumns block{static_cast<uint32_t>(rows), static_cast<uint32_t>(end - begin), {}, {}};
  block.values.reserve(rows * (end - begin));
  block.masks.reserve(rows * (end - begin));
  for (size_t j = begin; j < end; ++j) {
    const double mean = numbers_[j].totals.Mean();
    for (size_t r = first_row; r < first_row + rows; ++r) {
      const double value = numbers_[j].values[r];
      block.values.push_back(value == value ? value - mean : 0.0);
      block.masks.push_back(value == value ? 1.0 : 0.0);
    }
  }
  return block;
}

void ProfileChunk::EmitTiles(Emitter<KeyedPiece>& out) const {
  const uint32_t tiles = static_cast<uint32_t>((numbers_.size() + kTile - 1) / kTile);
  const auto describe = [this](uint32_t tile, CoMoments* sums, std::vector<double>* count,
                               std::vector<double>* shift) {
    for (size_t j = size_t{tile} * kTile; j < std::min<size_t>((tile + 1) * kTile, numbers_.size()); ++j) {
      count->push_back(static_cast<double>(numbers_[j].totals.present));
      shift->push_back(numbers_[j].totals.Mean());
      sums->complete &= numbers_[j].totals.present == rows_;
    }
  };
  for (uint32_t a = 0; a < tiles; ++a) {
    for (uint32_t b = a; b < tiles; ++b) {
      CoMoments sums;
      describe(a, &sums, &sums.count_i, &sums.shift_i);
      describe(b, &sums, &sums.count_j, &sums.shift_j);
      for (size_t r = 0; r < rows_; r += kBlockRows) {
        const size_t n = std::min(kBlockRows, rows_ - r);
        const CentredColumns left = Centred(a, r, n);
        sums.AddBlock(left, a == b ? left : Centred(b, r, n));
      }
      Send({PartKey::kTile, a, b, 0}, {}, EncodeToString(sums), out);
    }
  }
}

void ProfileChunk::EmitRatios(Emitter<KeyedPiece>& out) const {
  struct Sums {
    uint64_t count = 0;
    double sum = 0, squares = 0;  // of value - the chunk's mean
  };
  std::vector<Sums> sums;
  std::string bytes;
  for (size_t c = 0; c < categorical_.size(); ++c) {
    const Texts& texts = texts_[categories_[c]];
    for (size_t j = 0; j < numeric_.size(); ++j) {
      const double mean = numbers_[j].totals.Mean();
      sums.assign(texts.table.size() + 1, Sums{});
      for (size_t r = 0; r < rows_; ++r) {
        const double value = numbers_[j].values[r];
        if (value != value) continue;
        Sums& group = sums[texts.codes[r]];
        ++group.count;
        group.sum += value - mean;
        group.squares += (value - mean) * (value - mean);
      }
      bytes.clear();
      for (const uint32_t number : texts.in_order) {
        const Sums& group = sums[number + 1];
        if (group.count == 0) continue;
        const double n = static_cast<double>(group.count);
        Codec<std::string_view>::Encode(texts.table.text(number), &bytes);
        Codec<GroupMoments>::Encode(
            {group.count, mean + group.sum / n, std::max(0.0, group.squares - group.sum * group.sum / n)},
            &bytes);
      }
      Send({PartKey::kRatio, categorical_[c], numeric_[j], 0}, {}, bytes, out);
    }
  }
}

void ProfileChunk::EmitCells(Emitter<KeyedPiece>& out) {
  std::vector<uint32_t> dense;
  for (size_t a = 0; a < categorical_.size(); ++a) {
    for (size_t b = a + 1; b < categorical_.size(); ++b) {
      const Texts &rows = texts_[categories_[a]], &columns = texts_[categories_[b]];
      const PartKey key{PartKey::kCells, categorical_[a], categorical_[b], 0};
      TextBlocks blocks;
      const auto emit = [&](std::string_view order, std::string_view bytes) { Send(key, order, bytes, out); };
      const auto cell = [&](uint32_t row, uint32_t column, uint64_t count) {
        blocks.Add(EncodeKey(std::pair(rows.table.text(row), columns.table.text(column))), count, emit);
      };
      const size_t width = columns.table.size() + 1;
      if ((rows.table.size() + 1) * width <= kDenseCells) {
        dense.assign((rows.table.size() + 1) * width, 0);
        for (size_t r = 0; r < rows_; ++r) ++dense[rows.codes[r] * width + columns.codes[r]];
        for (const uint32_t i : rows.in_order)
          for (const uint32_t j : columns.in_order)
            if (const uint32_t n = dense[(i + 1) * width + j + 1]; n > 0) cell(i, j, n);
      } else {
        bits_.clear();
        for (size_t r = 0; r < rows_; ++r)
          if (rows.codes[r] > 0 && columns.codes[r] > 0)
            bits_.push_back(uint64_t{rows.place[rows.codes[r] - 1]} << 32 |
                            columns.place[columns.codes[r] - 1]);
        SortBits(&bits_, &scratch_);
        for (size_t i = 0, end; i < bits_.size(); i = end) {
          for (end = i + 1; end < bits_.size() && bits_[end] == bits_[i];) ++end;
          cell(rows.in_order[bits_[i] >> 32], columns.in_order[bits_[i] & 0xffffffff], end - i);
        }
      }
      blocks.Flush(emit);
    }
  }
}

void ProfileChunk::EmitNumbers(const ProfileSpec& spec, Emitter<KeyedPiece>& out) {
  for (size_t j = 0; j < numeric_.size(); ++j) {
    bits_.clear();
    for (const double value : numbers_[j].values)
      if (value == value) bits_.push_back(OrderedBits(value));
    SortBits(&bits_, &scratch_);
    const std::vector<double>& bounds = spec.bounds[numeric_[j]];
    size_t begin = 0;
    for (uint32_t bucket = 0; bucket < spec.buckets; ++bucket) {
      const size_t end =
          bucket < bounds.size()
              ? static_cast<size_t>(
                    std::lower_bound(bits_.begin(), bits_.end(), OrderedBits(bounds[bucket])) - bits_.begin())
              : bits_.size();
      const PartKey key{PartKey::kNumbers, numeric_[j], 0, bucket};
      ColumnTotals totals = numbers_[j].totals;
      totals.before = begin;
      Send(key, {}, EncodeToString(totals), out);
      CutNumberRun(std::span<const uint64_t>(bits_).subspan(begin, end - begin),
                   [&](std::string_view order, std::string_view bytes) { Send(key, order, bytes, out); });
      begin = end;
    }
  }
}

void ProfileChunk::EmitTexts(const ProfileSpec& spec, Emitter<KeyedPiece>& out) const {
  for (size_t t = 0; t < textual_.size(); ++t) {
    const TextTable& table = texts_[t].table;
    ColumnTotals totals;
    totals.rows = rows_;
    totals.present = texts_[t].present;
    std::vector<TextBlocks> blocks(spec.buckets);
    const auto send = [&](uint32_t bucket) {
      return [&, bucket](std::string_view order, std::string_view bytes) {
        Send({PartKey::kTexts, textual_[t], 0, bucket}, order, bytes, out);
      };
    };
    for (const uint32_t number : table.InOrder()) {
      const std::string_view text = table.text(number);
      const uint32_t bucket = spec.buckets <= 1 ? 0 : static_cast<uint32_t>(StableHash(text) % spec.buckets);
      blocks[bucket].Add(text, table.count(number), send(bucket));
    }
    for (uint32_t bucket = 0; bucket < spec.buckets; ++bucket) {
      blocks[bucket].Flush(send(bucket));
      send(bucket)({}, EncodeToString(totals));
    }
  }
}

void ProfileChunk::EmitEqual(Emitter<KeyedPiece>& out) const {
  std::vector<uint32_t> first(numeric_.size() + textual_.size());
  const auto find = [&first](const std::vector<uint32_t>& columns, const auto& equal) {
    for (size_t j = 0; j < columns.size(); ++j) {
      size_t i = 0;
      while (i < j && !(first[columns[i]] == columns[i] && equal(i, j))) ++i;
      first[columns[j]] = columns[i];
    }
  };
  const auto same = [](double x, double y) { return x == y || (x != x && y != y); };
  // Sums tell most columns apart without a look at their rows.
  find(numeric_, [this, same](size_t i, size_t j) {
    const Numbers &a = numbers_[i], &b = numbers_[j];
    return a.totals.present == b.totals.present && same(a.totals.sum, b.totals.sum) &&
           std::equal(a.values.begin(), a.values.end(), b.values.begin(), same);
  });
  // Texts are numbered as they come: equal columns have equal codes, and the same texts behind them.
  find(textual_, [this](size_t i, size_t j) {
    const Texts &a = texts_[i], &b = texts_[j];
    if (a.table.size() != b.table.size() || a.present != b.present || a.codes != b.codes) return false;
    for (uint32_t number = 0; number < a.table.size(); ++number)
      if (a.table.text(number) != b.table.text(number)) return false;
    return true;
  });
  Send({PartKey::kEqual, 0, 0, 0}, {}, EncodeToString(first), out);
}

}  // namespace millrace::ml
