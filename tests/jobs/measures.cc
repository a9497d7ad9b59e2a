// Jobs for the matrix and the benchmarks: a float reduction, a huge group, empty tasks.
#include <cmath>

#include "common/pipeline/pipeline.h"

namespace millrace {
namespace {

struct Measure {
  int64_t key = 0;
  double value = 0;
};
MR_RECORD(Measure, MR_NAMED(key), MR_NAMED(value))

struct FloatSumOptions : CommonOptions {};

// Sums of floats per key: the last bits tell whether the order of folding was the same.
void FloatSum(Job& job, const FloatSumOptions& options) {
  job.Read<Measure>(options.input)
      .KeyBy([](const Measure& m) { return m.key; }, [](const Measure& m) { return m.value; })
      .ReduceByKey(Sum{})
      .Pairs()
      .Map([](const KeyValue<int64_t, double>& pair) {
        return Measure{pair.key, pair.value};
      })
      .Write(options.output);
}
MR_JOB("float-sum", FloatSum, "Sum of value per key (csv with key, value)")

struct GroupSummary {
  int64_t key = 0;
  uint64_t rows = 0;
  double folded = 0;
};
MR_RECORD(GroupSummary, MR_NAMED(key), MR_NAMED(rows), MR_NAMED(folded))

// A measure with text of some hundred bytes: fewer rows make a large group.
struct NotedMeasure {
  int64_t key = 0;
  double value = 0;
  std::string note;
};
MR_RECORD(NotedMeasure, MR_NAMED(key), MR_NAMED(value), MR_NAMED(note))

double Weight(const Measure& row) { return row.value; }
double Weight(const NotedMeasure& row) { return row.value + static_cast<double>(row.note.size()); }

// Walks every group row by row in value order; a group may be far larger than a slot.
template <typename T>
void GroupAndFold(Job& job, const CommonOptions& options) {
  job.Read<T>(options.input)
      .template KeyBy<&T::key>()
      .template GroupSorted<GroupSummary, &T::value>(
          [](const int64_t& key, Rows<T> rows, Emitter<GroupSummary>& out) {
            GroupSummary summary{key, 0, 0};
            for (const T& row : rows) {
              ++summary.rows;
              summary.folded = summary.folded * 0.999 + Weight(row);
            }
            out(summary);
          })
      .Write(options.output);
}

void BigGroup(Job& job, const FloatSumOptions& options) { GroupAndFold<Measure>(job, options); }
MR_JOB("big-group", BigGroup, "Rows and an order-dependent fold per key (csv with key, value)")

void WideGroup(Job& job, const FloatSumOptions& options) { GroupAndFold<NotedMeasure>(job, options); }
MR_JOB("wide-group", WideGroup, "The same of wider rows (csv with key, value, note)")

struct LoopedOptions : CommonOptions {
  int64_t steps = 100;
};
MR_OPTIONS(LoopedOptions, MR_OPTION(steps, "integer", "Steps of the loop"))

// A loop whose steps depend on each other to the last bit, with a shared value of 8 KiB in each.
void Looped(Job& job, const LoopedOptions& options) {
  const auto measures = job.Read<Measure>(options.input).Cache();
  const double total =
      job.Loop("looped", 0.0, static_cast<uint64_t>(options.steps), [&](double& sum, uint64_t i) {
        std::vector<double> weights(1024, sum);
        weights[i % weights.size()] += 1;
        sum = measures
                  .Map(With(weights),
                       [](const std::vector<double>& w, const Measure& m) {
                         return m.value / (1 + std::abs(w[static_cast<size_t>(m.key) % w.size()]));
                       })
                  .Aggregate(Sum{});
        return true;
      });
  std::string text;
  AppendDouble(total, &text);
  job.WriteFile("total.txt", text + "\n");
}
MR_JOB("looped", Looped, "A loop over measures (csv with key, value)")

struct EmptyTasksOptions : CommonOptions {
  int64_t tasks = 1000;
};
MR_OPTIONS(EmptyTasksOptions, MR_OPTION(tasks, "integer", "Tasks that do nothing"))

void EmptyTasks(Job& job, const EmptyTasksOptions& options) {
  const uint64_t n = job.Values<int64_t>({}, static_cast<uint32_t>(options.tasks)).Count();
  std::string text;
  AppendUint(n, &text);
  job.WriteFile("count.txt", text + "\n");
}
MR_JOB("empty-tasks", EmptyTasks, "Tasks that do nothing, for measuring the scheduler's overhead")

}  // namespace
}  // namespace millrace
