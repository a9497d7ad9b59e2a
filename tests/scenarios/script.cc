#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "tests/scenarios/script.h"

namespace millrace::scenarios {

using scheduler::AttemptId;
using scheduler::ErrorKind;
using scheduler::JobId;
using scheduler::Outcome;

namespace {

uint64_t ToNumber(const std::string& text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') throw std::runtime_error("'" + text + "' is not a number");
  return value;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// "1.5": incarnation 1, change 5.
uint64_t ToVersion(const std::string& text) {
  const auto parts = Split(text, '.');
  if (parts.size() != 2) throw std::runtime_error("'" + text + "' is not a version such as 1.5");
  return (ToNumber(parts[0]) << 32) + ToNumber(parts[1]);
}

ErrorKind ToKind(const std::string& text) {
  if (text == "bad_input") return ErrorKind::kBadInput;
  if (text == "user_code") return ErrorKind::kUserCode;
  if (text == "system") return ErrorKind::kSystem;
  if (text == "usage") return ErrorKind::kUsage;
  if (text == "internal") return ErrorKind::kInternal;
  throw std::runtime_error("'" + text + "' is not a kind of error");
}

}  // namespace

uint64_t Line::Number(size_t word) const {
  if (word >= words.size()) throw std::runtime_error("'" + verb + "' wants a number more");
  return ToNumber(words[word]);
}

uint64_t Line::Number(const std::string& name, uint64_t otherwise) const {
  auto it = named.find(name);
  return it == named.end() ? otherwise : ToNumber(it->second.front());
}

std::string Line::Word(const std::string& name, const std::string& otherwise) const {
  auto it = named.find(name);
  return it == named.end() ? otherwise : it->second.front();
}

std::string Script::Run(const std::string& text) {
  std::string out;
  std::stringstream stream(text);
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.rfind("  ", 0) == 0) continue;  // what came the last time
    out += line + "\n";
    if (line.empty() || line[0] == '#') continue;
    try {
      out += Do(line);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("line " + std::to_string(number) + ": " + error.what());
    }
  }
  return out;
}

Line Script::Parse(const std::string& text) const {
  Line line;
  const size_t colon = text.find(" : ");
  if (colon != std::string::npos) line.text = text.substr(colon + 3);
  std::stringstream stream(text.substr(0, colon));
  stream >> line.verb;
  for (std::string word; stream >> word;) {
    const size_t equals = word.find('=');
    const bool stage =
        word.size() > 1 && word[0] == 's' && word[1] >= '0' && word[1] <= '9';  // s5x3:result=2
    if (equals == std::string::npos || stage) {
      line.words.push_back(word);
    } else {
      line.named[word.substr(0, equals)].push_back(word.substr(equals + 1));
    }
  }
  return line;
}

std::string Script::Do(const std::string& text) {
  const Line line = Parse(text);
  if (line.verb == "options") {
    SetOptions(line);
    return "";
  }
  if (line.verb == "stories") {
    stories_ = line.words.at(0) == "on";
    return "";
  }
  if (line.verb == "start" || line.verb == "restart") return Start();
  if (scheduler_ == nullptr) throw std::runtime_error("'start' has to come first");
  if (line.verb == "wait") {
    now_ms_ += static_cast<int64_t>(line.Number(0));
    return Step(scheduler::Tick{});
  }
  if (line.verb == "why") {
    const std::string reason = scheduler_->PendingReason(line.Number(0));
    return "  " + (reason.empty() ? "(it does run, or it is over)" : reason) + "\n";
  }
  if (line.verb == "stages") return Stages(line.Number(0));
  return Event(line);
}

