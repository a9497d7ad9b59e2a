#include "common/pipeline/job.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/list_inputs.h"
#include "common/io/parquet.h"
#include "common/io/publish.h"
#include "common/io/splits.h"
#include "common/pipeline/pipeline.h"

namespace millrace {
namespace {

constexpr uint64_t kSampleSplitBytes = 256 << 10;
constexpr int kMaxSampleSplits = 64;

// Every n-th small split of the same files: enough for the bounds of a sort.
pb::FileSource SampleSplits(const pb::FileSource& all) {
  pb::FileSource sample = all;
  sample.clear_splits();
  const int step = std::max(1, (all.splits_size() + kMaxSampleSplits - 1) / kMaxSampleSplits);
  for (int i = 0; i < all.splits_size(); i += step) *sample.add_splits() = all.splits(i);
  return sample;
}

// Between a folder's name and the number of its next part; no folder's name ends like this.
constexpr char kNumbered[] = "//";

std::string FormatOfPath(std::string_view path) {
  for (std::string_view packed : {".gz", ".zst"})
    if (path.size() > packed.size() && path.substr(path.size() - packed.size()) == packed)
      path.remove_suffix(packed.size());
  const size_t dot = path.rfind('.');
  const std::string_view extension = dot == std::string_view::npos ? "" : path.substr(dot + 1);
  if (extension == "jsonl" || extension == "ndjson") return "jsonl";
  if (extension == "tsv" || extension == "parquet") return std::string(extension);
  return "csv";
}

}  // namespace

void Job::Fail(std::string message) {
  Fail(plans_run_ == 0 ? pb::ErrorInfo::USAGE : pb::ErrorInfo::BAD_INPUT, std::move(message));
}

void Job::Fail(pb::ErrorInfo::Kind kind, std::string message) {
  pb::ErrorInfo error;
  error.set_kind(kind);
  error.set_message(std::move(message));
  error.set_deterministic(kind == pb::ErrorInfo::USAGE || kind == pb::ErrorInfo::BAD_INPUT);
  throw JobAborted(std::move(error));
}

void Job::Prepare(plan::Node& node) {
  if (!node.step_of.empty())
    Fail(pb::ErrorInfo::USER_CODE,
         StrCat("a data set that a step of loop '", node.step_of,
                "' made is read after that step; carry what "
                "the next step needs in the loop's state, or make the data set before the loop"));
  if (node.kind == plan::Node::Kind::kCache && node.cached_stage != 0) return;
  for (const plan::NodePtr& input : node.inputs) Prepare(*input);
  if (!node.prepare) return;
  const auto prepare = std::move(node.prepare);
  node.prepare = nullptr;
  prepare(node);
}

uint32_t Job::StartAction(const plan::ActionSpec& action) {
  Prepare(*action.node);
  pb::ActionRequest request;
  *request.mutable_plan() = plan::Lower(action, lower_options(), &numbering_);
  ClaimParts(*request.plan().stages().rbegin());
  std::vector<pb::SharedValue> values;
  plan::ShareValues(request.mutable_plan(), &values);
  for (pb::SharedValue& value : values)
    if (shared_.insert(value.digest()).second) *request.add_shared() = std::move(value);
  request.set_action(request.plan().action());
  request.set_fingerprint(plan::Fingerprint(request.plan()));
  ++plans_run_;
  const uint32_t number = request.action();
  Send(std::move(request));
  return number;
}

void Job::Send(pb::ActionRequest request) {
  open_.insert(request.action());
  const absl::Status status = link_.StartAction(std::move(request));
  if (!status.ok()) Fail(pb::ErrorInfo::SYSTEM, MessageOf(status));
}

pb::ActionResult Job::Await(uint32_t action) {
  if (open_.erase(action) == 0)
    Fail(pb::ErrorInfo::USER_CODE, StrCat("the result of action ", action,
                                          " was taken before; what a step of a loop starts has to be asked "
                                          "for in that step, once"));
  absl::StatusOr<pb::ActionResult> result = link_.AwaitAction(action);
  if (!result.ok()) Fail(pb::ErrorInfo::SYSTEM, MessageOf(result.status()));
  if (result->error().kind() != pb::ErrorInfo::NONE) throw JobAborted(result->error());
  return *std::move(result);
}

void Job::AwaitAll(uint32_t first) {
  for (auto at = open_.lower_bound(first); at != open_.end(); at = open_.lower_bound(first)) Await(*at);
}

void Job::SendRecord(std::string_view name, std::string recorded, uint32_t loop_first) {
  pb::ActionRequest request;
  request.set_action(numbering_.next_action++);
  request.set_record(true);
  request.set_fingerprint(Sha256Hex(name));
  request.set_recorded(std::move(recorded));
  request.set_loop_first(loop_first);
  Send(std::move(request));
}

std::string Job::Record(std::string_view name, const std::function<std::string()>& make) {
  const uint32_t action = numbering_.next_action;
  SendRecord(StrCat("record ", name), make());
  return Await(action).recorded();
}

void Job::CheckColumns(const pb::FileSource& files, const std::vector<std::string>& have,
                       const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted) {
    if (std::find(have.begin(), have.end(), name) != have.end()) continue;
    const std::string near = Nearest(name, have);
    Fail(StrCat(files.files(0).uri(), ": there is no column '", name, "'",
                near.empty() ? std::string("; the columns are ") + StrJoin(have, ", ")
                             : StrCat("; did you mean '", near, "'?")));
  }
}

