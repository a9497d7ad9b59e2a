#include "jobs/ml/kmeans_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <limits>

// Small loops over registers have to be written out in full, or their accumulators live in memory: five times
// slower. GCC does not at -O2 unless it is told.
#if defined(__clang__)
#define MR_UNROLL _Pragma("unroll")
#else
#define MR_UNROLL _Pragma("GCC unroll 8")
#endif

namespace millrace::ml {
namespace {

constexpr uint32_t kLanes = 4;
// Groups of four centres whose scores stay in registers at once, for four points: 4 x 3 accumulators, a row
// of centres and a coordinate fill the 16 registers of AVX2, and 12 products need 7 loads.
constexpr uint32_t kChunk = 3;
constexpr uint32_t kPoints = 4;

// Chunks differ by one group at most: a chunk of one group alone would wait for its own sums.
uint32_t Chunks(uint32_t groups) { return (groups + kChunk - 1) / kChunk; }
uint32_t FirstGroup(uint32_t chunk, uint32_t groups) { return chunk * groups / Chunks(groups); }

// The smallest score seen so far, per lane, and which group it came from.
struct Best {
  __m256d score = _mm256_set1_pd(std::numeric_limits<double>::infinity());
  __m256d group = _mm256_setzero_pd();
  void Offer(__m256d candidate, __m256d number) {
    const __m256d better = _mm256_cmp_pd(candidate, score, _CMP_LT_OQ);
    score = _mm256_blendv_pd(score, candidate, better);
    group = _mm256_blendv_pd(group, number, better);
  }
  // Of equal scores the lowest centre.
  uint32_t Winner() const {
    const __m256d centre = _mm256_fmadd_pd(group, _mm256_set1_pd(kLanes), _mm256_setr_pd(0, 1, 2, 3));
    const __m256d least = LeastOf(score);
    const __m256d equal = _mm256_cmp_pd(score, least, _CMP_EQ_OQ);
    const __m256d none = _mm256_set1_pd(std::numeric_limits<double>::infinity());
    return static_cast<uint32_t>(_mm256_cvtsd_f64(LeastOf(_mm256_blendv_pd(none, centre, equal))));
  }
  static __m256d LeastOf(__m256d lanes) {  // in every lane
    const __m256d halves = _mm256_min_pd(lanes, _mm256_permute2f128_pd(lanes, lanes, 1));
    return _mm256_min_pd(halves, _mm256_permute_pd(halves, 5));
  }
};

}  // namespace

namespace {
void Subtract(const double* a, const double* b, size_t n, double* to) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_pd(to + i, _mm256_sub_pd(_mm256_loadu_pd(a + i), _mm256_loadu_pd(b + i)));
  for (; i < n; ++i) to[i] = a[i] - b[i];
}
}  // namespace

double SquaredDistance(const double* a, const double* b, size_t n) {
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256d x = _mm256_sub_pd(_mm256_loadu_pd(a + i), _mm256_loadu_pd(b + i));
    const __m256d y = _mm256_sub_pd(_mm256_loadu_pd(a + i + 4), _mm256_loadu_pd(b + i + 4));
    low = _mm256_fmadd_pd(x, x, low);
    high = _mm256_fmadd_pd(y, y, high);
  }
  alignas(32) double sums[4];
  _mm256_store_pd(sums, _mm256_add_pd(low, high));
  double total = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  for (; i < n; ++i) total = __builtin_fma(a[i] - b[i], a[i] - b[i], total);
  return total;
}

double SecondDistance(const Centres& centres, const double* x, uint32_t label) {
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t c = 0; c < centres.k; ++c)
    if (c != label) least = std::min(least, SquaredDistance(x, centres.row(c), centres.columns));
  return least;
}

void AddTo(const double* from, size_t n, double* into) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_pd(into + i, _mm256_add_pd(_mm256_loadu_pd(into + i), _mm256_loadu_pd(from + i)));
  for (; i < n; ++i) into[i] += from[i];
}

