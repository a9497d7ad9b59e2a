// The kernel against the definition, and whole runs in memory.
#include "jobs/ml/kmeans.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/pipeline/testing/in_memory_link.h"

namespace millrace::ml {
namespace {

double Slow(const double* a, const double* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

Centres RandomCentres(uint32_t k, uint32_t columns, uint64_t seed) {
  SplitMix64 random(seed);
  Centres centres{k, columns, {}};
  for (uint32_t i = 0; i < k * columns; ++i)
    centres.values.push_back(static_cast<double>(static_cast<int64_t>(random.Next() >> 40)) * 1e-5);
  return centres;
}

TEST(NearestCentre, AgreesWithTheDefinitionForAllShapes) {
  for (uint32_t k : {1u, 2u, 3u, 4u, 5u, 15u, 16u, 17u, 20u, 33u, 100u}) {
    for (uint32_t columns : {1u, 2u, 7u, 8u, 16u, 19u}) {
      const Centres centres = RandomCentres(k, columns, k * 100 + columns);
      for (size_t n : {size_t{1}, size_t{2}, size_t{3}, size_t{4}, size_t{5}, size_t{50}}) {
        const Centres points = RandomCentres(static_cast<uint32_t>(n), columns, 7 + n);
        std::vector<uint32_t> labels(n);
        std::vector<double> cost(n);
        NearestCentre(centres).Assign(points.values.data(), n, labels.data(), cost.data());
        for (size_t i = 0; i < n; ++i) {
          double least = std::numeric_limits<double>::infinity();
          uint32_t nearest = 0;
          for (uint32_t c = 0; c < k; ++c) {
            const double d = Slow(points.row(i), centres.row(c), columns);
            if (d < least) least = d, nearest = c;
          }
          EXPECT_EQ(labels[i], nearest) << "k " << k << " columns " << columns << " point " << i;
          EXPECT_NEAR(cost[i], least, 1e-12 * least);
        }
      }
    }
  }
}

TEST(NearestCentre, TiesGoToTheLowestIndex) {
  for (uint32_t k : {2u, 5u, 8u, 18u, 40u}) {
    Centres centres{k, 1, {}};
    for (uint32_t c = 0; c < k; ++c)
      centres.values.push_back(c % 2 == 0 ? 5.0 : 1.0);  // equal ones, far and near
    const double points[] = {3.0, 1.0, 5.0};
    uint32_t labels[3];
    double cost[3];
    NearestCentre(centres).Assign(points, 3, labels, cost);
    EXPECT_EQ(labels[0], 0u);
    EXPECT_EQ(labels[1], 1u);
    EXPECT_EQ(labels[2], 0u);
    EXPECT_EQ(cost[0], 4.0);
  }
}

TEST(NearestCentre, FarFromTheOriginNothingCancels) {
  Centres centres{2, 1, {1e9 + 1, 1e9 + 2}};
  const double points[] = {1e9 + 1.4, 1e9 + 1.6, 1e9 + 2.5};
  uint32_t labels[3];
  double cost[3];
  NearestCentre(centres).Assign(points, 3, labels, cost);
  EXPECT_EQ(labels[0], 0u);
  EXPECT_EQ(labels[1], 1u);
  EXPECT_EQ(labels[2], 1u);
}

// A point's label and cost do not depend on its neighbours in the block.
TEST(NearestCentre, SameBitsAtEveryPlace) {
  const Centres centres = RandomCentres(13, 11, 3), points = RandomCentres(7, 11, 4);
  std::vector<uint32_t> labels(7), one(1);
  std::vector<double> cost(7), single(1);
  NearestCentre nearest(centres);
  nearest.Assign(points.values.data(), 7, labels.data(), cost.data());
  for (size_t i = 0; i < 7; ++i) {
    nearest.Assign(points.row(i), 1, one.data(), single.data());
    EXPECT_EQ(one[0], labels[i]);
    EXPECT_EQ(single[0], cost[i]);
  }
}

class KMeansTest : public ::testing::Test {
 protected:
  KMeansTest() : job_(link_) { job_.mutable_settings().output = "/out"; }
  Features Make(const std::vector<std::vector<double>>& rows) {
    Schema schema;
    for (size_t i = 0; i < rows[0].size(); ++i) schema.Add("x" + std::to_string(i), ValueType::kDouble);
    std::vector<Row> records;
    for (const auto& values : rows) {
      Row row;
      for (double value : values) row.Add(Value::Double(value));
      records.push_back(std::move(row));
    }
    return MakeFeatures(job_, Table{schema, job_.Values<Row>(records)}, "");
  }
  testing::InMemoryLink link_;
  Job job_;
};

TEST_F(KMeansTest, EmptyClusterKeepsItsCentreAndCostsAreBeforeTheUpdate) {
  const Features features = Make({{0}, {2}, {1}, {10}});
  const auto runs = Lloyd(features, {Centres{3, 1, {0, 2, 100}}}, {});
  EXPECT_EQ(runs[0].iterations, 3u);
  EXPECT_TRUE(runs[0].converged);
  EXPECT_EQ(runs[0].cost_per_iteration, (std::vector<double>{65.0, 18.75, 2.0}));
  EXPECT_EQ(runs[0].centres.values, (std::vector<double>{1, 10, 100}));
  EXPECT_EQ(runs[0].final_sizes, (std::vector<uint64_t>{3, 1, 0}));
  EXPECT_NEAR(Silhouette(features, runs[0].centres), 0.7308979552469136, 1e-12);
}

TEST_F(KMeansTest, SeveralRunsSideBySideAreThoseAlone) {
  const Features features = Make({{3}, {1}, {2}, {8}, {9}, {-4}, {2.5}});
  const auto initial = InitialCentres(job_, features, "spaced_k", {2, 3, 4}, 0);
  const auto together = Lloyd(features, initial, {});
  for (size_t i = 0; i < initial.size(); ++i) {
    const auto alone = Lloyd(features, {initial[i]}, {});
    EXPECT_EQ(alone[0].centres.values, together[i].centres.values);
    EXPECT_EQ(alone[0].final_cost, together[i].final_cost);
    EXPECT_EQ(alone[0].iterations, together[i].iterations);
  }
}

TEST_F(KMeansTest, ParallelInitIsAFunctionOfTheSeed) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 300; ++i) rows.push_back({std::cos(i) * 5 + i % 3 * 100, std::sin(i) * 5});
  const Features features = Make(rows);
  const auto a = InitialCentres(job_, features, "kmeans-parallel", {3}, 42);
  const auto b = InitialCentres(job_, features, "kmeans-parallel", {3}, 42);
  EXPECT_EQ(a[0].values, b[0].values);
  const auto run = Lloyd(features, a, {});
  for (uint64_t size : run[0].final_sizes) EXPECT_EQ(size, 100u);
}

TEST_F(KMeansTest, MoreClustersThanRowsIsRefused) {
  const Features features = Make({{1}, {2}});
  try {
    InitialCentres(job_, features, "first_k", {3}, 0);
    FAIL();
  } catch (const JobAborted& aborted) {
    EXPECT_NE(std::string(aborted.what()).find("more than the 2 rows"), std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::ml
