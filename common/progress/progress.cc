#include "common/progress/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/base/strings.h"

namespace millrace {

namespace {

// More than these finish lines would scroll the story away (an elbow has hundreds of stages).
constexpr uint32_t kFinishLines = 24;
constexpr int64_t kPlainIntervalMs = 2000;
constexpr int64_t kPendingMs = 500;
constexpr uint32_t kLinesInPlace = 8;

bool Running(const pb::StageStatus& stage) { return stage.running() > 0 && stage.done() < stage.tasks(); }
bool Done(const pb::StageStatus& stage) { return stage.tasks() > 0 && stage.done() >= stage.tasks(); }

std::string Cut(std::string line, size_t width) {
  if (line.size() > width) line.resize(width);
  return line;
}

}  // namespace

std::string StageLine(const pb::StageStatus& stage, double seconds) {
  std::string line =
      StrCat("stage ", stage.stage(), stage.name().empty() ? std::string() : StrCat(" ", stage.name()), ": ",
             stage.done(), "/", stage.tasks(), stage.tasks() == 1 ? " task" : " tasks");
  if (stage.records() > 0) StrAppend(&line, ", ", HumanCount(stage.records()), " records");
  if (stage.bytes() > 0) StrAppend(&line, ", ", HumanBytes(stage.bytes()));
  if (seconds >= 0.2 && stage.bytes() > 0) {
    const double rate = static_cast<double>(stage.bytes()) / seconds;
    StrAppend(&line, ", ", HumanBytes(static_cast<uint64_t>(rate)), "/s");
    if (!Done(stage) && stage.total_bytes() > stage.bytes()) {
      StrAppend(&line, ", ", HumanDuration(static_cast<double>(stage.total_bytes() - stage.bytes()) / rate),
                " left");
    }
  }
  if (seconds >= 0.2 && !Done(stage) && stage.done() > 0 && stage.total_bytes() <= stage.bytes()) {
    StrAppend(&line, ", ", HumanDuration(seconds * (stage.tasks() - stage.done()) / stage.done()), " left");
  }
  if (stage.failed_attempts() > 0) StrAppend(&line, ", ", stage.failed_attempts(), " failed attempts");
  if (!Running(stage) && !Done(stage) && !stage.pending_reason().empty()) {
    StrAppend(&line, ", pending: ", stage.pending_reason());
  }
  return line;
}

std::string JobLine(const pb::JobStatus& job) {
  std::string line = StrCat(job.id(), " ", job.name(), ": ");
  switch (job.state()) {
    case pb::JobStatus::PENDING:
    case pb::JobStatus::RUNNING:
      if (job.running_tasks() > 0 || job.pending_reason().empty()) {
        StrAppend(&line, job.state() == pb::JobStatus::PENDING ? "pending" : "running");
        if (job.running_tasks() > 0) {
          StrAppend(&line, ", ", job.running_tasks(), job.running_tasks() == 1 ? " task" : " tasks");
        }
      }
      if (!job.pending_reason().empty()) {
        StrAppend(&line, job.running_tasks() > 0 ? "; pending: " : "pending: ", job.pending_reason());
      }
      return line;
    case pb::JobStatus::PUBLISHING:
      return line + "publishing its output";
    case pb::JobStatus::SUCCEEDED:
      return line + "succeeded";
    case pb::JobStatus::FAILED:
      return StrCat(line, "failed: ", job.error().message());
    case pb::JobStatus::KILLED:
      return line + "killed";
    default:
      return line + "unknown";
  }
}

bool Ended(const pb::JobStatus& job) {
  return job.state() == pb::JobStatus::SUCCEEDED || job.state() == pb::JobStatus::FAILED ||
         job.state() == pb::JobStatus::KILLED;
}

std::string Summary(const pb::JobStatus& job, double seconds, const std::string& title,
                    const std::string& next) {
  std::string text = StrCat(title, " succeeded in ", HumanDuration(seconds), "\n  records  ",
                            job.records_written(), " written, ", HumanBytes(job.bytes_written()), "\n");
  if (!job.output().empty()) {
    StrAppend(&text, "  output   ", job.output(), "\n  next     mrsubmit verify ", job.output(), "\n");
  } else {
    StrAppend(&text, "  next     ", next, "\n");
  }
  return text;
}

Progress::Mode Progress::ModeOf(const std::string& word, FILE* out) {
  if (word == "none") return Mode::kNone;
  if (word == "plain") return Mode::kPlain;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string(term) == "dumb";
  return ::isatty(::fileno(out)) == 1 && !dumb ? Mode::kTerminal : Mode::kPlain;
}

void Progress::Note(const std::string& line) {
  if (mode_ == Mode::kNone) return;
  Clear();
  std::fprintf(out_, "%s\n", line.c_str());
  std::fflush(out_);
}

void Progress::Clear() {
  if (lines_ == 0) return;
  std::fprintf(out_, "\x1b[%uA\x1b[J", lines_);
  std::fflush(out_);
  lines_ = 0;
}

void Progress::Update(const pb::JobStatus& job, int64_t now_ms) {
  if (mode_ == Mode::kNone) return;
  // A reason that stands for a moment only (the driver thinks) is not worth a line.
  if (job.pending_reason() != pending_) {
    pending_ = job.pending_reason();
    pending_ms_ = now_ms;
  }
  if (mode_ == Mode::kPlain && !pending_.empty() && pending_ != pending_told_ &&
      now_ms - pending_ms_ >= kPendingMs) {
    pending_told_ = pending_;
    Note(StrCat(Id(job), "pending: ", pending_));
  }
  for (const pb::StageStatus& stage : job.stages()) {
    Seen& seen = stages_[stage.stage()];
    if (seen.since_ms < 0 && (stage.running() > 0 || stage.done() > 0)) seen.since_ms = now_ms;
    const double seconds = seen.since_ms < 0 ? 0 : static_cast<double>(now_ms - seen.since_ms) / 1000;
    if (Done(stage) != seen.done) {  // a finished stage runs again when a worker that held its output died
      seen.done = Done(stage);
      if (seen.done && ++finished_ <= kFinishLines) Note(StrCat(Id(job), StageLine(stage, seconds)));
      if (seen.done && finished_ == kFinishLines + 1)
        Note(StrCat(Id(job), "further stages are counted only"));
    } else if (mode_ == Mode::kPlain && Running(stage) &&
               now_ms - std::max(seen.printed_ms, plain_ms_) >= kPlainIntervalMs &&
               now_ms - seen.since_ms >= kPlainIntervalMs) {
      seen.printed_ms = plain_ms_ = now_ms;
      Note(StrCat(Id(job), StageLine(stage, seconds),
                  finished_ > kFinishLines ? StrCat(" (", finished_, " stages done)") : std::string()));
    }
  }
  if (mode_ == Mode::kTerminal) Draw(job, now_ms);
}

void Progress::Draw(const pb::JobStatus& job, int64_t now_ms) {
  Clear();
  if (Ended(job)) return;
  winsize size{};
  const size_t width =
      ::ioctl(::fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1u : 100u;
  std::vector<std::string> lines;
  for (const pb::StageStatus& stage : job.stages()) {
    if (!Running(stage) || lines.size() >= kLinesInPlace) continue;
    const Seen& seen = stages_[stage.stage()];
    lines.push_back(StrCat("  ", StageLine(stage, static_cast<double>(now_ms - seen.since_ms) / 1000)));
  }
  std::string text = Cut(StrCat(JobLine(job), ", ", finished_, " stages done"), width) + "\n";
  for (const std::string& line : lines) text += Cut(line, width) + "\n";
  std::fputs(text.c_str(), out_);
  std::fflush(out_);
  lines_ = static_cast<uint32_t>(lines.size() + 1);
}

}  // namespace millrace
