#include <set>
#include <utility>

#include "common/base/sha256.h"
#include "common/plan/lower.h"

namespace millrace::plan {
namespace {

pb::SharedRef Share(std::string* bytes, std::set<std::string>* known, std::vector<pb::SharedValue>* values) {
  Sha256 sha;
  sha.Update(*bytes);
  pb::SharedRef ref;
  ref.set_digest(sha.Finish());
  ref.set_size(bytes->size());
  if (known->insert(ref.digest()).second) {
    pb::SharedValue& value = values->emplace_back();
    value.set_digest(ref.digest());
    value.set_value(std::move(*bytes));
  }
  bytes->clear();
  return ref;
}

}  // namespace

void ShareValues(pb::Plan* plan, std::vector<pb::SharedValue>* values) {
  std::set<std::string> known;
  for (pb::Stage& stage : *plan->mutable_stages()) {
    for (pb::Branch& branch : *stage.mutable_branches()) {
      if (branch.has_values()) {
        pb::ValuesSource& source = *branch.mutable_values();
        for (int i = 0; i < source.partitions_size(); ++i) {
          if (source.partitions(i).size() <= kSharedValueBytes) continue;
          while (source.shared_size() < source.partitions_size()) source.add_shared();
          *source.mutable_shared(i) = Share(source.mutable_partitions(i), &known, values);
        }
      }
      for (pb::Operator& op : *branch.mutable_operators()) {
        if (op.values().size() > kSharedValueBytes)
          *op.mutable_shared() = Share(op.mutable_values(), &known, values);
      }
    }
  }
}

}  // namespace millrace::plan
