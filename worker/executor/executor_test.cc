#include "worker/executor/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "common/pipeline/bad_input.h"
#include "common/pipeline/registry.h"
#include "worker/shuffle/segment.h"

namespace millrace {
namespace {

// ---- operators of this test: numbers 0..n-1 -> (halve) -> shuffle, file or result ----

struct Numbers {
  static void Run(const OperatorArgs& args, SinkBase* down) {
    const int n = std::stoi(args.spec.values());
    OperatorCounts& counts = args.context.counts(args.spec.id());
    struct Guard {
      TaskContext& context;
      ~Guard() {
        if (std::uncaught_exceptions() > 0) context.KeepRecord();
        context.current_record = {};
      }
    };
    std::string text;
    const Guard guard{args.context};
    for (int i = 0; i < n && !args.context.stopped(); ++i) {
      text = std::to_string(i);
      args.context.current_record = text;
      ++counts.in;
      ++counts.out;
      static_cast<Sink<int>*>(down)->Push(i);
    }
  }
};

// values: "" keeps all; "throw", "bad" (input), "alloc", "odd" (a throw of no exception), "wait" (until
// stopped).
class Even : public Sink<int> {
 public:
  Even(const OperatorArgs& args, SinkBase* down)
      : context_(args.context),
        counts_(args.context.counts(args.spec.id())),
        mode_(args.spec.values()),
        down_(static_cast<Sink<int>*>(down)) {}
  void Push(const int& i) override {
    ++counts_.in;
    if (i == 13 && mode_ == "throw") throw std::runtime_error("thirteen is bad");
    if (i == 13 && mode_ == "bad") throw BadInput("thirteen is no number of ours");
    if (i == 13 && mode_ == "alloc") throw std::bad_alloc();
    if (i == 13 && mode_ == "odd") throw 13;
    while (mode_ == "wait" && !context_.stopped()) context_.progress_records.fetch_add(1);
    if (i % 2 != 0) {
      ++counts_.dropped;
      return;
    }
    ++counts_.out;
    ++context_.counter("even");
    down_->Push(i);
  }
  void Finish() override { down_->Finish(); }

 private:
  TaskContext& context_;
  OperatorCounts& counts_;
  const std::string mode_;
  Sink<int>* down_;
};

class ToShuffle : public Sink<int> {
 public:
  ToShuffle(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())), output_(args.context.shuffle_output()) {}
  void Push(const int& i) override {
    ++counts_.in;
    const std::string key = std::to_string(i % 10);
    output_.Add(output_.PartitionOf(key), key, std::to_string(i));
  }
  void Finish() override {}

 private:
  OperatorCounts& counts_;
  ShuffleOutput& output_;
};

class ToFile : public Sink<int> {
 public:
  ToFile(const OperatorArgs& args, SinkBase*)
      : counts_(args.context.counts(args.spec.id())), output_(args.context.file_output()) {}
  void Push(const int& i) override {
    ++counts_.in;
    output_.Write(std::to_string(i) + "\n", 1, 0);
  }
  void Finish() override {}

