#include "worker/bundle/progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/base/strings.h"

namespace millrace {
namespace {

constexpr size_t kStageLines = 24;  // an elbow has hundreds of stages
constexpr int64_t kPlainIntervalMs = 2000;
constexpr size_t kWidth = 100;

std::string StageLine(const pb::StageStatus& stage, double seconds) {
  std::string line = StrCat("stage ", stage.stage(), " ", stage.name(), ": ", stage.done(), "/",
                            stage.tasks(), stage.tasks() == 1 ? " task" : " tasks");
  if (stage.records() > 0) StrAppend(&line, ", ", HumanCount(stage.records()), " records");
  if (stage.bytes() > 0) StrAppend(&line, ", ", HumanBytes(stage.bytes()));
  if (seconds > 0.2 && stage.bytes() > 0) {
    const double rate = static_cast<double>(stage.bytes()) / seconds;
    StrAppend(&line, ", ", HumanBytes(static_cast<uint64_t>(rate)), "/s");
    if (stage.done() < stage.tasks() && stage.total_bytes() > stage.bytes()) {
      StrAppend(&line, ", ", HumanDuration(static_cast<double>(stage.total_bytes() - stage.bytes()) / rate),
                " left");
    }
  }
  if (stage.failed_attempts() > 0) StrAppend(&line, ", ", stage.failed_attempts(), " failed attempts");
  return line;
}

}  // namespace

LocalProgress::LocalProgress(const std::string& mode, int64_t now_ms) : begin_ms_(now_ms), last_ms_(now_ms) {
  const char* term = std::getenv("TERM");
  const bool terminal = isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  mode_ = mode == "none" ? Mode::kNone : mode == "auto" && terminal ? Mode::kTerminal : Mode::kPlain;
}

void LocalProgress::Clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

void LocalProgress::Update(const pb::JobStatus& job, int64_t now_ms) {
  if (mode_ == Mode::kNone) return;
  const double seconds = static_cast<double>(now_ms - begin_ms_) / 1000;
  const pb::StageStatus* running = nullptr;
  for (const pb::StageStatus& stage : job.stages()) {
    const bool done = stage.tasks() > 0 && stage.done() >= stage.tasks();
    if (!done && stage.running() > 0) running = &stage;
    if (!done || done_[stage.stage()]) continue;
    done_[stage.stage()] = true;
    if (done_.size() > kStageLines) continue;
    Clear();
    std::fprintf(stderr, "%s\n", StageLine(stage, 0).c_str());
  }
  if (running == nullptr) return;
  std::string line = StageLine(*running, seconds);
  if (mode_ == Mode::kTerminal) {
    if (line.size() > kWidth) line.resize(kWidth);
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    drawn_ = true;
  } else if (now_ms - last_ms_ >= kPlainIntervalMs) {
    last_ms_ = now_ms;
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

std::string LocalSummary(const std::string& program, const pb::JobStatus& job, double seconds) {
  std::string text = StrCat(job.name(), " succeeded in ", HumanDuration(seconds), "\n  records  ",
                            job.records_written(), " written, ", HumanBytes(job.bytes_written()), "\n");
  if (!job.output().empty()) {
    StrAppend(&text, "  output   ", job.output(), "\n  next     mrsubmit verify ", job.output(), "\n");
  } else {
    StrAppend(&text, "  next     ", program, " describe\n");
  }
  return text;
}

}  // namespace millrace
