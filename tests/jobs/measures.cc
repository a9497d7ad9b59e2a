// Jobs for the matrix and the benchmarks: a float reduction, a huge group, empty tasks.
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

// Walks every group row by row in value order; a group may be far larger than a slot.
void BigGroup(Job& job, const FloatSumOptions& options) {
  job.Read<Measure>(options.input)
      .KeyBy<&Measure::key>()
      .GroupSorted<GroupSummary, &Measure::value>(
          [](const int64_t& key, Rows<Measure> rows, Emitter<GroupSummary>& out) {
            GroupSummary summary{key, 0, 0};
            for (const Measure& row : rows) {
              ++summary.rows;
              summary.folded = summary.folded * 0.999 + row.value;
            }
            out(summary);
          })
      .Write(options.output);
}
MR_JOB("big-group", BigGroup, "Rows and an order-dependent fold per key (csv with key, value)")

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
