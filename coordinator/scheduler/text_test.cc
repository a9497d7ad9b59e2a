// Every event and command as its one line: what traces of the simulator and scenario scripts are made of.
#include <gtest/gtest.h>

#include "coordinator/scheduler/commands.h"
#include "coordinator/scheduler/events.h"

namespace millrace::scheduler {
namespace {

const AttemptId kAttempt = {3, 7, 1, 4, 2, 5};
const char kAttemptText[] = "j-7 s4 t2 a5 i3";
constexpr Version kVersion = (Version{3} << 32) + 9;

ErrorFacts Error(const std::string& message) {
  ErrorFacts error;
  error.message = message;
  return error;
}

TEST(Text, NamesOfStates) {
  EXPECT_STREQ(Name(JobState::kPending), "PENDING");
  EXPECT_STREQ(Name(JobState::kRunning), "RUNNING");
  EXPECT_STREQ(Name(JobState::kPublishing), "PUBLISHING");
  EXPECT_STREQ(Name(JobState::kAborting), "ABORTING");
  EXPECT_STREQ(Name(JobState::kSucceeded), "SUCCEEDED");
  EXPECT_STREQ(Name(JobState::kFailed), "FAILED");
  EXPECT_STREQ(Name(JobState::kKilled), "KILLED");
}

TEST(Text, EventsOfWorkers) {
  EXPECT_EQ(Text(Event(CoordinatorStarted{3, {RecoveredJob{}, RecoveredJob{}}})),
            "CoordinatorStarted incarnation=3 jobs=2");
  WorkerUp up = {2, 8, "w", 4, 1, 0, "", {}, {}, {}};
  EXPECT_EQ(Text(Event(up)), "WorkerUp w2 epoch=8 slots=4 credits=1");
  up.profile = "ab12";
  up.held.push_back({kAttempt, {}, {}});
  up.running.push_back(kAttempt);
  up.drivers.push_back({7, 12});
  EXPECT_EQ(Text(Event(up)),
            "WorkerUp w2 epoch=8 slots=4 credits=1 profile=ab12 held=[j-7 s4 t2 a5 i3] running=[j-7 s4 t2 a5 "
            "i3] driver=j-7/12");
  EXPECT_EQ(Text(Event(WorkerDown{2, 8, "silent"})), "WorkerDown w2 epoch=8: silent");
  EXPECT_EQ(Text(Event(WorkerDraining{2, 8})), "WorkerDraining w2 epoch=8");
  EXPECT_EQ(Text(Event(Heartbeat{2, 8})), "Heartbeat w2 epoch=8");
  EXPECT_EQ(Text(Event(Tick{})), "Tick");
}

TEST(Text, EventsOfJobs) {
  EXPECT_EQ(Text(Event(JobSubmitted{7, {}})), "JobSubmitted j-7");
  EXPECT_EQ(Text(Event(KillJob{7, ""})), "KillJob j-7");
  EXPECT_EQ(Text(Event(KillJob{7, "killed by anna"})), "KillJob j-7: killed by anna");
  StageShape map, reduce;
  map.id = 1;
  map.tasks = 3;
  reduce.id = 2;
  reduce.tasks = 4;
  reduce.inputs = {{1, false, 0, 0}, {9, true, 0, 0}};
  EXPECT_EQ(Text(Event(ActionRequested{7, 12, 1, "print", {map, reduce}, 2})),
            "ActionRequested j-7 driver=12 action=1 s1x3 s2x4<1=9");
  EXPECT_EQ(Text(Event(ActionRecorded{7, 12, 2, ""})), "ActionRecorded j-7 driver=12 action=2");
  EXPECT_EQ(Text(Event(DriverFinished{7, 12, true, {}})), "DriverFinished j-7 driver=12 ok");
  EXPECT_EQ(Text(Event(DriverFinished{7, 12, false, Error("it threw")})),
            "DriverFinished j-7 driver=12 failed: it threw");
  EXPECT_EQ(Text(Event(DriverLost{2, 8, 7, 12})), "DriverLost w2 epoch=8 j-7 driver=12");
}

TEST(Text, EventsOfTasks) {
  TaskReported report;
  report.worker = 2;
  report.epoch = 8;
  report.attempt = kAttempt;
  const std::string begin = std::string("TaskReported w2 epoch=8 ") + kAttemptText;
  const std::pair<Outcome, std::string> outcomes[] = {{Outcome::kOk, "OK"},
                                                      {Outcome::kFailed, "FAILED"},
                                                      {Outcome::kCrashed, "CRASHED"},
                                                      {Outcome::kLost, "LOST"},
                                                      {Outcome::kFetchFailed, "FETCH_FAILED"},
                                                      {Outcome::kCancelled, "CANCELLED"}};
  for (const auto& [outcome, name] : outcomes) {
    report.outcome = outcome;
    EXPECT_EQ(Text(Event(report)), begin + " " + name);
  }
  report.missing.push_back({1, 6, 2, kVersion});
  report.error = Error("worker a is gone");
  EXPECT_EQ(Text(Event(report)), begin + " CANCELLED missing=s1/t6/a2@3.9: worker a is gone");

  PublishReported published = {2, 8, 7, kVersion, true, true, {}};
  EXPECT_EQ(Text(Event(published)), "PublishReported w2 j-7 request=3.9 ok");
  published.ok = false;
  EXPECT_EQ(Text(Event(published)), "PublishReported w2 j-7 request=3.9 failed");
  published.retriable = false;
  published.error = Error("disk full");
  EXPECT_EQ(Text(Event(published)), "PublishReported w2 j-7 request=3.9 failed for good: disk full");
}

// Only what is journaled may be told later: the server asks IsJournal of every command.
TEST(Text, CommandsForTheJournal) {
  const std::pair<Command, std::string> lines[] = {
      {JournalJob{7}, "JournalJob j-7"},
      {JournalDriverLease{7, 12, ""}, "JournalDriverLease j-7 driver=12"},
      {JournalDriverLease{7, 12, "ab12"}, "JournalDriverLease j-7 driver=12 profile=ab12"},
      {JournalAction{7, 1}, "JournalAction j-7 action=1"},
      {JournalWinner{kAttempt, {}}, "JournalWinner j-7 s4 t2 a5 i3"},
      {JournalActionDone{7, 1, 4}, "JournalActionDone j-7 action=1"},
      {JournalJobState{7, JobState::kFailed, false, Error("no")}, "JournalJobState j-7 FAILED: no"},
      {JournalJobState{7, JobState::kKilled, true, {}}, "JournalJobState j-7 KILLED settled"},
  };
  for (const auto& [command, line] : lines) {
    EXPECT_EQ(Text(command), line);
    EXPECT_TRUE(IsJournal(command)) << line;
  }
}

TEST(Text, CommandsForOthers) {
  const std::pair<Command, std::string> lines[] = {
      {Welcome{2, 8, {kAttempt}, {7, 9}}, "Welcome w2 epoch=8 accepted=[j-7 s4 t2 a5 i3] live=j-7 live=j-9"},
      {CloseWorker{2, 8, "silent"}, "CloseWorker w2 epoch=8: silent"},
      {StartDriver{2, 7, 12}, "StartDriver w2 j-7 driver=12"},
      {StopDriver{2, 7, 12}, "StopDriver w2 j-7 driver=12"},
      {SendActionResult{2, 7, 12, 1}, "SendActionResult w2 j-7 driver=12 action=1"},
      {Grant{2, kAttempt, {{1, kVersion}}, true}, "Grant w2 j-7 s4 t2 a5 i3 input=s1@3.9 speculative"},
      {Grant{2, kAttempt, {}, false}, "Grant w2 j-7 s4 t2 a5 i3"},
      {Cancel{2, kAttempt}, "Cancel w2 j-7 s4 t2 a5 i3"},
      {Publish{2, 7, kVersion, true}, "Publish w2 j-7 request=3.9 commit"},
      {Publish{2, 7, kVersion, false}, "Publish w2 j-7 request=3.9 abort"},
      {DropJob{2, 7}, "DropJob w2 j-7"},
      {TaskDone{kAttempt, 2}, "TaskDone w2 j-7 s4 t2 a5 i3"},
      {JobChanged{7}, "JobChanged j-7"},
      {Story{7, -1, -1, "began"}, "Story j-7: began"},
      {Story{7, 4, 2, "went to w2"}, "Story j-7 s4 t2: went to w2"},
  };
  for (const auto& [command, line] : lines) {
    EXPECT_EQ(Text(command), line);
    EXPECT_FALSE(IsJournal(command)) << line;
  }
}

}  // namespace
}  // namespace millrace::scheduler
