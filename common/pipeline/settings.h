// The options that every job has, beside its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/pipeline/jobs_registry.h"
#include "common/plan/lower.h"

namespace millrace {

// None of these depends on workers, slots or memory: they are part of what a job computes.
struct JobSettings {
  std::string input;
  std::string output;
  bool overwrite = false;
  bool header = true;
  std::string input_format;  // "" = by the extension
  std::string output_format = "csv";
  std::string parquet_compression = "snappy";
  std::string delimiter = ",";
  std::string schema;  // a file of infer-schema: the columns of the input and their types
  uint32_t partitions = 0;
  uint64_t split_bytes = 32ull << 20;
  uint64_t partition_bytes = 64ull << 20;
  uint64_t max_record_bytes = 16ull << 20;
  uint64_t max_collect_bytes = 256ull << 20;
  uint64_t combine_flush_bytes = 24ull << 20;
  std::string on_bad_record = "fail";
  uint64_t max_bad_records = 1000;
  std::string segment_compression = "none";
  uint32_t task_timeout_ms = 600'000;
};

// As listed by `mrsubmit jobs`; without --input for a job that names its inputs itself.
std::vector<OptionInfo> CommonOptionInfos(bool takes_input = true);

// Takes the common options out of `options`; "" or the sentence of the first error.
std::string TakeCommonOptions(std::map<std::string, std::string>* options, JobSettings* settings,
                              bool takes_input = true);

// The sentence for an option that `known` does not have, with the nearest name.
std::string UnknownOption(const std::string& job, const std::string& name,
                          const std::vector<OptionInfo>& known);

plan::LowerOptions LowerOptionsOf(const JobSettings& settings);

}  // namespace millrace
