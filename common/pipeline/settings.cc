#include "common/pipeline/settings.h"

#include <functional>

#include "common/base/strings.h"
#include "common/pipeline/option_value.h"

namespace millrace {
namespace {

// One row per common option: everything that must be said about it stands in one place.
struct CommonOption {
  const char* name;
  const char* type;
  const char* meaning;
  std::function<std::string(const std::string&, const std::string&, const std::string&, JobSettings*)> parse;
  std::function<std::string(const JobSettings&)> text;
};

template <typename M>
CommonOption Make(const char* name, const char* type, const char* meaning, M JobSettings::*member) {
  return {
      name, type, meaning,
      [member](const std::string& n, const std::string& t, const std::string& text, JobSettings* settings) {
        if constexpr (std::is_same_v<M, uint64_t>) {
          uint64_t bytes = 0;
          if (t == "bytes") {
            const auto parsed = ParseBytes(text);
            if (!parsed.has_value())
              return StrCat("--", n, "=", text, ": '", text, "' is not a number of bytes such as 64MiB");
            bytes = *parsed;
            settings->*member = bytes;
            return std::string();
          }
        }
        return internal::ParseOption(n, t, text, &(settings->*member));
      },
      [member](const JobSettings& settings) { return internal::OptionText(settings.*member); }};
}

const std::vector<CommonOption>& CommonOptionTable() {
  using S = JobSettings;
  static const auto* table = new std::vector<CommonOption>{
      Make("input", "path", "Files to read: paths, globs, folders, comma-separated", &S::input),
      Make("output", "path", "Folder to write; must not exist yet", &S::output),
      Make("overwrite", "flag", "Replaces an output of an earlier job, at the end, in one go", &S::overwrite),
      Make("header", "flag", "Every csv part begins with the column names", &S::header),
      Make("input-format", "text", "csv, tsv, jsonl or parquet; by the file's extension when empty",
           &S::input_format),
      Make("output-format", "csv|jsonl|parquet", "Of the tables that a job writes", &S::output_format),
      Make("parquet-compression", "snappy|zstd|none", "Of the Parquet files that a job writes",
           &S::parquet_compression),
      Make("delimiter", "text", "Separator of csv input, one byte", &S::delimiter),
      Make("schema", "path",
           "Columns of the input and their types, as infer-schema writes them; empty = found", &S::schema),
      Make("partitions", "integer", "Partitions of every shuffle; 0 = by input size", &S::partitions),
      Make("split-bytes", "bytes", "Input bytes per map task; smaller = more parallel, more overhead",
           &S::split_bytes),
      Make("partition-bytes", "bytes", "Input bytes per reduce task when --partitions=0",
           &S::partition_bytes),
      Make("max-record-bytes", "bytes", "A longer record is refused by name", &S::max_record_bytes),
      Make("max-collect-bytes", "bytes", "Largest result one task may send to the driver",
           &S::max_collect_bytes),
      Make("combine-flush-bytes", "bytes",
           "A combiner flushes after this many logical bytes; changes the last bits of float sums",
           &S::combine_flush_bytes),
      Make("on-bad-record", "fail|skip", "skip counts bad records and writes them to a reject file",
           &S::on_bad_record),
      Make("max-bad-records", "integer", "More skipped records than this fail the job", &S::max_bad_records),
      Make("segment-compression", "none|lz4", "Compression of shuffled data", &S::segment_compression),
      Make("task-timeout-ms", "integer", "A task without progress for this long is taken for hung; 0 = never",
           &S::task_timeout_ms),
  };
  return *table;
}

}  // namespace

std::vector<OptionInfo> CommonOptionInfos(bool takes_input) {
  std::vector<OptionInfo> infos;
  const JobSettings defaults;
  for (const CommonOption& option : CommonOptionTable()) {
    const std::string name = option.name;
    if (name == "input" && !takes_input) continue;
    const bool required = name == "input" || name == "output";
    infos.push_back({name, option.type, required ? "(required)" : option.text(defaults), option.meaning});
  }
  return infos;
}

std::string TakeCommonOptions(std::map<std::string, std::string>* options, JobSettings* settings,
                              bool takes_input) {
  for (const CommonOption& option : CommonOptionTable()) {
    const auto at = options->find(option.name);
    if (at == options->end() || (at->first == "input" && !takes_input)) continue;
    std::string problem = option.parse(option.name, option.type, at->second, settings);
    if (!problem.empty()) return problem;
    options->erase(at);
  }
  if (settings->input.empty() && takes_input) return "--input is required: the files to read";
  if (settings->output.empty()) return "--output is required: the folder to write";
  while (settings->output.size() > 1 && settings->output.back() == '/') settings->output.pop_back();
  if (settings->split_bytes == 0) return "--split-bytes=0: a split needs at least one byte";
  return "";
}

std::string UnknownOption(const std::string& job, const std::string& name,
                          const std::vector<OptionInfo>& known) {
  std::vector<std::string> names;
  for (const OptionInfo& info : known) names.push_back(info.name);
  const std::string near = Nearest(name, names);
  return StrCat("job ", job, " has no option --", name,
                near.empty() ? "; see `mrsubmit jobs`" : StrCat("; did you mean --", near, "?"));
}

plan::LowerOptions LowerOptionsOf(const JobSettings& settings) {
  plan::LowerOptions options;
  options.partitions = settings.partitions;
  options.partition_bytes = settings.partition_bytes;
  options.combine_flush_bytes = settings.combine_flush_bytes;
  options.task.set_max_record_bytes(settings.max_record_bytes);
  options.task.set_split_bytes(settings.split_bytes);
  options.task.set_on_bad_record(settings.on_bad_record == "skip" ? 1 : 0);
  options.task.set_max_bad_records(settings.max_bad_records);
  options.task.set_compression(settings.segment_compression);
  options.task.set_task_timeout_ms(settings.task_timeout_ms);
  options.task.set_output(settings.output);
  return options;
}

}  // namespace millrace