 private:
  OperatorCounts& counts_;
  FileOutput& output_;
};

struct MergedNumbers {
  static void Run(const OperatorArgs& args, SinkBase* down) {
    ShuffleInput& input = args.context.shuffle_input();
    while (input.Next()) static_cast<Sink<int>*>(down)->Push(std::stoi(std::string(input.value())));
  }
};

template <typename Op>
uint32_t RegisterSink(std::string_view kind) {
  OperatorFunction function;
  function.kind = kind;
  function.make_sink = [](const OperatorArgs& args, SinkBase* down) -> std::unique_ptr<SinkBase> {
    return std::make_unique<Op>(args, down);
  };
  return Registry::Get().Add(function);
}
template <typename Op>
uint32_t RegisterSource(std::string_view kind) {
  OperatorFunction function;
  function.kind = kind;
  function.run_source = &Op::Run;
  return Registry::Get().Add(function);
}
const uint32_t kNumbers = RegisterSource<Numbers>("Numbers");
const uint32_t kMergedNumbers = RegisterSource<MergedNumbers>("MergedNumbers");
const uint32_t kEven = RegisterSink<Even>("Filter");
const uint32_t kToShuffle = RegisterSink<ToShuffle>("ShuffleWriter");
const uint32_t kToFile = RegisterSink<ToFile>("Write");

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    options_.bundle_name = "test";
    executor_ =
        std::make_unique<Executor>([this](pb::FromExecutor frame) { Take(std::move(frame)); }, options_);
    pb::ToExecutor frame;
    frame.mutable_setup()->set_job(7);
    frame.mutable_setup()->set_slots(2);
    frame.mutable_setup()->set_slot_memory_bytes(64 << 20);
    frame.mutable_setup()->set_work_dir(dir_.File("j7"));
    frame.mutable_setup()->set_worker(1);
    executor_->OnFrame(frame);
  }
  void Take(pb::FromExecutor frame) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (frame.has_hello()) hello_ = frame.hello();
    for (const auto& report : frame.reports())
      reports_[report.id().stage() * 1000 + report.id().task()] = report;
    for (const auto& progress : frame.progress()) progress_ += progress.records();
    changed_.notify_all();
  }
  pb::TaskReport Wait(uint32_t stage, uint32_t task) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return reports_.count(stage * 1000 + task) != 0; });
    return reports_[stage * 1000 + task];
  }

  pb::Operator* AddOperator(pb::Branch* branch, uint32_t function, const std::string& label, pb::Law law,
                            const std::string& values) {
    pb::Operator* op = branch->add_operators();
    op->set_id(next_operator_++);
    op->set_function(function);
    op->set_label(label);
    op->set_law(law);
    op->set_values(values);
    return op;
  }
  // Numbers(n) -> Even(mode) -> `last`
  pb::StageSpec Spec(uint32_t stage, const std::string& n, const std::string& mode, uint32_t last) {
    pb::StageSpec spec;
    spec.mutable_stage()->set_id(stage);
    pb::Branch* branch = spec.mutable_stage()->add_branches();
    branch->set_tasks(4);
    AddOperator(branch, kNumbers, "Numbers", pb::LAW_SOURCE, n);
    AddOperator(branch, kEven, "Filter(Even)", pb::LAW_FILTER, mode);
    AddOperator(branch, last, "Out", pb::LAW_SINK, "");
    if (last == kToShuffle) {
      spec.mutable_stage()->mutable_shuffle()->set_partitions(2);
    } else {
      spec.mutable_stage()->mutable_write()->set_output(dir_.File("out"));
      spec.mutable_stage()->mutable_write()->set_folder("table");
      spec.mutable_stage()->mutable_write()->set_extension("txt");
    }
    return spec;
  }
  static pb::AttemptId Id(uint32_t stage, uint32_t task) {
    pb::AttemptId id;
    id.set_incarnation(1);
    id.set_job(7);
    id.set_action(1);
    id.set_stage(stage);
    id.set_task(task);
    return id;
  }
  void Start(const pb::StageSpec& spec, uint32_t task) {
    pb::ToExecutor frame;
    *frame.add_stages() = spec;
    *frame.add_tasks()->mutable_id() = Id(spec.stage().id(), task);
    executor_->OnFrame(frame);
  }

  ScopedTempDir dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  pb::ExecutorHello hello_;
  std::map<uint32_t, pb::TaskReport> reports_;
  uint64_t progress_ = 0;
  uint32_t next_operator_ = 1;
  ExecutorOptions options_;
  std::unique_ptr<Executor> executor_;
};

TEST_F(ExecutorTest, MapsShufflesAndReduces) {
  const pb::StageSpec map = Spec(1, "100", "", kToShuffle);
  pb::ToExecutor frame;
  auto* manifest = frame.add_manifests();
  manifest->set_job(7);
  manifest->set_stage(1);
  manifest->set_version(3);
  std::string digest;
  for (uint32_t task = 0; task < 4; ++task) Start(map, task);
  for (uint32_t task = 0; task < 4; ++task) {
    const pb::TaskReport report = Wait(1, task);
    ASSERT_EQ(report.outcome(), pb::OUTCOME_OK) << report.error().message();
    EXPECT_EQ(report.ledger().records_sent(), 50u);
    ASSERT_EQ(report.ledger().operators_size(), 3);
    EXPECT_EQ(report.ledger().operators(1).records_in(), 100u);
    EXPECT_EQ(report.ledger().operators(1).records_out(), 50u);
    EXPECT_EQ(report.ledger().operators(1).dropped(), 50u);
    ASSERT_EQ(report.counters_size(), 1);
    EXPECT_EQ(report.counters(0).value(), 50);
    EXPECT_EQ(report.map_output().path().rfind("j7/segments/s1-t", 0), 0u) << report.map_output().path();
    if (digest.empty()) digest = report.map_output().digest();
    EXPECT_EQ(report.map_output().digest(), digest);  // all tasks make the same here
    auto* location = manifest->add_maps();
    location->set_task(task);
    location->set_worker(1);
    location->set_path(report.map_output().path());
    location->set_records(50);
  }
  pb::StageSpec* reduce = frame.add_stages();
  reduce->mutable_stage()->set_id(2);
  pb::Branch* branch = reduce->mutable_stage()->add_branches();
  branch->set_tasks(2);
  branch->mutable_upstream()->add_stages(1);
  AddOperator(branch, kMergedNumbers, "Merge", pb::LAW_NONE, "");
  AddOperator(branch, kToFile, "Write", pb::LAW_SINK, "");
  reduce->mutable_stage()->mutable_write()->set_output(dir_.File("out"));
  reduce->mutable_stage()->mutable_write()->set_extension("txt");
  for (uint32_t task = 0; task < 2; ++task) {
    auto* start = frame.add_tasks();
    *start->mutable_id() = Id(2, task);
    start->add_inputs()->set_stage(1);
    start->mutable_inputs(0)->set_version(3);
  }
  executor_->OnFrame(frame);
  uint64_t received = 0;
  for (uint32_t task = 0; task < 2; ++task) {
    const pb::TaskReport report = Wait(2, task);
    ASSERT_EQ(report.outcome(), pb::OUTCOME_OK) << report.error().message();
    received += report.ledger().records_received();
    EXPECT_EQ(report.file().final_name(), StrCat("part-0000", task, ".txt"));
    EXPECT_EQ(report.file().records(), report.ledger().records_received());
    const std::string text = *ReadFile(report.file().temporary());
    EXPECT_EQ(text.size(), report.file().bytes());
    EXPECT_NE(report.file().temporary().find("/out/_temporary/j-7/s2-t"), std::string::npos);
  }
  EXPECT_EQ(received, 200u);
  EXPECT_EQ(hello_.bundle_name(), "test");
  EXPECT_EQ(hello_.functions(), Registry::Get().size());
}

