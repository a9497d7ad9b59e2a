#include "common/pipeline/registry.h"

#include <algorithm>
#include <vector>

#include "common/pipeline/jobs_registry.h"

namespace millrace {

struct Registry::Impl {
  std::vector<OperatorFunction> functions;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Registry& Registry::Get() {
  static Registry* registry = new Registry;  // never destroyed: tasks may outlive static destruction
  return *registry;
}

uint32_t Registry::Add(const OperatorFunction& function) {
  impl_->functions.push_back(function);
  return static_cast<uint32_t>(impl_->functions.size() - 1);
}

const OperatorFunction* Registry::Find(uint32_t ordinal) const {
  return ordinal < impl_->functions.size() ? &impl_->functions[ordinal] : nullptr;
}

uint32_t Registry::size() const { return static_cast<uint32_t>(impl_->functions.size()); }

JobRegistry& JobRegistry::Get() {
  static JobRegistry* registry = new JobRegistry;
  return *registry;
}

void JobRegistry::Add(JobInfo info) { jobs_.push_back(std::move(info)); }

const JobInfo* JobRegistry::Find(std::string_view name) const {
  for (const JobInfo& job : jobs_)
    if (job.name == name) return &job;
  return nullptr;
}

std::vector<const JobInfo*> JobRegistry::List() const {
  std::vector<const JobInfo*> list;
  for (const JobInfo& job : jobs_) list.push_back(&job);
  std::sort(list.begin(), list.end(), [](const JobInfo* a, const JobInfo* b) { return a->name < b->name; });
  return list;
}

}  // namespace millrace
