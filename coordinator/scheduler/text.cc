// Everything as one line of text, for traces, scenario scripts and people.
#include <sstream>

#include "coordinator/scheduler/commands.h"
#include "coordinator/scheduler/events.h"

namespace millrace::scheduler {

std::string Text(const AttemptId& id) {
  return "j-" + std::to_string(id.job) + " s" + std::to_string(id.stage) + " t" + std::to_string(id.task) +
         " a" + std::to_string(id.attempt) + " i" + std::to_string(id.incarnation);
}

const char* Name(JobState state) {
  switch (state) {
    case JobState::kPending:
      return "PENDING";
    case JobState::kRunning:
      return "RUNNING";
    case JobState::kPublishing:
      return "PUBLISHING";
    case JobState::kAborting:
      return "ABORTING";
    case JobState::kSucceeded:
      return "SUCCEEDED";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kKilled:
      return "KILLED";
  }
  return "?";
}

namespace {

const char* Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "OK";
    case Outcome::kFailed:
      return "FAILED";
    case Outcome::kCrashed:
      return "CRASHED";
    case Outcome::kLost:
      return "LOST";
    case Outcome::kFetchFailed:
      return "FETCH_FAILED";
    case Outcome::kCancelled:
      return "CANCELLED";
  }
  return "?";
}

std::string Version32(Version version) {
  return std::to_string(version >> 32) + "." + std::to_string(version & 0xffffffff);
}

std::string Job(JobId job) { return "j-" + std::to_string(job); }

struct Printer {
  std::ostringstream out;

  void Error(const ErrorFacts& error) {
    if (!error.message.empty()) out << ": " << error.message;
  }

  // events
  void operator()(const CoordinatorStarted& e) {
    out << "CoordinatorStarted incarnation=" << e.incarnation << " jobs=" << e.jobs.size();
  }
  void operator()(const WorkerUp& e) {
    out << "WorkerUp w" << e.worker << " epoch=" << e.epoch << " slots=" << e.slots
        << " credits=" << e.credits;
    if (!e.profile.empty()) out << " profile=" << e.profile;
    for (const HeldOutput& held : e.held) out << " held=[" << Text(held.attempt) << "]";
    for (const AttemptId& id : e.running) out << " running=[" << Text(id) << "]";
    for (const HeldDriver& d : e.drivers) out << " driver=" << Job(d.job) << "/" << d.driver_epoch;
  }
  void operator()(const WorkerDown& e) {
    out << "WorkerDown w" << e.worker << " epoch=" << e.epoch << ": " << e.reason;
  }
  void operator()(const WorkerDraining& e) { out << "WorkerDraining w" << e.worker << " epoch=" << e.epoch; }
  void operator()(const Heartbeat& e) { out << "Heartbeat w" << e.worker << " epoch=" << e.epoch; }
  void operator()(const JobSubmitted& e) { out << "JobSubmitted " << Job(e.job); }
  void operator()(const KillJob& e) {
    out << "KillJob " << Job(e.job) << (e.reason.empty() ? "" : ": ") << e.reason;
  }
  void operator()(const ActionRequested& e) {
    out << "ActionRequested " << Job(e.job) << " driver=" << e.driver_epoch << " action=" << e.action;
    for (const StageShape& shape : e.stages) {
      out << " s" << shape.id << "x" << shape.tasks;
      for (const StageInput& input : shape.inputs) out << (input.aligned ? "=" : "<") << input.stage;
    }
  }
  void operator()(const ActionRecorded& e) {
    out << "ActionRecorded " << Job(e.job) << " driver=" << e.driver_epoch << " action=" << e.action;
  }
  void operator()(const DriverFinished& e) {
    out << "DriverFinished " << Job(e.job) << " driver=" << e.driver_epoch << (e.ok ? " ok" : " failed");
    Error(e.error);
  }
  void operator()(const DriverLost& e) {
    out << "DriverLost w" << e.worker << " epoch=" << e.epoch << " " << Job(e.job)
        << " driver=" << e.driver_epoch;
  }
  void operator()(const TaskReported& e) {
    out << "TaskReported w" << e.worker << " epoch=" << e.epoch << " " << Text(e.attempt) << " "
        << Name(e.outcome);
    for (const MissingInput& m : e.missing) {
      out << " missing=s" << m.stage << "/t" << m.task << "/a" << m.attempt << "@" << Version32(m.version);
    }
    Error(e.error);
  }
  void operator()(const PublishReported& e) {
    out << "PublishReported w" << e.worker << " " << Job(e.job) << " request=" << Version32(e.request)
        << (e.ok          ? " ok"
            : e.retriable ? " failed"
                          : " failed for good");
    Error(e.error);
  }
  void operator()(const Tick&) { out << "Tick"; }

