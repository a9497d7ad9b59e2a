#include "common/base/strings.h"
#include "common/pipeline/job.h"
#include "common/pipeline/jobs_registry.h"
#include "worker/executor/driver.h"

namespace millrace {

pb::ErrorInfo RunRegisteredJob(DriverLink& link, const pb::StartDriver& start) {
  pb::ErrorInfo error;
  const JobInfo* info = JobRegistry::Get().Find(start.job_name());
  if (info == nullptr) {
    std::vector<std::string> names;
    for (const JobInfo* job : JobRegistry::Get().List()) names.push_back(job->name);
    error.set_kind(pb::ErrorInfo::USAGE);
    error.set_message(StrCat("there is no job '", start.job_name(), "' in this bundle.",
                             DidYouMean(start.job_name(), names)));
    return error;
  }
  Job job(link);
  return info->run(job, {start.options().begin(), start.options().end()});
}

}  // namespace millrace