std::string Script::Event(const Line& line) {
  const std::string& verb = line.verb;
  auto epoch = [&](uint64_t worker) {
    return line.Number("epoch", epochs_.at(static_cast<scheduler::WorkerId>(worker)));
  };
  if (verb == "worker") return Step(Worker(line));
  if (verb == "down" || verb == "drain" || verb == "heartbeat" || verb == "driver-lost" ||
      verb == "published") {
    const auto worker = static_cast<scheduler::WorkerId>(line.Number(0));
    if (epochs_.count(worker) == 0)
      throw std::runtime_error("worker " + std::to_string(worker) + " never came");
    if (verb == "down") return Step(scheduler::WorkerDown{worker, epoch(worker), line.text});
    if (verb == "drain") return Step(scheduler::WorkerDraining{worker, epoch(worker)});
    if (verb == "heartbeat") return Step(scheduler::Heartbeat{worker, epoch(worker)});
    if (verb == "driver-lost") {
      return Step(
          scheduler::DriverLost{worker, epoch(worker), line.Number("job", 1), line.Number("driver", 1)});
    }
    scheduler::PublishReported report;
    report.worker = worker;
    report.epoch = epoch(worker);
    report.job = line.Number("job", 1);
    report.request = ToVersion(line.Word("request", "1.1"));
    report.ok = line.words.at(1) == "ok";
    report.retriable = line.words.at(1) != "failed-for-good";
    report.error.kind = report.ok ? ErrorKind::kNone : ErrorKind::kSystem;
    report.error.message = line.text;
    return Step(report);
  }
  if (verb == "submit") {
    scheduler::JobSubmitted event;
    event.job = line.Number(0);
    event.options.max_attempts = static_cast<uint32_t>(line.Number("max_attempts", 4));
    event.options.profile = line.Word("profile", "");
    return Step(event);
  }
  if (verb == "kill") return Step(scheduler::KillJob{line.Number(0), line.text});
  if (verb == "action") {
    scheduler::ActionRequested event;
    event.job = line.Number(0);
    event.driver_epoch = line.Number("driver", 1);
    event.action = static_cast<scheduler::ActionId>(line.Number("action", 1));
    event.fingerprint = line.Word("print", "same");
    for (size_t i = 1; i < line.words.size(); ++i) event.stages.push_back(Shape(line.words[i]));
    if (!event.stages.empty()) event.final_stage = event.stages.back().id;
    return Step(event);
  }
  if (verb == "record") {
    return Step(scheduler::ActionRecorded{line.Number(0), line.Number("driver", 1),
                                          static_cast<scheduler::ActionId>(line.Number("action", 1)),
                                          line.Word("print", "same")});
  }
  if (verb == "finish") {
    scheduler::DriverFinished event;
    event.job = line.Number(0);
    event.driver_epoch = line.Number("driver", 1);
    event.ok = line.text.empty();
    event.error.kind = event.ok ? ErrorKind::kNone : ErrorKind::kUserCode;
    event.error.message = line.text;
    return Step(event);
  }
  if (verb == "report") return Step(Report(line));
  throw std::runtime_error("'" + verb + "' is not an event");
}

// "j1.s2.t3.a0", with ".i1" for another incarnation than the present one.
AttemptId Script::Attempt(const std::string& text) const {
  AttemptId id;
  id.incarnation = incarnation_;
  for (const std::string& part : Split(text, '.')) {
    const uint64_t number = ToNumber(part.substr(1));
    switch (part[0]) {
      case 'j':
        id.job = number;
        break;
      case 's':
        id.stage = static_cast<uint32_t>(number);
        break;
      case 't':
        id.task = static_cast<uint32_t>(number);
        break;
      case 'a':
        id.attempt = static_cast<uint32_t>(number);
        break;
      case 'i':
        id.incarnation = number;
        break;
      default:
        throw std::runtime_error("'" + text + "' is not an attempt such as j1.s2.t3.a0");
    }
  }
  const scheduler::Stage* stage = scheduler_->FindStage(id.job, id.stage);
  if (stage != nullptr) id.action = stage->action;
  return id;
}

