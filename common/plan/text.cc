#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>
#include <vector>

#include "common/base/sha256.h"
#include "common/plan/lower.h"

namespace millrace::plan {
namespace {

std::string Plural(uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string FileName(const std::string& uri) {
  const size_t slash = uri.rfind('/');
  return slash == std::string::npos ? uri : uri.substr(slash + 1);
}

std::string SourceText(const pb::Branch& branch) {
  if (branch.has_files()) {
    const pb::FileSource& files = branch.files();
    std::string text = "read " + files.format() + " ";
    for (int i = 0; i < files.files_size() && i < 3; ++i) {
      if (i > 0) text += ", ";
      text += FileName(files.files(i).uri());
    }
    if (files.files_size() > 3) text += ", ... " + Plural(files.files_size(), "file");
    return text + ": " + Plural(branch.tasks(), "split");
  }
  if (branch.has_values()) return "values: " + Plural(branch.tasks(), "part");
  std::string text = branch.upstream().aligned() ? "cached" : "merge";
  for (uint32_t stage : branch.upstream().stages()) text += " stage " + std::to_string(stage) + ",";
  text.pop_back();
  return text + ": " + Plural(branch.tasks(), "task");
}

std::string TargetText(const pb::Stage& stage) {
  switch (stage.target_case()) {
    case pb::Stage::kShuffle: {
      const pb::ShuffleTarget& target = stage.shuffle();
      const char* how = target.partitioner() == pb::ShuffleTarget::RANGE    ? "by range"
                        : target.partitioner() == pb::ShuffleTarget::SINGLE ? "to one"
                                                                            : "by hash";
      return "shuffle " + std::string(how) + " into " + Plural(target.partitions(), "partition");
    }
    case pb::Stage::kWrite: {
      const pb::WriteTarget& target = stage.write();
      std::string where = target.folder().empty() ? "" : target.folder() + "/";
      where += target.file_name().empty() ? "part-*." + target.extension() : target.file_name();
      return "write " + target.format() + " " + where;
    }
    case pb::Stage::kResult:
      return "result to the driver";
    case pb::Stage::kCache:
      return "keep on the workers";
    case pb::Stage::TARGET_NOT_SET:
      break;
  }
  return "?";
}

}  // namespace

std::string PlanText(const pb::Plan& plan) {
  std::string text = "action " + std::to_string(plan.action()) + ": " + plan.label() + "\n";
  for (const pb::Stage& stage : plan.stages()) {
    text += "  stage " + std::to_string(stage.id()) + "\n";
    for (const pb::Branch& branch : stage.branches()) {
      text += "    " + SourceText(branch) + "\n";
      for (const pb::Operator& op : branch.operators()) {
        text += "      " + (op.label().empty() ? op.kind() : op.label());
        const uint64_t bytes = op.has_shared() ? op.shared().size() : op.values().size();
        if (bytes > 0) text += "  with " + Plural(bytes, "byte");
        text += "\n";
      }
    }
    text += "    -> " + TargetText(stage) + "\n";
  }
  return text;
}

std::string Fingerprint(const pb::Plan& plan) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // map fields in key order
    plan.SerializeToCodedStream(&coded);
  }
  return Sha256Hex(bytes);
}

}  // namespace millrace::plan