NearestCentre::NearestCentre(const Centres& centres)
    : k_(centres.k),
      columns_(centres.columns),
      groups_((centres.k + kLanes - 1) / kLanes),
      origin_(centres.values.begin(), centres.values.begin() + (centres.k > 0 ? centres.columns : 0)),
      centres_(centres.values) {
  half_norm_.assign(groups_ * kLanes, std::numeric_limits<double>::infinity());
  by_column_.assign(size_t{groups_} * kLanes * columns_, 0.0);
  for (uint32_t c = 0; c < k_; ++c) {
    const uint32_t group = c / kLanes;
    uint32_t chunk = 0;
    while (FirstGroup(chunk + 1, groups_) <= group) ++chunk;
    const uint32_t first = FirstGroup(chunk, groups_);
    const uint32_t wide = FirstGroup(chunk + 1, groups_) - first;
    double norm = 0;
    for (uint32_t d = 0; d < columns_; ++d) {
      const double value = centres.row(c)[d] - origin_[d];
      norm = __builtin_fma(value, value, norm);
      const size_t base = size_t{first} * kLanes * columns_ + size_t{d} * wide * kLanes;
      by_column_[base + (group - first) * kLanes + c % kLanes] = value;
    }
    half_norm_[c] = norm / 2;
  }
}

namespace {

// Scores are |c|^2 / 2 - x.c: their order is that of the distances. One pass over `kGroups` groups of centres
// for `kWidth` points.
template <int kWidth, int kGroups>
inline void ScoreChunk(const double* const* x, uint32_t columns, const double* centres,
                       const double* half_norm, uint32_t first_group, Best* best) {
  __m256d score[kWidth][kGroups];
  MR_UNROLL for (int p = 0; p < kWidth; ++p) {
    MR_UNROLL for (int g = 0; g < kGroups; ++g) score[p][g] = _mm256_loadu_pd(half_norm + g * kLanes);
  }
  for (uint32_t d = 0; d < columns; ++d, centres += kGroups * kLanes) {
    __m256d row[kGroups];
    MR_UNROLL for (int g = 0; g < kGroups; ++g) row[g] = _mm256_loadu_pd(centres + g * kLanes);
    MR_UNROLL for (int p = 0; p < kWidth; ++p) {
      const __m256d value = _mm256_broadcast_sd(x[p] + d);
      MR_UNROLL for (int g = 0; g < kGroups; ++g) score[p][g] = _mm256_fnmadd_pd(value, row[g], score[p][g]);
    }
  }
  MR_UNROLL for (int g = 0; g < kGroups; ++g) {
    const __m256d number = _mm256_set1_pd(static_cast<double>(first_group + g));
    MR_UNROLL for (int p = 0; p < kWidth; ++p) best[p].Offer(score[p][g], number);
  }
}

}  // namespace

void NearestCentre::Assign(const double* rows, size_t n, uint32_t* labels, double* cost) const {
  std::vector<double> moved(kPoints * columns_);
  for (size_t i = 0; i < n; i += kPoints) {
    const size_t width = std::min<size_t>(kPoints, n - i);
    const double* x[kPoints];
    for (uint32_t p = 0; p < kPoints; ++p) {
      const double* from = rows + (i + std::min<size_t>(p, width - 1)) * columns_;
      double* to = moved.data() + p * columns_;
      Subtract(from, origin_.data(), columns_, to);
      x[p] = to;
    }
    Best best[kPoints];
    for (uint32_t chunk = 0; chunk < Chunks(groups_); ++chunk) {
      const uint32_t first = FirstGroup(chunk, groups_);
      const double* centres = by_column_.data() + size_t{first} * kLanes * columns_;
      const double* norms = half_norm_.data() + first * kLanes;
      switch (FirstGroup(chunk + 1, groups_) - first) {
        case 1:
          ScoreChunk<kPoints, 1>(x, columns_, centres, norms, first, best);
          break;
        case 2:
          ScoreChunk<kPoints, 2>(x, columns_, centres, norms, first, best);
          break;
        default:
          ScoreChunk<kPoints, 3>(x, columns_, centres, norms, first, best);
          break;
      }
    }
    for (size_t p = 0; p < width; ++p) {
      labels[i + p] = best[p].Winner();
      cost[i + p] = SquaredDistance(rows + (i + p) * columns_,
                                    centres_.data() + size_t{labels[i + p]} * columns_, columns_);
    }
  }
}

}  // namespace millrace::ml