void Job::CheckTypes(const pb::FileSource& files, const std::vector<io::TypedColumn>& types,
                     const Schema& needed) {
  for (const Column& column : needed.columns()) {
    const auto found =
        std::find_if(types.begin(), types.end(), [&](const auto& type) { return type.name == column.name; });
    if (found == types.end()) continue;
    const std::string where = StrCat(files.files(0).uri(), ": column '", column.name, "'");
    if (found->type == ValueType::kNull)
      Fail(StrCat(where, " (", found->declared,
                  ") cannot be read: lists, maps and this type have no form in a record; leave it out"));
    if (!io::Fits(*found, column.type))
      Fail(StrCat(where, " is ", ValueTypeName(found->type), " (", found->declared, "), and a ",
                  ValueTypeName(column.type), " was expected; write the file with that type"));
  }
}

std::vector<pb::InputFile> Job::ListFiles(std::string_view uri) {
  absl::StatusOr<std::vector<pb::InputFile>> files = io::ListInputs(uri);
  if (!files.ok()) Fail(MessageOf(files.status()));
  return *std::move(files);
}

plan::NodePtr Job::FilesNode(std::string_view uri, const std::vector<pb::InputFile>& files,
                             std::string format, std::map<std::string, std::string> options,
                             const plan::OperatorSpec& op, const Schema& needed, const ReadOptions& read,
                             std::vector<io::TypedColumn>* types) {
  const auto plan_splits = [&](uint64_t split_bytes) {
    auto planned = io::PlanSplits(format, options, files, split_bytes);
    if (!planned.ok()) Fail(MessageOf(planned.status()));
    if (format == "parquet" && !read.ranges.empty()) {
      const absl::Status pruned = io::PruneParquet(read.ranges, &planned->source);
      if (!pruned.ok()) Fail(MessageOf(pruned));
    }
    return *std::move(planned);
  };
  io::PlannedInput planned = plan_splits(
      read.split_bytes == 0 ? settings_.split_bytes : std::min(read.split_bytes, settings_.split_bytes));
  if (!planned.has_records) Fail(StrCat(uri, " has no records; is it the right input?"));
  if (format == "csv" || format == "parquet") {
    const auto& columns = planned.source.columns();
    CheckColumns(planned.source, {columns.begin(), columns.end()}, needed.Names());
    CheckTypes(planned.source, planned.types, needed);
  }
  if (types != nullptr) *types = planned.types;
  auto node = std::make_shared<plan::Node>();
  node->kind = plan::Node::Kind::kFiles;
  node->op = op;
  node->sample_files = planned.source;
  if (plan::EstimateInputBytes(*node) == 0) {
    uint64_t bytes = 0;
    for (const pb::InputFile& file : files) bytes += file.size_bytes();
    // Only inputs large enough for several partitions are ever sampled.
    if (bytes > settings_.partition_bytes || settings_.partitions > 1)
      node->sample_files = SampleSplits(plan_splits(kSampleSplitBytes).source);
  }
  node->files = std::move(planned.source);
  return node;
}

plan::NodePtr Job::ReadNode(std::string_view uri, const ReadOptions& options, const plan::OperatorSpec& op,
                            const Schema& needed, std::vector<io::TypedColumn>* types) {
  const std::vector<pb::InputFile> files = ListFiles(uri);
  std::string format = !options.format.empty()           ? options.format
                       : !settings_.input_format.empty() ? settings_.input_format
                                                         : FormatOfPath(files.front().uri());
  std::map<std::string, std::string> io_options;
  if (format == "tsv") {
    format = "csv";
    io_options["delimiter"] = "\t";
  }
  if (format == "csv") {
    const std::string delimiter = !options.delimiter.empty() ? options.delimiter : settings_.delimiter;
    if (delimiter != ",") io_options["delimiter"] = delimiter;
    if (!options.quote) io_options["quote"] = "false";
  }
  return FilesNode(uri, files, format, std::move(io_options), op, needed, options, types);
}

