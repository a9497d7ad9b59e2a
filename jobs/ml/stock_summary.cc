#include "jobs/ml/stock_summary.h"

namespace millrace::ml {
namespace {

StockSummary Averages(const std::string& symbol, const double* cells, uint32_t columns) {
  double all = 0, daily = 0, cumulative = 0;
  for (uint32_t i = 0; i < columns; ++i) {
    all += cells[i];
    (i % 2 == 0 ? daily : cumulative) += cells[i];
  }
  const double days = columns / 2;
  return {symbol, 0, all / columns, daily / days, cumulative / days};
}

}  // namespace

Dataset<StockSummary> SummaryOf(const Features& pivot, const Dataset<Label>& labels) {
  const auto averages = pivot.blocks.FlatMap<StockSummary>(
      [](const FeatureBlock& block, Emitter<StockSummary>& out) {
        for (uint32_t i = 0; i < block.rows; ++i) out(Averages(block.ids[i], block.row(i), block.columns));
      },
      "Averages");
  return averages.KeyBy<&StockSummary::symbol>()
      .Join(labels.KeyBy<&Label::id>())
      .Values()
      .Map([](const std::pair<StockSummary, Label>& pair) {
        StockSummary summary = pair.first;
        summary.cluster = pair.second.cluster;
        return summary;
      })
      .Cache()
      .SortBy<&StockSummary::symbol>();
}

Table ElbowTable(Job& job, const std::vector<KMeansRun>& runs) {
  Schema schema;
  schema.Add("k", ValueType::kInt64);
  schema.Add("cost", ValueType::kDouble);
  schema.Add("iterations", ValueType::kInt64);
  std::vector<Row> rows;
  for (size_t i = 1; i < runs.size(); ++i)
    rows.push_back(Row{Value::Int64(runs[i].centres.k), Value::Double(runs[i].final_cost),
                       Value::Int64(runs[i].iterations)});
  return {schema, job.Values<Row>(rows)};
}

}  // namespace millrace::ml
