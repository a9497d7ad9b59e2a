// Where a job's report goes.
#pragma once

#include "common/pipeline/pipeline.h"
#include "common/report/page.h"

namespace millrace {

// report.json beside the tables; `mrsubmit report OUTPUT` and the option --report of `mrsubmit run` make a
// page of it.
inline void WriteReport(Job& job, const report::Page& page) {
  job.WriteFile("report.json", report::ToJson(page));
}

}  // namespace millrace