Dataset<std::string_view> Job::ReadText(std::string_view uri) {
  return {this, FilesNode(uri, ListFiles(uri), "text", {},
                          internal::Spec<internal::ReadTextOp>("ReadText", pb::LAW_SOURCE))};
}

Dataset<std::string_view> Job::ReadTextBlocks(std::string_view uri) {
  return {this, FilesNode(uri, ListFiles(uri), "text", {},
                          internal::Spec<internal::ReadBlocksOp>("ReadTextBlocks", pb::LAW_SOURCE))};
}

Dataset<std::string_view> Job::ReadFixed(std::string_view uri, uint64_t record_bytes) {
  std::string bytes;
  AppendUint(record_bytes, &bytes);
  return {this, FilesNode(uri, ListFiles(uri), "fixed", {{"record_bytes", bytes}},
                          internal::Spec<internal::ReadFixedOp>("ReadFixed", pb::LAW_SOURCE))};
}

void Job::WriteFile(std::string_view name, std::string_view contents) {
  const Dataset<std::string> one = Values<std::string>({std::string(contents)});
  plan::ActionSpec action;
  *action.target.mutable_write() = WriteTargetFor(settings_.output, {"binary", ""}, "binary");
  action.target.mutable_write()->set_file_name(std::string(name));
  action.label = StrCat("WriteFile(", name, ")");
  action.node = one.node();
  action.terminal = internal::WriteSpec<std::string>("");
  CheckOwnFolder(std::string(name));
  RunAction(action);
}

void Job::CheckOwnFolder(const std::string& folder, bool parts_given) {
  const std::string numbered = folder + kNumbered;
  for (const std::string& taken : folders_)
    if (taken == folder || (!parts_given && taken.starts_with(numbered)))
      Fail(pb::ErrorInfo::USER_CODE, StrCat("the job writes two tables to '", folder,
                                            "' of its output; give each a folder of its own"));
  if (!parts_given) folders_.push_back(folder);
}

// Of a folder that is written several times folders_ holds the number of the next part.
void Job::ClaimParts(const pb::Stage& stage) {
  const auto given = stage.write().options().find("first_part");
  if (given == stage.write().options().end()) return;
  const std::string numbered = stage.write().folder() + kNumbered;
  uint64_t first = 0, next = 0, tasks = 0;
  ParseInt(given->second, &first);
  for (const pb::Branch& branch : stage.branches()) tasks += branch.tasks();
  auto taken = std::find_if(folders_.begin(), folders_.end(),
                            [&](const std::string& folder) { return folder.starts_with(numbered); });
  if (taken == folders_.end()) taken = folders_.insert(folders_.end(), numbered + "0");
  ParseInt(std::string_view(*taken).substr(numbered.size()), &next);
  if (first < next)
    Fail(pb::ErrorInfo::USER_CODE, StrCat("part ", first, " of '", stage.write().folder(),
                                          "' is written again; the next one is number ", next));
  *taken = StrCat(numbered, first + tasks);
}

pb::WriteTarget Job::WriteTargetFor(std::string_view path, const WriteOptions& options,
                                    const char* default_format) {
  std::string_view rest = path;
  const std::string& output = settings_.output;
  if (rest.substr(0, output.size()) != output || (rest.size() > output.size() && rest[output.size()] != '/'))
    Fail(pb::ErrorInfo::USER_CODE, StrCat("a job writes below its --output (", output, "), not to ", path));
  rest.remove_prefix(std::min(rest.size(), output.size() + 1));
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  pb::WriteTarget target;
  target.set_output(output);
  target.set_folder(std::string(rest));
  const bool table = options.format.empty() && std::string_view(default_format) == "csv";
  target.set_format(table                     ? settings_.output_format
                    : !options.format.empty() ? options.format
                                              : default_format);
  const std::string& format = target.format();
  target.set_extension(!options.extension.empty() ? options.extension
                       : format == "text"         ? "txt"
                       : format == "binary"       ? "bin"
                                                  : format);
  target.set_overwrite(settings_.overwrite);
  if (!settings_.header) (*target.mutable_options())["header"] = "false";
  if (options.first_part.has_value())
    (*target.mutable_options())["first_part"] = std::to_string(*options.first_part);
  if (format == "parquet") {
    const auto version = io::ParquetVersion();
    if (!version.ok()) Fail(MessageOf(version.status()));
    (*target.mutable_options())["arrow"] = *version;
    (*target.mutable_options())["compression"] = settings_.parquet_compression;
  }
  return target;
}