scheduler::WorkerUp Script::Worker(const Line& line) {
  scheduler::WorkerUp event;
  event.worker = static_cast<scheduler::WorkerId>(line.Number(0));
  event.epoch = epochs_[event.worker] = line.Number("epoch", ++next_epoch_);
  event.slots = static_cast<uint32_t>(line.Number("slots", 1));
  event.credits = static_cast<uint32_t>(line.Number("credits", 0));
  event.profile = line.Word("profile", "");
  auto list = [&](const char* name) {
    auto it = line.named.find(name);
    return it == line.named.end() ? std::vector<std::string>{} : it->second;
  };
  for (const std::string& text : list("held")) {  // held=j1.s1.t0.a0:DIGEST:SENT
    const auto parts = Split(text, ':');
    scheduler::HeldOutput held;
    held.attempt = Attempt(parts[0]);
    if (parts.size() > 1) held.digest.low = ToNumber(parts[1]);
    if (parts.size() > 2) held.sums.records_sent = ToNumber(parts[2]);
    event.held.push_back(held);
  }
  for (const std::string& text : list("running")) event.running.push_back(Attempt(text));
  for (const std::string& text : list("driver")) {  // driver=JOB/EPOCH
    const auto parts = Split(text, '/');
    event.drivers.push_back({ToNumber(parts[0]), ToNumber(parts.at(1))});
  }
  return event;
}

scheduler::TaskReported Script::Report(const Line& line) const {
  scheduler::TaskReported event;
  event.worker = static_cast<scheduler::WorkerId>(line.Number(0));
  auto epoch = epochs_.find(event.worker);
  event.epoch = line.Number("epoch", epoch == epochs_.end() ? 0 : epoch->second);
  event.attempt = Attempt(line.words.at(1));
  const std::string& outcome = line.words.at(2);
  const std::map<std::string, Outcome> outcomes = {{"ok", Outcome::kOk},
                                                   {"failed", Outcome::kFailed},
                                                   {"crashed", Outcome::kCrashed},
                                                   {"lost", Outcome::kLost},
                                                   {"fetch-failed", Outcome::kFetchFailed},
                                                   {"cancelled", Outcome::kCancelled}};
  if (outcomes.count(outcome) == 0) throw std::runtime_error("'" + outcome + "' is not an outcome");
  event.outcome = outcomes.at(outcome);
  event.digest.low = line.Number("digest", 0);
  event.run_us = static_cast<int64_t>(line.Number("us", 0));
  event.sums.records_sent = line.Number("sent", 0);
  event.sums.records_received = line.Number("received", 0);
  event.error.message = line.text;
  if (event.outcome == Outcome::kFailed || event.outcome == Outcome::kCrashed) {
    event.error.kind = ToKind(line.Word("kind", "user_code"));
    event.error.signature = line.Word("signature", "");
  }
  auto missing = line.named.find("missing");  // missing=s1.t0.a0@1.5
  if (missing == line.named.end()) return event;
  for (const std::string& text : missing->second) {
    const auto parts = Split(text, '@');
    const AttemptId id = Attempt(parts[0]);
    event.missing.push_back({id.stage, id.task, id.attempt, ToVersion(parts.at(1))});
  }
  return event;
}

// "s2x3:write<1,4" three tasks that write and read shuffled stages 1 and 4; "s5x3:result=2" aligned to
// stage 2.
scheduler::StageShape Script::Shape(const std::string& text) const {
  scheduler::StageShape shape;
  const size_t x = text.find('x'), colon = text.find(':'), reads = text.find_first_of("<=");
  if (text[0] != 's' || x == std::string::npos || colon == std::string::npos) {
    throw std::runtime_error("'" + text + "' is not a stage such as s2x3:result<1");
  }
  shape.id = static_cast<scheduler::StageId>(ToNumber(text.substr(1, x - 1)));
  shape.tasks = static_cast<uint32_t>(ToNumber(text.substr(x + 1, colon - x - 1)));
  const std::string kind = text.substr(colon + 1, reads == std::string::npos ? reads : reads - colon - 1);
  const std::map<std::string, scheduler::OutputKind> kinds = {{"shuffle", scheduler::OutputKind::kShuffle},
                                                              {"cache", scheduler::OutputKind::kCache},
                                                              {"write", scheduler::OutputKind::kWrite},
                                                              {"result", scheduler::OutputKind::kResult}};
  if (kinds.count(kind) == 0) throw std::runtime_error("'" + kind + "' is not a kind of output");
  shape.output = kinds.at(kind);
  if (reads == std::string::npos) return shape;
  for (const std::string& input : Split(text.substr(reads + 1), ',')) {
    shape.inputs.push_back(
        {static_cast<scheduler::StageId>(ToNumber(input)), text[reads] == '=', 0, shape.tasks});
  }
  return shape;
}

}  // namespace millrace::scenarios
