// A worker for tests: a name, a session of the core, and everything it was told. No threads of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "common/base/ids.h"
#include "common/base/sha256.h"
#include "coordinator/server/core.h"

namespace millrace {

class FakeWorker {
 public:
  explicit FakeWorker(std::string name, uint32_t slots = 2) : name(std::move(name)), slots(slots) {}

  void Connect(CoordinatorCore& core, pb::Register extra = {}) {
    core_ = &core;
    epoch = 0;
    session = core.ConnectWorker([this](const pb::CoordinatorMessage& message) { Take(message); },
                                 [this] { closed = true; });
    pb::WorkerMessage message;
    *message.mutable_register_() = std::move(extra);
    pb::Register& reg = *message.mutable_register_();
    reg.set_name(name);
    reg.set_slots(slots);
    reg.set_credits(slots);
    reg.set_profile(profile);
    reg.set_bulk_address("127.0.0.1:1");
    core.OnWorkerMessage(session, message);
    core.Tick();
    std::lock_guard<std::mutex> lock(mutex);
    epoch = welcome.epoch();
  }
  void Send(pb::WorkerMessage message) {
    message.set_epoch(epoch);
    core_->OnWorkerMessage(session, std::move(message));
    core_->Tick();
  }
  void Send(const pb::TaskReport& report) {
    pb::WorkerMessage message;
    *message.add_reports() = report;
    Send(std::move(message));
  }
  void RequestAction(const pb::ActionRequest& request) {
    pb::WorkerMessage message;
    *message.add_actions() = request;
    Send(std::move(message));
  }
  void FinishDriver(uint64_t job, uint64_t driver_epoch, const pb::ErrorInfo& error = {}) {
    pb::WorkerMessage message;
    pb::DriverFinished* finished = message.add_drivers_finished();
    finished->set_job(job);
    finished->set_driver_epoch(driver_epoch);
    if (error.kind() != pb::ErrorInfo::NONE) *finished->mutable_error() = error;
    Send(std::move(message));
  }
  void AnswerFiles(const pb::FileList& list) {
    pb::WorkerMessage message;
    pb::FilesReport* report = message.add_files();
    report->set_job(list.job());
    report->set_request(list.request());
    Send(std::move(message));
  }

  const std::string name;
  const uint32_t slots;
  std::string profile = "p1";
  uint64_t session = 0, epoch = 0;
  std::atomic<bool> closed{false};
  std::mutex mutex;  // guards what follows
  pb::Welcome welcome;
  std::string rejected;
  std::map<std::pair<uint64_t, uint32_t>, pb::StageSpec> stages;
  std::map<std::pair<uint32_t, uint64_t>, pb::Manifest> manifests;  // by stage and version
  std::deque<pb::Grant> grants;
  std::deque<pb::StartDriver> drivers;
  std::deque<pb::ActionResult> results;
  std::deque<pb::FileList> files;
  std::deque<uint64_t> dropped;
  std::deque<pb::JobValue> shared;
  int messages = 0;

