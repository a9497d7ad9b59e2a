#include "jobs/ml/profile_stages.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>

#include "jobs/ml/associations.h"
#include "jobs/ml/number_runs.h"
#include "jobs/ml/profile_chunk.h"
#include "jobs/ml/text_runs.h"

namespace millrace::ml {
namespace {

constexpr uint64_t kSmallBytes = 4 << 20;  // one reduce task is enough
constexpr uint32_t kTasksPerPartition = 4;
constexpr uint32_t kMostBuckets = 1024;

// The result of a group.
struct ProfilePart {
  PartKey key;
  ColumnPart column;
  std::vector<double> figures;  // tile: r, row by row; cells: V, U(row|column), U(column|row); ratio: eta
  std::vector<uint32_t> equal;  // Profile::first_equal
};
MR_RECORD(ProfilePart, MR_NAMED(key), MR_NAMED(column), MR_NAMED(figures), MR_NAMED(equal))

void Check(bool decoded) {
  if (!decoded) throw std::runtime_error("a piece of a profile cannot be decoded");
}

ColumnTotals TotalsOf(std::string_view bytes) {
  ColumnTotals totals;
  Check(DecodeAll(bytes, &totals));
  return totals;
}

ColumnPart ReduceNumbers(const ProfileSpec& spec, Rows<Piece>& rows) {
  ColumnTotals totals;
  NumberMerge merge;
  std::optional<SortedWalk> walk;
  const auto add = [&](double value, uint64_t count) { walk->Add(value, count); };
  for (const Piece& piece : rows) {
    if (piece.order.empty()) {
      totals.Merge(TotalsOf(piece.bytes));
      continue;
    }
    if (!walk) walk.emplace(totals, spec.top, spec.bins);
    Check(merge.Add(piece.order, piece.bytes, add));
  }
  if (!walk) walk.emplace(totals, spec.top, spec.bins);
  merge.Finish(add);
  return walk->Finish();
}

ColumnPart ReduceTexts(const ProfileSpec& spec, Rows<Piece>& rows) {
  ColumnPart part;
  TextMerge merge;
  TopValues top(spec.top);
  const auto add = [&](std::string_view text, uint64_t count) {
    ++part.distinct;
    if (top.Wants(count)) top.Add({0, std::string(text), count});
  };
  for (const Piece& piece : rows) {
    if (piece.order.empty()) {
      part.totals.Merge(TotalsOf(piece.bytes));
    } else {
      Check(merge.Add(piece.order, piece.bytes, add));
    }
  }
  merge.Finish(add);
  part.top = top.values();
  return part;
}

std::vector<double> ReduceTile(Rows<Piece>& rows) {
  CoMoments all;
  for (const Piece& piece : rows) {
    CoMoments sums;
    Check(DecodeAll(piece.bytes, &sums));
    sums.Fill();
    if (all.shift_i.empty()) {
      all = std::move(sums);
    } else {
      all.Merge(std::move(sums));
    }
  }
  std::vector<double> figures;
  for (size_t i = 0; i < all.rows(); ++i)
    for (size_t j = 0; j < all.columns(); ++j) figures.push_back(all.Pearson(i, j));
  return figures;
}

std::vector<double> ReduceCells(Rows<Piece>& rows) {
  Contingency table;
  TextMerge merge;
  KeyArena arena;
  const auto add = [&](std::string_view cell, uint64_t count) {
    std::pair<std::string_view, std::string_view> names;
    arena.Reset();
    Check(DecodeKey(cell, &arena, &names));
    table.Add(names.first, names.second, count);
  };
  for (const Piece& piece : rows) Check(merge.Add(piece.order, piece.bytes, add));
  merge.Finish(add);
  const Contingency::Result result = table.Finish();
  return {result.cramers_v, result.row_given_column, result.column_given_row};
}

std::vector<double> ReduceRatio(Rows<Piece>& rows) {
  std::map<std::string, GroupMoments, std::less<>> groups;
  for (const Piece& piece : rows) {
    ByteReader in(piece.bytes);
    while (!in.empty()) {
      std::string_view category;
      GroupMoments moments;
      Check(Codec<std::string_view>::Decode(in, &category) && Codec<GroupMoments>::Decode(in, &moments));
      auto at = groups.find(category);
      if (at == groups.end()) at = groups.emplace(category, GroupMoments{}).first;
      at->second.Merge(moments);
    }
  }
  return {CorrelationRatio(groups)};
}

std::vector<uint32_t> ReduceEqual(Rows<Piece>& rows) {
  std::vector<uint32_t> all;
  for (const Piece& piece : rows) {
    std::vector<uint32_t> equal;
    Check(DecodeAll(piece.bytes, &equal));
    MergeEqual(&all, equal);
  }
  return all;
}

ProfilePart ReducePart(const ProfileSpec& spec, const PartKey& key, Rows<Piece> rows) {
  ProfilePart part{key, {}, {}, {}};
  switch (key.what) {
    case PartKey::kNumbers:
      part.column = ReduceNumbers(spec, rows);
      break;
    case PartKey::kTexts:
      part.column = ReduceTexts(spec, rows);
      break;
    case PartKey::kTile:
      part.figures = ReduceTile(rows);
      break;
    case PartKey::kCells:
      part.figures = ReduceCells(rows);
      break;
    case PartKey::kRatio:
      part.figures = ReduceRatio(rows);
      break;
    default:
      part.equal = ReduceEqual(rows);
  }
  return part;
}

// Some values of every numeric column, from rows at equal distances.
struct SampledRows {
  std::vector<std::vector<double>> values;  // per numeric column; NaN: missing
  uint64_t row = 0, stride = 1;
};

void SampleRow(const ProfileSpec& spec, SampledRows& sample, const Row& row) {
  if (sample.row++ % sample.stride != 0) return;
  const std::vector<uint32_t> numeric = spec.Columns(ColumnKind::kNumeric);
  sample.values.resize(numeric.size());
  for (size_t j = 0; j < numeric.size(); ++j)
    sample.values[j].push_back(row[numeric[j]].is_null() ? std::nan("") : row[numeric[j]].AsDouble());
  const size_t limit = std::clamp<size_t>(32768 / std::max<size_t>(numeric.size(), 1), 32, 1024);
  if (sample.values.empty() || sample.values[0].size() < limit) return;
  for (std::vector<double>& column : sample.values) {
    for (size_t i = 0; 2 * i < column.size(); ++i) column[i] = column[2 * i];
    column.resize((column.size() + 1) / 2);
  }
  sample.stride *= 2;
}

// Where the ranges of every column begin: at quantiles of a sample. Of any bounds the result is the same.
void ChooseBounds(const Table& table, ProfileSpec* spec) {
  const auto samples = table.rows
                           .Accumulate<std::vector<std::vector<double>>, SampledRows>(
                               With(*spec),
                               [](const ProfileSpec& s, SampledRows& sample, const Row& row,
                                  Emitter<std::vector<std::vector<double>>>&) { SampleRow(s, sample, row); },
                               [](const ProfileSpec&, SampledRows& sample,
                                  Emitter<std::vector<std::vector<double>>>& out) { out(sample.values); },
                               "Bounds")
                           .CollectSample();
  const std::vector<uint32_t> numeric = spec->Columns(ColumnKind::kNumeric);
  for (size_t j = 0; j < numeric.size(); ++j) {
    std::vector<double> values;
    for (const auto& task : samples)
      for (size_t i = 0; j < task.size() && i < task[j].size(); ++i)
        if (task[j][i] == task[j][i]) values.push_back(task[j][i]);
    std::sort(values.begin(), values.end());
    std::vector<double>& bounds = spec->bounds[numeric[j]];
    for (size_t b = 1; b < spec->buckets && !values.empty(); ++b) {
      const double bound = values[b * values.size() / spec->buckets];
      if (bound > (bounds.empty() ? values.front() : bounds.back())) bounds.push_back(bound);
    }
  }
}

Profile Assemble(const ProfileSpec& spec, std::vector<ProfilePart> parts) {
  std::sort(parts.begin(), parts.end(),
            [](const ProfilePart& a, const ProfilePart& b) { return a.key < b.key; });
  Profile profile;
  profile.columns.resize(spec.names.size());
  profile.numeric = spec.Columns(ColumnKind::kNumeric);
  profile.categorical = spec.Columns(ColumnKind::kCategorical);
  const size_t d = profile.numeric.size(), c = profile.categorical.size();
  profile.pearson.assign(d * d, std::nan(""));
  profile.cramers_v.assign(c * c, std::nan(""));  // pairs that are never present together have no cell
  profile.uncertainty.assign(c * c, std::nan(""));
  profile.correlation_ratio.assign(c * d, std::nan(""));
  profile.first_equal.resize(spec.names.size());
  std::iota(profile.first_equal.begin(), profile.first_equal.end(), 0u);
  std::vector<size_t> place(spec.names.size());
  for (size_t i = 0; i < d; ++i) place[profile.numeric[i]] = i;
  for (size_t i = 0; i < c; ++i) place[profile.categorical[i]] = i;
  for (ProfilePart& part : parts) {
    const PartKey& key = part.key;
    if (key.what <= PartKey::kTexts) {
      if (key.bucket == 0) {
        profile.columns[key.a] = std::move(part.column);
      } else {
        MergeParts(&profile.columns[key.a], part.column, spec.top);
      }
    } else if (key.what == PartKey::kTile) {
      const size_t width = std::min<size_t>(kTile, d - key.b * kTile);
      for (size_t i = 0; i < part.figures.size(); ++i) {
        const size_t row = key.a * kTile + i / width, column = key.b * kTile + i % width;
        const double r = row == column && part.figures[i] == part.figures[i] ? 1.0 : part.figures[i];
        profile.pearson[row * d + column] = profile.pearson[column * d + row] = r;
      }
    } else if (key.what == PartKey::kCells) {
      const size_t a = place[key.a], b = place[key.b];
      profile.cramers_v[a * c + b] = profile.cramers_v[b * c + a] = part.figures[0];
      profile.uncertainty[a * c + b] = part.figures[1];
      profile.uncertainty[b * c + a] = part.figures[2];
    } else if (key.what == PartKey::kRatio) {
      profile.correlation_ratio[place[key.a] * d + place[key.b]] = part.figures[0];
    } else {
      profile.first_equal = std::move(part.equal);
    }
  }
  for (size_t i = 0; i < c; ++i) {  // a column of one value goes with nothing, itself included
    const uint64_t distinct = profile.columns[profile.categorical[i]].distinct;
    if (distinct > 1) profile.cramers_v[i * c + i] = 1.0;
    if (distinct > 0) profile.uncertainty[i * c + i] = 1.0;
  }
  return profile;
}

}  // namespace

void MergeEqual(std::vector<uint32_t>* into, const std::vector<uint32_t>& more) {
  if (into->empty()) *into = more;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> first;  // of the columns that are equal in both
  for (uint32_t i = 0; i < more.size(); ++i)
    (*into)[i] = first.emplace(std::pair((*into)[i], more[i]), i).first->second;
}

Profile ProfileTable(const Table& table, ProfileSpec spec) {
  const uint64_t bytes = table.rows.EstimateBytes();
  const uint64_t partition_bytes = std::max<uint64_t>(table.rows.job().settings().partition_bytes, 1);
  const uint64_t tasks = kTasksPerPartition * ((bytes + partition_bytes - 1) / partition_bytes);
  spec.buckets = static_cast<uint32_t>(
      std::clamp<uint64_t>((tasks + spec.names.size() - 1) / spec.names.size(), 1, kMostBuckets));
  if (bytes <= partition_bytes) spec.buckets = 1;
  spec.bounds.assign(spec.names.size(), {});
  if (spec.buckets > 1) ChooseBounds(table, &spec);
  const auto pieces = table.rows.Accumulate<KeyedPiece, ProfileChunk>(
      With(spec),
      [](const ProfileSpec& s, ProfileChunk& chunk, const Row& row, Emitter<KeyedPiece>& out) {
        chunk.Add(s, row, out);
      },
      [](const ProfileSpec& s, ProfileChunk& chunk, Emitter<KeyedPiece>& out) { chunk.Flush(s, out); },
      "Chunks");
  const uint32_t partitions =
      bytes < kSmallBytes ? 1 : static_cast<uint32_t>(std::clamp<uint64_t>(tasks, 1, kMostBuckets));
  return Assemble(spec, Keyed<PartKey, Piece>(pieces)
                            .Partitions(partitions)
                            .GroupSorted<ProfilePart, &Piece::order>(
                                With(spec),
                                [](const ProfileSpec& s, const PartKey& key, Rows<Piece> rows,
                                   Emitter<ProfilePart>& out) { out(ReducePart(s, key, rows)); },
                                "Profile")
                            .Collect());
}

}  // namespace millrace::ml
