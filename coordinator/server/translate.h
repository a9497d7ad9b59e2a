// Between the messages on the wire and the plain structs of the scheduler. No decisions.
#pragma once

#include <vector>

#include "coordinator/scheduler/commands.h"
#include "coordinator/scheduler/events.h"
#include "proto/client.pb.h"
#include "proto/control.pb.h"
#include "proto/task.pb.h"

namespace millrace::coordinator {

scheduler::AttemptId FromPb(const pb::AttemptId& id);
pb::AttemptId ToPb(const scheduler::AttemptId& id);

scheduler::TaskSums SumsOf(const pb::TaskLedger& ledger);
// `cause`: the attempt that reported it, job 0 for none. Failures of user code with the same operator,
// record, signal and message count as the same failure.
scheduler::ErrorFacts FactsOf(const pb::ErrorInfo& error, const scheduler::AttemptId& cause = {});
pb::ErrorInfo ErrorOf(const scheduler::ErrorFacts& facts);
scheduler::Outcome FromPb(pb::Outcome outcome);
scheduler::TaskReported ReportOf(const pb::TaskReport& report, scheduler::WorkerId worker,
                                 scheduler::Epoch epoch);

uint32_t TasksOf(const pb::Stage& stage);
std::vector<scheduler::StageShape> ShapesOf(const pb::Plan& plan);

pb::JobStatus::State StateOf(scheduler::JobState state);  // for clients
scheduler::JobState StateFromJournal(pb::JobStatus::State state);

}  // namespace millrace::coordinator
