#include "coordinator/server/loop.h"

#include <algorithm>
#include <utility>

#include "common/base/failpoint.h"
#include "common/base/status.h"

namespace millrace {

using coordinator::JobBook;

namespace {
// A batch ends here even if more is waiting: what it brought must get out to the workers.
constexpr size_t kMaxBatch = 4096;

scheduler::Options SchedulerOptions(const CoreOptions& options) {
  scheduler::Options out;
  out.lease_ms = options.worker_timeout_ms;
  out.grace_ms = options.grace_ms;
  out.speculation_min_ms = options.speculation_min_ms;
  if (options.speculation == 0) out.speculation_min_ms = int64_t{1} << 60;
  out.task_stories = options.task_stories;
  out.queue_ahead_ms = options.queue_ahead_ms;
  return out;
}
}  // namespace

CoordinatorCore::Loop::Loop(CoreOptions options, std::unique_ptr<Journal> journal, Clock* clock)
    : options_(options),
      journal_(std::move(journal)),
      clock_(clock ? clock : Clock::Real()),
      scheduler_(SchedulerOptions(options)),
      loop_("coordinator", kMaxBatch,
            {[this](std::deque<Item>& batch) { Run(batch); }, [this] { return NextWake(); },
             [](Item& item) {
               if (item.answer) item.answer(false);
             }}) {}

CoordinatorCore::Loop::~Loop() { Stop(); }

absl::Status CoordinatorCore::Loop::Start() {
  MR_RETURN_IF_ERROR(Replay());
  Commit();
  {
    std::lock_guard<std::mutex> lock(public_mutex);
    MR_RETURN_IF_ERROR(failure);
  }
  FlushSessions();
  next_tick_ms_ = clock_->NowMs();
  loop_.Start();
  return absl::OkStatus();
}

void CoordinatorCore::Loop::Stop() { loop_.Stop(/*drain=*/true); }

bool CoordinatorCore::Loop::Post(Item item) { return loop_.Post(std::move(item)); }

// When the loop has something to do without being asked.
std::chrono::steady_clock::time_point CoordinatorCore::Loop::NextWake() {
  using SteadyClock = std::chrono::steady_clock;
  int64_t next_ms = options_.tick_interval_ms > 0 ? next_tick_ms_ : INT64_MAX;
  for (const auto& [number, watch] : watches_) {
    if (watch.due) next_ms = std::min<int64_t>(next_ms, watch.last_ms + options_.watch_interval_ms);
  }
  if (next_ms == INT64_MAX) return SteadyClock::time_point::max();
  return SteadyClock::now() + std::chrono::milliseconds(std::max<int64_t>(0, next_ms - clock_->NowMs()));
}

void CoordinatorCore::Loop::Run(std::deque<Item>& batch) {
  for (Item& item : batch) Handle(item);
  if (options_.tick_interval_ms > 0 && clock_->NowMs() >= next_tick_ms_) {
    StepTick();
    next_tick_ms_ = clock_->NowMs() + options_.tick_interval_ms;
  }
  Commit();
  FlushSessions();
  FlushWatches();
  if (sync_before_answers_) Sync();
  Answer();
}

void CoordinatorCore::Loop::Handle(Item& item) {
  if (item.call) {
    item.call();
  } else if (item.opened) {
    Session& session = sessions_[item.session];
    session.id = item.session;
    session.send = std::move(item.send);
    session.close = std::move(item.close);
  } else if (item.closed) {
    CloseSession(item.session, "the connection closed");
  } else if (auto session = sessions_.find(item.session);
             session != sessions_.end() && !session->second.doomed) {
    ++counts_.messages_in;
    Failpoint("coordinator.got", item.message);
    OnMessage(session->second, item.message);
  }
  if (item.answer) answers_.push_back(std::move(item.answer));
}

void CoordinatorCore::Loop::StepTick() {
  if (!lazy_entries_.empty()) {
    for (pb::JournalEntry& entry : lazy_entries_) entries_.push_back(std::move(entry));
    lazy_entries_.clear();
  }
  sync_before_sends_ |= unsynced_;
  Step(scheduler::Tick{});
}

void CoordinatorCore::Loop::Step(const scheduler::Event& event, AtHand at_hand) {
  at_hand_ = std::move(at_hand);
  follow_ups_.clear();
  const scheduler::Event* next = &event;
  scheduler::Event follow_up;
  for (;;) {
    ++counts_.events;
    const scheduler::Commands commands = scheduler_.Step(clock_->NowMs(), *next);
    for (const scheduler::Command& command : commands) {
      std::visit([this](const auto& one) { Do(one); }, command);
    }
    at_hand_ = {};
    if (follow_ups_.empty()) return;
    follow_up = std::move(follow_ups_.front());
    follow_ups_.pop_front();
    next = &follow_up;
  }
}

// Everything of the batch is journaled at once. What was journaled lazily goes with it.
void CoordinatorCore::Loop::Commit() {
  if (!entries_.empty()) {
    for (pb::JournalEntry& entry : lazy_entries_) entries_.push_back(std::move(entry));
    lazy_entries_.clear();
    for (const pb::JournalEntry& entry : entries_) Failpoint("coordinator.journal", entry);
    absl::Status status = journal_->Append(entries_);
    for (const pb::JournalEntry& entry : entries_) Failpoint("coordinator.journaled", entry);
    counts_.journal_entries += entries_.size();
    ++counts_.journal_transactions;
    entries_.clear();
    unsynced_ = true;
    if (!status.ok()) return Die(status);
  }
  if (sync_before_sends_) Sync();
}

void CoordinatorCore::Loop::Sync() {
  sync_before_sends_ = sync_before_answers_ = false;
  if (!std::exchange(unsynced_, false)) return;
  if (absl::Status status = journal_->Sync(); !status.ok()) Die(status);
}

void CoordinatorCore::Loop::Answer() {
  bool good;
  {
    std::lock_guard<std::mutex> lock(public_mutex);
    good = failure.ok();
    numbers = counts_;
  }
  for (const auto& answer : answers_) answer(good);
  answers_.clear();
}

void CoordinatorCore::Loop::Die(absl::Status status) {
  std::function<void(absl::Status)> callback;
  {
    std::lock_guard<std::mutex> lock(public_mutex);
    failure = status;
    callback = on_failure;
  }
  for (auto& [id, session] : sessions_) session.out.Clear(), session.has_out = false;
  busy_sessions_.clear();
  changed_jobs_.clear();
  loop_.Close();
  if (callback) callback(status);
}

void CoordinatorCore::Loop::FlushSessions() {
  const std::set<uint64_t> busy = std::move(busy_sessions_);
  busy_sessions_.clear();
  for (uint64_t id : busy) {
    auto at = sessions_.find(id);
    if (at == sessions_.end()) continue;
    Session& session = at->second;
    if (session.has_out || session.answer) {
      Failpoint("coordinator.send", session.out);
      session.send(session.out);
      Failpoint("coordinator.sent", session.out);
      session.out.Clear();
      session.has_out = session.answer = false;
      ++counts_.messages_out;
    }
    if (session.doomed) {
      if (session.close) session.close();
      sessions_.erase(at);
    }
  }
}

void CoordinatorCore::Loop::FlushWatches() {
  if (watches_.empty()) {
    changed_jobs_.clear();
    return;
  }
  const int64_t now = clock_->NowMs();
  for (auto at = watches_.begin(); at != watches_.end();) {
    Watch& watch = at->second;
    JobBook* book = Book(watch.job);
    watch.due = watch.due || changed_jobs_.contains(watch.job);
    const bool over = book == nullptr || book->over;
    if (book != nullptr && watch.due && (over || now >= watch.last_ms + options_.watch_interval_ms)) {
      watch.watcher(StatusOf(*book));
      watch.last_ms = now;
      watch.due = false;
    }
    at = over ? watches_.erase(at) : std::next(at);
  }
  changed_jobs_.clear();
}

}  // namespace millrace