  // commands
  void operator()(const JournalJob& c) { out << "JournalJob " << Job(c.job); }
  void operator()(const JournalDriverLease& c) {
    out << "JournalDriverLease " << Job(c.job) << " driver=" << c.driver_epoch;
    if (!c.profile.empty()) out << " profile=" << c.profile;
  }
  void operator()(const JournalAction& c) { out << "JournalAction " << Job(c.job) << " action=" << c.action; }
  void operator()(const JournalWinner& c) { out << "JournalWinner " << Text(c.attempt); }
  void operator()(const JournalActionDone& c) {
    out << "JournalActionDone " << Job(c.job) << " action=" << c.action;
  }
  void operator()(const JournalJobState& c) {
    out << "JournalJobState " << Job(c.job) << " " << Name(c.state) << (c.settled ? " settled" : "");
    Error(c.error);
  }
  void operator()(const Welcome& c) {
    out << "Welcome w" << c.worker << " epoch=" << c.epoch;
    for (const AttemptId& id : c.accepted) out << " accepted=[" << Text(id) << "]";
    for (JobId job : c.live_jobs) out << " live=" << Job(job);
  }
  void operator()(const CloseWorker& c) {
    out << "CloseWorker w" << c.worker << " epoch=" << c.epoch << ": " << c.reason;
  }
  void operator()(const StartDriver& c) {
    out << "StartDriver w" << c.worker << " " << Job(c.job) << " driver=" << c.driver_epoch;
  }
  void operator()(const StopDriver& c) {
    out << "StopDriver w" << c.worker << " " << Job(c.job) << " driver=" << c.driver_epoch;
  }
  void operator()(const SendActionResult& c) {
    out << "SendActionResult w" << c.worker << " " << Job(c.job) << " driver=" << c.driver_epoch
        << " action=" << c.action;
  }
  void operator()(const Grant& c) {
    out << "Grant w" << c.worker << " " << Text(c.attempt);
    for (const GrantInput& input : c.inputs)
      out << " input=s" << input.stage << "@" << Version32(input.version);
    if (c.speculative) out << " speculative";
  }
  void operator()(const Cancel& c) { out << "Cancel w" << c.worker << " " << Text(c.attempt); }
  void operator()(const Publish& c) {
    out << "Publish w" << c.worker << " " << Job(c.job) << " request=" << Version32(c.request)
        << (c.commit ? " commit" : " abort");
  }
  void operator()(const DropJob& c) { out << "DropJob w" << c.worker << " " << Job(c.job); }
  void operator()(const TaskDone& c) { out << "TaskDone w" << c.worker << " " << Text(c.attempt); }
  void operator()(const JobChanged& c) { out << "JobChanged " << Job(c.job); }
  void operator()(const Story& c) {
    out << "Story " << Job(c.job);
    if (c.stage >= 0) out << " s" << c.stage;
    if (c.task >= 0) out << " t" << c.task;
    out << ": " << c.text;
  }
};

struct IsJournalVisitor {
  bool operator()(const JournalJob&) { return true; }
  bool operator()(const JournalDriverLease&) { return true; }
  bool operator()(const JournalAction&) { return true; }
  bool operator()(const JournalWinner&) { return true; }
  bool operator()(const JournalActionDone&) { return true; }
  bool operator()(const JournalJobState&) { return true; }
  template <typename T>
  bool operator()(const T&) {
    return false;
  }
};

}  // namespace

std::string Text(const Event& event) {
  Printer printer;
  std::visit(printer, event);
  return printer.out.str();
}

std::string Text(const Command& command) {
  Printer printer;
  std::visit(printer, command);
  return printer.out.str();
}

bool IsJournal(const Command& command) { return std::visit(IsJournalVisitor{}, command); }

}  // namespace millrace::scheduler