namespace internal {

plan::NodePtr NarrowNode(const plan::NodePtr& input, plan::OperatorSpec op) {
  auto node = std::make_shared<plan::Node>();
  node->kind = plan::Node::Kind::kNarrow;
  node->inputs = {input};
  node->op = std::move(op);
  return node;
}

plan::NodePtr ShuffleNode(std::vector<plan::NodePtr> inputs, std::vector<plan::OperatorSpec> writers,
                          plan::OperatorSpec reader) {
  auto node = std::make_shared<plan::Node>();
  node->kind = plan::Node::Kind::kShuffle;
  node->inputs = std::move(inputs);
  node->writers = std::move(writers);
  node->op = std::move(reader);
  return node;
}

plan::NodePtr TasksOf(Job& job, const plan::NodePtr& node, size_t begin, size_t end) {
  auto part = std::make_shared<plan::Node>(*node);
  const auto whole_only = [&](const char* what) {
    job.Fail(pb::ErrorInfo::USER_CODE,
             StrCat("a slice was asked for of ", what,
                    "; slice the files or values that it comes from, or filter its records"));
  };
  if (begin == end) whole_only("rows that are not there");
  switch (node->kind) {
    case plan::Node::Kind::kFiles:
      part->files.clear_splits();
      for (size_t i = begin; i < end; ++i)
        *part->files.add_splits() = node->files.splits(static_cast<int>(i));
      part->sample_files = part->files;
      break;
    case plan::Node::Kind::kValues:
      part->values.clear_partitions();
      for (size_t i = begin; i < end; ++i)
        part->values.add_partitions(node->values.partitions(static_cast<int>(i)));
      break;
    case plan::Node::Kind::kNarrow:
      if (node->op.kind == "WithRowNumber" || node->op.kind == "Sample" || node->op.kind == "Slice")
        whole_only("records that were numbered, sampled or sliced");
      part->inputs = {TasksOf(job, node->inputs[0], begin, end)};
      break;
    default:
      whole_only("a cache, a union or a shuffled data set");
  }
  return part;
}

std::vector<std::string> RangeBounds(std::vector<std::string> keys, uint32_t partitions) {
  // Eight bytes decide nearly every comparison; the texts themselves stay where they are.
  std::vector<std::pair<uint64_t, const std::string*>> order;
  order.reserve(keys.size());
  for (const std::string& key : keys) order.emplace_back(KeyPrefix64(key), &key);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  std::vector<std::string> bounds;
  for (uint64_t i = 1; i < partitions && !keys.empty(); ++i) {
    const std::string& bound = *order[i * keys.size() / partitions].second;
    if (bounds.empty() ? bound > *order.front().second : bound > bounds.back()) bounds.push_back(bound);
  }
  return bounds;
}

pb::ErrorInfo RunGuarded(Job& job, const std::map<std::string, std::string>& given, bool takes_input,
                         const std::function<std::string(const std::map<std::string, std::string>&)>& parse,
                         const std::function<void()>& body) {
  pb::ErrorInfo error;
  const auto usage = [&](std::string message) {
    error.set_kind(pb::ErrorInfo::USAGE);
    error.set_message(std::move(message));
    error.set_deterministic(true);
    return error;
  };
  std::map<std::string, std::string> own = given;
  std::string problem = TakeCommonOptions(&own, &job.mutable_settings(), takes_input);
  if (problem.empty()) problem = parse(own);
  if (!problem.empty()) return usage(problem);
  try {
    const JobSettings& settings = job.settings();
    problem = job.Record("output", [&] {
      const absl::Status status = io::CheckOutput(settings.output, settings.overwrite);
      return status.ok() ? std::string() : MessageOf(status);
    });
    if (!problem.empty()) return usage(problem);
    body();
    job.AwaitAll();
  } catch (const JobAborted& aborted) {
    return aborted.error();
  } catch (const BadInput& e) {
    error.set_kind(pb::ErrorInfo::BAD_INPUT);
    error.set_deterministic(true);
    error.set_message(e.what());
  } catch (const std::exception& e) {
    error.set_kind(pb::ErrorInfo::USER_CODE);
    error.set_message(StrCat("the job function threw: ", e.what()));
  } catch (...) {
    error.set_kind(pb::ErrorInfo::USER_CODE);
    error.set_message("the job function threw something that is not a std::exception");
  }
  return error;
}

}  // namespace internal
}  // namespace millrace