 private:
  void Take(const pb::CoordinatorMessage& message) {
    std::lock_guard<std::mutex> lock(mutex);
    ++messages;
    if (message.has_welcome()) welcome = message.welcome();
    if (!message.rejected().empty()) rejected = message.rejected();
    for (const auto& stage : message.stages()) stages[{stage.job(), stage.stage().id()}] = stage;
    for (const auto& manifest : message.manifests())
      manifests[{manifest.stage(), manifest.version()}] = manifest;
    for (const auto& grant : message.grants()) grants.push_back(grant);
    for (const auto& driver : message.start_drivers()) drivers.push_back(driver);
    for (const auto& result : message.action_results()) results.push_back(result);
    for (const auto& list : message.files()) files.push_back(list);
    for (uint64_t job : message.drop_jobs()) dropped.push_back(job);
    for (const auto& value : message.shared()) shared.push_back(value);
  }
  CoordinatorCore* core_ = nullptr;
};

// A plan of two stages: `maps` map tasks over one file of 10 bytes per map into `reducers` partitions, which
// are written as csv (or, with `collect`, go to the driver).
inline pb::ActionRequest TwoStagePlan(uint64_t job, uint64_t driver_epoch, uint32_t action,
                                      uint32_t first_stage, uint32_t maps, uint32_t reducers,
                                      bool collect = false) {
  pb::ActionRequest request;
  request.set_job(job);
  request.set_driver_epoch(driver_epoch);
  request.set_action(action);
  pb::Plan& plan = *request.mutable_plan();
  plan.set_action(action);
  plan.set_final_stage(first_stage + 1);
  pb::Stage& map = *plan.add_stages();
  map.set_id(first_stage);
  map.set_name("map");
  pb::Branch& reads = *map.add_branches();
  reads.set_tasks(maps);
  pb::InputFile& file = *reads.mutable_files()->add_files();
  file.set_uri("/in.csv");
  for (uint32_t i = 0; i < maps; ++i) {
    pb::Split& split = *reads.mutable_files()->add_splits();
    split.set_begin(i * 10);
    split.set_end(i * 10 + 10);
  }
  pb::Operator& filter = *reads.add_operators();
  filter.set_id(first_stage * 10);
  filter.set_label("Filter(x)");
  filter.set_law(pb::LAW_FILTER);
  map.mutable_shuffle()->set_partitions(reducers);
  pb::Stage& reduce = *plan.add_stages();
  reduce.set_id(first_stage + 1);
  reduce.set_name("reduce");
  pb::Branch& merges = *reduce.add_branches();
  merges.set_tasks(reducers);
  merges.mutable_upstream()->add_stages(first_stage);
  if (collect) {
    reduce.mutable_result();
  } else {
    reduce.mutable_write()->set_output("/out");
    reduce.mutable_write()->set_format("csv");
    reduce.mutable_write()->set_extension("csv");
  }
  request.set_fingerprint(Sha256Hex(plan.SerializeAsString()));
  return request;
}

// The report of a task of TwoStagePlan that went well: each map sends 3 of 4 records, 30 bytes, to each
// reducer one; a pure function of the id's stage and task.
inline pb::TaskReport GoodReport(const pb::AttemptId& id, const pb::StageSpec& spec, uint32_t maps,
                                 uint32_t reducers) {
  pb::TaskReport report;
  *report.mutable_id() = id;
  report.set_outcome(pb::OUTCOME_OK);
  pb::TaskLedger& ledger = *report.mutable_ledger();
  if (spec.stage().has_shuffle()) {
    ledger.set_source_bytes(10);
    ledger.set_source_records(reducers + 1);
    ledger.set_records_sent(reducers);
    ledger.set_bytes_sent(reducers * 10);
    pb::OperatorCount& count = *ledger.add_operators();
    count.set_operator_(spec.stage().branches(0).operators(0).id());
    count.set_records_in(reducers + 1);
    count.set_records_out(reducers);
    count.set_dropped(1);
    report.mutable_map_output()->set_digest(std::string(15, 'd') + static_cast<char>('a' + id.task() % 26));
    report.mutable_map_output()->set_records(reducers);
    report.mutable_map_output()->set_bytes(reducers * 10);
    report.mutable_map_output()->set_path("j/segments/" + AttemptFileText(id) + ".seg");
    pb::Counter& counter = *report.add_counters();
    counter.set_name("maps");
    counter.set_value(1);
  } else {
    ledger.set_records_received(maps);
    ledger.set_bytes_received(maps * 10);
    if (spec.stage().has_write()) {
      ledger.set_records_written(maps);
      ledger.set_bytes_written(100);
      report.mutable_file()->set_temporary("/out/_temporary/" + AttemptFileText(id) + ".tmp");
      report.mutable_file()->set_final_name("part-0000" + std::to_string(id.task()) + ".csv");
      report.mutable_file()->set_records(maps);
      report.mutable_file()->set_bytes(100);
      report.mutable_file()->set_sha256(Sha256Hex(std::to_string(id.task())));
    } else {
      report.set_result("result of task " + std::to_string(id.task()));
    }
  }
  return report;
}

}  // namespace millrace
