// Rows on their way into the stages of a profile: some thousand of them as columns.
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/ml/associations.h"
#include "jobs/ml/profile_stages.h"
#include "jobs/ml/text_runs.h"

namespace millrace::ml {

using KeyedPiece = KeyValue<PartKey, Piece>;

// About 8 MiB; how many rows that is follows from the rows alone.
class ProfileChunk {
 public:
  void Add(const ProfileSpec& spec, const Row& row, Emitter<KeyedPiece>& out);
  void Flush(const ProfileSpec& spec, Emitter<KeyedPiece>& out);

 private:
  struct Numbers {
    std::vector<double> values;  // NaN: missing
    ColumnTotals totals;
  };
  struct Texts {
    TextTable table;
    std::vector<uint32_t> codes;  // number + 1 per row; 0 = missing
    // Of categorical columns: the numbers by the bytes of their texts, and where each stands there.
    std::vector<uint32_t> in_order, place;
    uint64_t present = 0;
  };

  void Start(const ProfileSpec& spec);
  CentredColumns Centred(uint32_t tile, size_t first_row, size_t rows) const;
  void EmitTiles(Emitter<KeyedPiece>& out) const;
  void EmitRatios(Emitter<KeyedPiece>& out) const;
  void EmitCells(Emitter<KeyedPiece>& out);
  void EmitNumbers(const ProfileSpec& spec, Emitter<KeyedPiece>& out);
  void EmitTexts(const ProfileSpec& spec, Emitter<KeyedPiece>& out) const;
  void EmitEqual(Emitter<KeyedPiece>& out) const;

  size_t most_rows_ = 0, rows_ = 0, text_bytes_ = 0;
  std::vector<uint32_t> numeric_, textual_, categorical_;  // numbers of the columns
  std::vector<Numbers> numbers_;                           // by the order in numeric_
  std::vector<Texts> texts_;                               // by the order in textual_
  std::vector<uint32_t> categories_;                       // of categorical_: places in texts_
  std::vector<uint64_t> bits_, scratch_;
};

}  // namespace millrace::ml
