#include "coordinator/server/core.h"

#include <chrono>
#include <future>
#include <optional>

#include "common/base/status.h"
#include "coordinator/server/loop.h"

namespace millrace {
namespace {

class RealClock : public Clock {
 public:
  int64_t NowMs() override { return Since(std::chrono::steady_clock::now()); }
  int64_t WallMs() override { return Since(std::chrono::system_clock::now()); }

 private:
  template <typename Point>
  static int64_t Since(Point point) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(point.time_since_epoch()).count();
  }
};

absl::Status Stopping() { return Unavailable("the coordinator is stopping"); }

}  // namespace

Clock* Clock::Real() {
  static auto* clock = new RealClock();
  return clock;
}

template <typename T>
std::optional<T> CoordinatorCore::Loop::Call(std::function<T()> fn) {
  auto value = std::make_shared<std::optional<T>>();
  auto done = std::make_shared<std::promise<bool>>();
  std::future<bool> good = done->get_future();
  Item item;
  item.call = [value, fn = std::move(fn)] { value->emplace(fn()); };
  item.answer = [done](bool durable) { done->set_value(durable); };
  if (!Post(std::move(item)) || !good.get()) return std::nullopt;
  return std::move(*value);
}

CoordinatorCore::CoordinatorCore(CoreOptions options, std::unique_ptr<Journal> journal, Clock* clock)
    : loop_(std::make_unique<Loop>(options, std::move(journal), clock)) {}
CoordinatorCore::~CoordinatorCore() { Stop(); }

absl::Status CoordinatorCore::Start() { return loop_->Start(); }
void CoordinatorCore::Stop() { loop_->Stop(); }
uint64_t CoordinatorCore::incarnation() const { return loop_->incarnation; }

absl::Status CoordinatorCore::failure() const {
  std::lock_guard<std::mutex> lock(loop_->public_mutex);
  return loop_->failure;
}

void CoordinatorCore::OnFailure(std::function<void(absl::Status)> callback) {
  std::lock_guard<std::mutex> lock(loop_->public_mutex);
  loop_->on_failure = std::move(callback);
}

uint64_t CoordinatorCore::ConnectWorker(Send send, std::function<void()> close) {
  Loop::Item item;
  item.session = loop_->next_session++;
  item.opened = true;
  item.send = std::move(send);
  item.close = std::move(close);
  const uint64_t session = item.session;
  loop_->Post(std::move(item));
  return session;
}

void CoordinatorCore::OnWorkerMessage(uint64_t session, pb::WorkerMessage message) {
  Loop::Item item;
  item.session = session;
  item.message = std::move(message);
  loop_->Post(std::move(item));
}

void CoordinatorCore::OnWorkerClosed(uint64_t session) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> waited = done->get_future();
  Loop::Item item;
  item.session = session;
  item.closed = true;
  item.answer = [done](bool) { done->set_value(); };
  if (loop_->Post(std::move(item))) waited.get();
}

pb::SubmitReply CoordinatorCore::Submit(const pb::SubmitRequest& request) {
  auto reply = loop_->Call<pb::SubmitReply>([&] { return loop_->Submit(request); });
  if (reply.has_value()) return *std::move(reply);
  pb::SubmitReply stopping;
  stopping.mutable_error()->set_kind(pb::ErrorInfo::SYSTEM);
  stopping.mutable_error()->set_message(MessageOf(Stopping()));
  return stopping;
}

pb::ListJobsReply CoordinatorCore::ListJobs() {
  return loop_->Call<pb::ListJobsReply>([&] { return loop_->Jobs(); }).value_or(pb::ListJobsReply());
}

using StatusOrJob = absl::StatusOr<pb::JobStatus>;

