// Scenario scripts: events in, commands out, as plain text (README.md tells the language).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/scheduler/scheduler.h"

namespace millrace::scenarios {

// Words of one event line: positional ones, name=value ones, and the text after " : ".
struct Line {
  std::string verb;
  std::vector<std::string> words;
  std::map<std::string, std::vector<std::string>> named;
  std::string text;

  uint64_t Number(size_t word) const;
  uint64_t Number(const std::string& name, uint64_t otherwise) const;
  std::string Word(const std::string& name, const std::string& otherwise) const;
};

// Runs one script. A mistake in the script is an exception (std::runtime_error) that names the line.
class Script {
 public:
  // The script with the commands that came put in place of those that stood there.
  std::string Run(const std::string& text);

 private:
  std::string Do(const std::string& line);
  Line Parse(const std::string& line) const;
  std::string Step(const scheduler::Event& event);
  std::string Event(const Line& line);
  void Persist(const scheduler::Command& command, const scheduler::Event& event);
  void SetOptions(const Line& line);
  scheduler::AttemptId Attempt(const std::string& text) const;
  scheduler::WorkerUp Worker(const Line& line);
  scheduler::TaskReported Report(const Line& line) const;
  scheduler::StageShape Shape(const std::string& text) const;
  std::string Start();
  std::string Stages(scheduler::JobId job) const;

  scheduler::Options options_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  int64_t now_ms_ = 0;
  uint64_t incarnation_ = 0;
  bool stories_ = false;
  std::map<scheduler::WorkerId, scheduler::Epoch> epochs_;
  scheduler::Epoch next_epoch_ = 0;
  std::map<scheduler::JobId, scheduler::RecoveredJob> journal_;
};

}  // namespace millrace::scenarios
