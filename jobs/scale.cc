// Brings numeric columns to one scale: jobs/ml/scaler.h.
//
//   mrsubmit run --local scale --input=features.csv --output=scaled --id=name --method=standard --std=sample
//
// standard: mean 0 and standard deviation 1; --std=sample divides by n - 1, population by n. max-abs:
// greatest magnitude 1. Output: scaled/ (the id column, then the scaled ones) and parameters/ (one row per
// column). Columns that are not numeric are left out. A missing value ends the job with its row and column.
//
// Stages, for n rows of d columns: one pass into cached blocks of numbers (8 n d bytes and the ids), one or
// two for the parameters (each task sends 2 d numbers), one that writes. Nothing is shuffled. Memory: a
// block per slot.
#include "common/pipeline/pipeline.h"
#include "jobs/ml/features.h"
#include "jobs/ml/scaler.h"

namespace millrace {

struct ScaleOptions : CommonOptions {
  std::string method = "standard";
  std::string std = "sample";
  std::string id;
  std::vector<std::string> features;
};
MR_OPTIONS(ScaleOptions, MR_OPTION(method, "standard|max-abs", "How columns are scaled"),
           MR_OPTION(std, "sample|population", "Divisor of the standard deviation: n - 1 or n"),
           MR_OPTION(id, "column", "The column that names the rows; it is kept as it is"),
           MR_OPTION(features, "columns", "The columns to scale; empty = all numeric ones"))

void Scale(Job& job, const ScaleOptions& options) {
  const ml::Scaling scaling = options.method == "max-abs" ? ml::Scaling::kMaxAbs
                              : options.std == "sample"   ? ml::Scaling::kStandardSample
                                                          : ml::Scaling::kStandardPopulation;
  const Table table = ml::ReadFeatureTable(job, options.input, options.id, options.features);
  const ml::Features features = ml::MakeFeatures(job, table, options.id, options.features);
  const ml::ScaleParameters parameters = ml::FitScaler(features, scaling);
  ml::ScaledTable(features, parameters).Write(options.output + "/scaled");
  ml::ParametersTable(job, features, parameters).Write(options.output + "/parameters");
}
MR_JOB("scale", Scale, "Columns scaled to mean 0 and deviation 1, or to magnitude 1")

}  // namespace millrace
