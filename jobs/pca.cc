// Principal components of numeric columns, and the rows in their coordinates: the rules are in jobs/ml/pca.h.
//
//   mrsubmit run --local pca --input=features.csv --output=components --id=household_id --k=2
//
// Output: components/ (component, eigenvalue, explained_variance_ratio, then the features), projected/ (the
// id column, then x and y), summary.json.
//
// Stages, for n rows of d columns: one pass into cached blocks of numbers; one for the means; one for the
// centred Gram matrix (each task sends d^2 numbers to the driver, whose eigenvalues cost d^3: d of a few
// thousand is the end); one that projects. Nothing is shuffled. Memory: the matrix and one block per slot.
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/pca.h"

namespace millrace {

struct PcaOptions : CommonOptions {
  uint32_t k = 2;
  std::vector<std::string> features;
  std::string id;
};
MR_OPTIONS(PcaOptions, MR_OPTION(k, "integer", "Number of components"),
           MR_OPTION(features, "columns", "The columns to work with; empty = all numeric ones"),
           MR_OPTION(id, "column", "The column that names the rows; it is kept as it is"))

void PrincipalComponents(Job& job, const PcaOptions& options) {
  const Table table = ml::ReadFeatureTable(job, options.input, options.id, options.features);
  const ml::Features features = ml::MakeFeatures(job, table, options.id, options.features);
  const ml::Pca pca = ml::FitPca(job, features, options.k);
  ml::ComponentsTable(job, features, pca).Write(options.output + "/components");
  ml::ProjectedTable(features, pca).Write(options.output + "/projected");

  nlohmann::ordered_json summary;
  summary["rows"] = features.rows;
  summary["features"] = features.names;
  summary["components"] = nlohmann::ordered_json::array();
  summary["eigenvalues"] = pca.eigenvalues;
  summary["explained_variance_ratio"] = nlohmann::ordered_json::array();
  for (uint32_t c = 0; c < pca.k; ++c) {
    const auto first = pca.components.begin() + c * pca.columns;
    summary["components"].push_back(std::vector<double>(first, first + pca.columns));
    summary["explained_variance_ratio"].push_back(pca.Ratio(c));
  }
  summary["offset"] = pca.offset;
  summary["mean"] = pca.mean;
  summary["sum_of_projections"] = ml::ProjectionSums(features, pca);
  job.WriteFile("summary.json", summary.dump(1) + "\n");
}
MR_JOB("pca", PrincipalComponents, "Principal components of numeric columns")

}  // namespace millrace