StatusOrJob CoordinatorCore::GetJob(const std::string& id) {
  auto reply = loop_->Call<StatusOrJob>([&]() -> StatusOrJob {
    MR_ASSIGN_OR_RETURN(coordinator::JobBook * book, loop_->Find(id));
    return loop_->StatusOf(*book);
  });
  return reply.has_value() ? *std::move(reply) : StatusOrJob(Stopping());
}

StatusOrJob CoordinatorCore::KillJob(const std::string& id) {
  auto reply = loop_->Call<StatusOrJob>([&] { return loop_->Kill(id); });
  return reply.has_value() ? *std::move(reply) : StatusOrJob(Stopping());
}

absl::StatusOr<uint64_t> CoordinatorCore::WatchJob(const std::string& id, Watcher watcher) {
  using Result = absl::StatusOr<uint64_t>;
  auto reply = loop_->Call<Result>([&] { return loop_->AddWatch(id, watcher); });
  return reply.has_value() ? *std::move(reply) : Result(Stopping());
}

void CoordinatorCore::Unwatch(uint64_t watch) {
  loop_->Call<size_t>([&] { return loop_->watches().erase(watch); });
}

absl::StatusOr<std::vector<pb::StoryLine>> CoordinatorCore::GetEvents(const pb::EventsRequest& request,
                                                                      uint64_t* cursor, bool* ended) {
  using Result = absl::StatusOr<std::vector<pb::StoryLine>>;
  auto reply = loop_->Call<Result>([&]() -> Result {
    MR_ASSIGN_OR_RETURN(coordinator::JobBook * book, loop_->Find(request.id()));
    std::vector<pb::StoryLine> lines;
    *cursor = book->story.After(*cursor, [&](const pb::StoryLine& line) {
      if (request.stage() >= 0 && line.stage() != request.stage()) return;
      if (request.task() >= 0 && line.task() != request.task()) return;
      lines.push_back(line);
    });
    *ended = book->over;
    return lines;
  });
  return reply.has_value() ? *std::move(reply) : Result(Stopping());
}

absl::StatusOr<std::vector<pb::LogLine>> CoordinatorCore::GetLogs(const std::string& id, uint64_t* cursor,
                                                                  bool* ended) {
  using Result = absl::StatusOr<std::vector<pb::LogLine>>;
  auto reply = loop_->Call<Result>([&]() -> Result {
    MR_ASSIGN_OR_RETURN(coordinator::JobBook * book, loop_->Find(id));
    std::vector<pb::LogLine> lines;
    *cursor = book->logs.After(*cursor, [&](const pb::LogLine& line) { lines.push_back(line); });
    *ended = book->over;
    return lines;
  });
  return reply.has_value() ? *std::move(reply) : Result(Stopping());
}

absl::StatusOr<pb::CountersReply> CoordinatorCore::GetCounters(const std::string& id) {
  absl::StatusOr<pb::JobStatus> status = GetJob(id);
  if (!status.ok()) return status.status();
  pb::CountersReply reply;
  *reply.mutable_counters() = status->counters();
  return reply;
}

pb::ListWorkersReply CoordinatorCore::ListWorkers() {
  return loop_->Call<pb::ListWorkersReply>([&] { return loop_->Workers(); }).value_or(pb::ListWorkersReply());
}

CoordinatorCore::Numbers CoordinatorCore::numbers() {
  Numbers numbers;
  {
    std::lock_guard<std::mutex> lock(loop_->public_mutex);
    numbers = loop_->numbers;
  }
  const pb::ListWorkersReply workers = ListWorkers();
  const pb::ListJobsReply jobs = ListJobs();
  for (const pb::WorkerStatus& worker : workers.workers()) numbers.workers += worker.state() != "down";
  for (const pb::JobStatus& job : jobs.jobs()) numbers.jobs_running += job.state() < pb::JobStatus::SUCCEEDED;
  return numbers;
}

void CoordinatorCore::Tick() {
  loop_->Call<bool>([&] {
    loop_->StepTick();
    return true;
  });
}

}  // namespace millrace
