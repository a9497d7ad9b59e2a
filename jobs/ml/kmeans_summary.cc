#include "jobs/ml/kmeans_summary.h"

#include <cmath>

namespace millrace::ml {
namespace {

std::string Number(double value) { return FormatDouble(value); }
std::string Number(uint64_t value) { return std::to_string(value); }

template <typename T>
std::string List(const std::vector<T>& items) {
  std::string text = "[";
  for (const T& item : items) {
    if (text.size() > 1) text += ", ";
    if constexpr (std::is_arithmetic_v<T>) {
      text += Number(item);
    } else {
      text += List(item);
    }
  }
  return text + "]";
}

}  // namespace

std::vector<uint32_t> ElbowRange(Job& job, std::string_view text) {
  std::vector<uint32_t> ks;
  if (text.empty()) return ks;
  const size_t dots = text.find("..");
  uint32_t first = 0, last = 0;
  const bool ok = dots != std::string_view::npos && ParseInt(text.substr(0, dots), &first) &&
                  ParseInt(text.substr(dots + 2), &last) && first >= 1 && first <= last &&
                  last - first < 1000;
  if (!ok) job.Fail(StrCat("--elbow=", text, ": a range of k is written like 2..10"));
  for (uint32_t k = first; k <= last; ++k) ks.push_back(k);
  return ks;
}

std::string SummaryJson(const Features& features, const std::vector<KMeansRun>& runs,
                        const std::vector<uint64_t>& initial_rows, const std::vector<double>& silhouettes) {
  const KMeansRun& run = runs[0];
  std::string text = "{\n";
  const auto line = [&text](std::string_view name, const std::string& value, bool last = false) {
    text += StrCat("  \"", name, "\": ", value, last ? "\n" : ",\n");
  };
  line("k", Number(uint64_t{run.centres.k}));
  line("rows", Number(features.rows));
  line("features", Number(uint64_t{features.names.size()}));
  line("initial_rows", initial_rows.empty() ? "null" : List(initial_rows));
  line("iterations", Number(uint64_t{run.iterations}));
  line("converged", run.converged ? "true" : "false");
  line("cost_per_iteration", List(run.cost_per_iteration));
  line("sizes_per_iteration", List(run.sizes_per_iteration));
  line("max_moved_squared_per_iteration", List(run.max_moved_squared_per_iteration));
  line("final_cost", Number(run.final_cost));
  line("final_sizes", List(run.final_sizes));
  line("label_margin", std::isfinite(run.label_margin) ? Number(run.label_margin) : "null");
  const auto silhouette = [&](size_t i) { return silhouettes.empty() ? "null" : Number(silhouettes[i]); };
  line("silhouette", silhouette(0));
  std::string elbow = "[";
  for (size_t i = 1; i < runs.size(); ++i)
    elbow += StrCat(
        i > 1 ? ",\n    " : "\n    ", "{\"k\": ", runs[i].centres.k,
        ", \"final_cost\": ", Number(runs[i].final_cost), ", \"iterations\": ", runs[i].iterations,
        ", \"converged\": ", runs[i].converged ? "true" : "false", ", \"silhouette\": ", silhouette(i), "}");
  line("elbow", elbow + (runs.size() > 1 ? "\n  ]" : "]"), true);
  return text + "}\n";
}

}  // namespace millrace::ml