TEST_F(ExecutorTest, WhatUserCodeThrowsIsAFailedTask) {
  struct Case {
    const char* mode;
    const char* text;
  };
  uint32_t stage = 10;
  for (const Case& c : {Case{"throw", "threw: thirteen is bad"}, Case{"alloc", "ran out of memory"},
                        Case{"odd", "no std::exception"}}) {
    Start(Spec(++stage, "100", c.mode, kToFile), 3);
    const pb::TaskReport report = Wait(stage, 3);
    EXPECT_EQ(report.outcome(), pb::OUTCOME_FAILED);
    EXPECT_EQ(report.error().kind(), pb::ErrorInfo::USER_CODE);
    EXPECT_EQ(report.error().operator_label(), "Filter(Even)");
    EXPECT_NE(report.error().message().find(c.text), std::string::npos) << report.error().message();
    EXPECT_EQ(report.error().message().rfind("operator Filter(Even) ", 0), 0u) << report.error().message();
    EXPECT_EQ(report.error().record(), "'13'");
    EXPECT_FALSE(report.has_file());
    EXPECT_TRUE(ListDir(dir_.File("out/_temporary/j-7"))->empty());
  }
}

TEST_F(ExecutorTest, WhatUserCodeSaysOfItsInputIsTheWholeSentence) {
  Start(Spec(9, "100", "bad", kToFile), 3);
  const pb::TaskReport report = Wait(9, 3);
  EXPECT_EQ(report.outcome(), pb::OUTCOME_FAILED);
  EXPECT_EQ(report.error().kind(), pb::ErrorInfo::BAD_INPUT);
  EXPECT_TRUE(report.error().deterministic());
  EXPECT_EQ(report.error().message(), "thirteen is no number of ours; record '13'");
}

TEST_F(ExecutorTest, CancelStopsARunningTaskAndAQueuedOne) {
  const pb::StageSpec spec = Spec(1, "100", "wait", kToFile);
  for (uint32_t task = 0; task < 3; ++task) Start(spec, task);  // two slots
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return progress_ > 0; });
  }
  for (const uint32_t task : {2u, 0u, 1u}) {
    pb::ToExecutor frame;
    *frame.add_cancels() = Id(1, task);
    executor_->OnFrame(frame);
    EXPECT_EQ(Wait(1, task).outcome(), pb::OUTCOME_CANCELLED);
  }
}

TEST_F(ExecutorTest, ShutdownWhileTasksRun) {
  for (uint32_t task = 0; task < 3; ++task) Start(Spec(1, "100", "wait", kToFile), task);
  executor_->Shutdown();
  executor_.reset();
}

TEST_F(ExecutorTest, ShutdownWaitsForTheJobFunction) {
  bool asked = false;
  std::atomic<bool> ended{false};
  ExecutorOptions options;
  options.run_job = [&](DriverLink& link, const pb::StartDriver&) {
    pb::ActionRequest request;
    request.set_action(1);
    EXPECT_TRUE(link.StartAction(std::move(request)).ok());
    EXPECT_FALSE(link.AwaitAction(1).ok());
    std::string unwinding;
    for (int i = 0; i < 100000; ++i) unwinding += std::to_string(i);
    ended = !unwinding.empty();
    return pb::ErrorInfo();
  };
  Executor executor(
      [&](const pb::FromExecutor& frame) {
        std::lock_guard<std::mutex> lock(mutex_);
        asked |= frame.has_action();
        changed_.notify_all();
      },
      options);
  pb::ToExecutor frame;
  frame.mutable_start_driver()->set_job(7);
  executor.OnFrame(frame);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return asked; });
  }
  executor.Shutdown();
  EXPECT_TRUE(ended);
}

TEST_F(ExecutorTest, UnknownStageAndFunctionAreOurErrors) {
  pb::ToExecutor frame;
  *frame.add_tasks()->mutable_id() = Id(77, 0);
  executor_->OnFrame(frame);
  EXPECT_EQ(Wait(77, 0).error().kind(), pb::ErrorInfo::INTERNAL);
  Start(Spec(5, "1", "", 99999), 0);
  EXPECT_NE(Wait(5, 0).error().message().find("does not have"), std::string::npos);
}

}  // namespace
}  // namespace millrace
