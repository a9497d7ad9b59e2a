#include "jobs/ml/kmeans_kernel.h"

#include <immintrin.h>

#include <algorithm>
#include <limits>

namespace millrace::ml {
namespace {

constexpr uint32_t kLanes = 4;
// Groups of four centres whose scores stay in registers at once, for three points: 3 x 4 accumulators and a
// row of centres fill the 16 registers of AVX2.
constexpr uint32_t kChunk = 4;
constexpr uint32_t kPoints = 3;

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
    alignas(32) double scores[kLanes], groups[kLanes];
    _mm256_store_pd(scores, score);
    _mm256_store_pd(groups, group);
    double least = scores[0];
    uint32_t winner = static_cast<uint32_t>(groups[0]) * kLanes;
    for (uint32_t lane = 1; lane < kLanes; ++lane) {
      const uint32_t centre = static_cast<uint32_t>(groups[lane]) * kLanes + lane;
      const bool wins = scores[lane] < least || (scores[lane] == least && centre < winner);
      least = wins ? scores[lane] : least;
      winner = wins ? centre : winner;
    }
    return winner;
  }
};

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

NearestCentre::NearestCentre(const Centres& centres)
    : k_(centres.k),
      columns_(centres.columns),
      groups_((centres.k + kLanes - 1) / kLanes),
      origin_(centres.values.begin(), centres.values.begin() + (centres.k > 0 ? centres.columns : 0)),
      centres_(centres.values) {
  half_norm_.assign(groups_ * kLanes, std::numeric_limits<double>::infinity());
  by_column_.assign(size_t{groups_} * kLanes * columns_, 0.0);
  for (uint32_t c = 0; c < k_; ++c) {
    const uint32_t group = c / kLanes, chunk = group / kChunk;
    const uint32_t wide = std::min(kChunk, groups_ - chunk * kChunk);  // groups of this chunk
    double norm = 0;
    for (uint32_t d = 0; d < columns_; ++d) {
      const double value = centres.row(c)[d] - origin_[d];
      norm = __builtin_fma(value, value, norm);
      const size_t base = size_t{chunk} * kChunk * kLanes * columns_ + size_t{d} * wide * kLanes;
      by_column_[base + (group % kChunk) * kLanes + c % kLanes] = value;
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
  for (int p = 0; p < kWidth; ++p)
    for (int g = 0; g < kGroups; ++g) score[p][g] = _mm256_loadu_pd(half_norm + g * kLanes);
  for (uint32_t d = 0; d < columns; ++d, centres += kGroups * kLanes) {
    for (int p = 0; p < kWidth; ++p) {
      const __m256d value = _mm256_broadcast_sd(x[p] + d);
      for (int g = 0; g < kGroups; ++g)
        score[p][g] = _mm256_fnmadd_pd(value, _mm256_loadu_pd(centres + g * kLanes), score[p][g]);
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    const __m256d number = _mm256_set1_pd(static_cast<double>(first_group + g));
    for (int p = 0; p < kWidth; ++p) best[p].Offer(score[p][g], number);
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
      for (uint32_t d = 0; d < columns_; ++d) to[d] = from[d] - origin_[d];
      x[p] = to;
    }
    Best best[kPoints];
    for (uint32_t first = 0; first < groups_; first += kChunk) {
      const double* centres = by_column_.data() + size_t{first} * kLanes * columns_;
      const double* norms = half_norm_.data() + first * kLanes;
      switch (std::min(kChunk, groups_ - first)) {
        case 1:
          ScoreChunk<kPoints, 1>(x, columns_, centres, norms, first, best);
          break;
        case 2:
          ScoreChunk<kPoints, 2>(x, columns_, centres, norms, first, best);
          break;
        case 3:
          ScoreChunk<kPoints, 3>(x, columns_, centres, norms, first, best);
          break;
        default:
          ScoreChunk<kPoints, 4>(x, columns_, centres, norms, first, best);
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
