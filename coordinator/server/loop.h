// The inside of CoordinatorCore: what its loop owns, and how a batch goes through it. Whoever posts to an
// idle loop runs the batch on its own thread (common/base/work_loop.h).
//
//   posted items -> handled one by one: message -> events -> Scheduler::Step -> commands
//   at the end of the batch: all journal entries in one transaction, then all sends, then the answers
//
// So nobody hears of anything that this process could forget. What the machine could forget by a loss of
// power is synced before files are touched and before a client is answered, the rest within a tick: it can be
// done again (docs/decisions/0008-what-the-journal-syncs.md). All members but the public ones belong to
// whoever runs the loop.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <span>

#include "common/base/work_loop.h"
#include "coordinator/scheduler/scheduler.h"
#include "coordinator/server/core.h"
#include "coordinator/server/job_book.h"
#include "proto/journal.pb.h"

namespace millrace {

class CoordinatorCore::Loop {
 public:
  Loop(CoreOptions options, std::unique_ptr<Journal> journal, Clock* clock);
  ~Loop();
  absl::Status Start();
  void Stop();

  struct Item {
    uint64_t session = 0;
    bool opened = false, closed = false;
    Send send;
    std::function<void()> close;
    pb::WorkerMessage message;
    std::function<void()> call;  // instead of a message
    std::function<void(bool)>
        answer;  // after the batch is durable; false: it is not, or the loop has stopped
  };
  // False when the loop takes nothing any more: nothing of the item is called then.
  bool Post(Item item);
  // Runs `fn` on the loop; nullopt when it has stopped.
  template <typename T>
  std::optional<T> Call(std::function<T()> fn);

  // ---- in the loop only; Call() leads here ----
  struct Watch {
    uint64_t job = 0;
    Watcher watcher;
    int64_t last_ms = 0;
    bool due = true;
  };
  pb::SubmitReply Submit(const pb::SubmitRequest& request);
  absl::StatusOr<coordinator::JobBook*> Find(const std::string& id);
  pb::JobStatus StatusOf(coordinator::JobBook& book);
  absl::StatusOr<pb::JobStatus> Kill(const std::string& id);
  absl::StatusOr<uint64_t> AddWatch(const std::string& id, Watcher watcher);
  pb::ListJobsReply Jobs();
  pb::ListWorkersReply Workers();
  void StepTick();
  std::map<uint64_t, Watch>& watches() { return watches_; }

  uint64_t incarnation = 0;
  std::atomic<uint64_t> next_session{1};
  std::mutex public_mutex;  // guards the two below
  Numbers numbers;
  absl::Status failure;
  std::function<void(absl::Status)> on_failure;

 private:
  struct Session {
    uint64_t id = 0;
    Send send;
    std::function<void()> close;
    scheduler::WorkerId worker = 0;
    scheduler::Epoch epoch = 0;
    bool doomed = false;  // close it after the batch
    bool answer = false;  // it must hear something: its lease hangs on it
    bool forget = false;  // its Welcome tells it to drop all that it has
    pb::CoordinatorMessage out;
    bool has_out = false;
    std::set<std::pair<uint64_t, uint32_t>> specs;                // (job, stage) that it was told
    std::map<std::pair<uint64_t, uint32_t>, uint64_t> manifests;  // the newest version it was told
    std::set<std::pair<uint64_t, std::string>> shared;            // (job, digest) that it was given
  };
  struct WorkerBook {
    scheduler::WorkerId id = 0;
    uint64_t session = 0;       // 0 = none
    pb::Register registration;  // without what it held
    uint64_t rss_bytes = 0;
    int64_t last_heard_wall_ms = 0;
  };
  // What the events of the step at hand brought along, for its commands.
  struct AtHand {
    const pb::TaskReport* report = nullptr;
    pb::ActionRequest* action = nullptr;
    const std::map<scheduler::AttemptId, const pb::HeldOutput*>* held = nullptr;
    const pb::ErrorInfo* error = nullptr;
    std::string note;  // goes with the message if the step fails the job
  };

  struct Recovering {  // during Replay() only
    pb::JobState state;
    std::vector<uint32_t> order;  // of the actions
    std::vector<scheduler::RecoveredWinner> winners;
    std::vector<scheduler::StageDigests> consumed;  // a re-run after the restart is held to these
  };

  // loop.cc
  void Run(std::deque<Item>& batch);
  void Handle(Item& item);
  void Commit();
  void Sync();
  void FlushSessions();
  void FlushWatches();
  void Answer();
  void Die(absl::Status status);
  std::chrono::steady_clock::time_point NextWake();
  void Step(const scheduler::Event& event) { Step(event, AtHand()); }
  void Step(const scheduler::Event& event, AtHand at_hand);
  void Lazy(pb::JournalEntry entry) { lazy_entries_.push_back(std::move(entry)); }
  pb::JournalEntry* NewEntry() { return &entries_.emplace_back(); }

  // recovery.cc
  absl::Status Replay();
  absl::Status ReplayEntry(const pb::JournalEntry& entry);
  scheduler::RecoveredJob Recovered(const coordinator::JobBook& book);

  // worker_messages.cc
  void OnMessage(Session& session, pb::WorkerMessage& message);
  void OnRegister(Session& session, const pb::Register& registration);
  void OnReport(Session& session, const pb::TaskReport& report);
  void OnAction(pb::ActionRequest& request);
  void OnHeartbeat(Session& session, const pb::Heartbeat& heartbeat);
  void OnLog(const pb::LogLine& line);
  void CloseSession(uint64_t id, const std::string& reason);
  std::string ReportProblem(const coordinator::JobBook& book, const pb::TaskReport& report,
                            pb::ErrorInfo* error);

  // commands.cc
  void Do(const scheduler::JournalJob& command);
  void Do(const scheduler::JournalDriverLease& command);
  void Do(const scheduler::JournalAction& command);
  void Do(const scheduler::JournalWinner& command);
  void Do(const scheduler::JournalActionDone& command);
  void Do(const scheduler::JournalJobState& command);
  void Do(const scheduler::Welcome& command);
  void Do(const scheduler::CloseWorker& command);
  void Do(const scheduler::StartDriver& command);
  void Do(const scheduler::StopDriver& command);
  void Do(const scheduler::SendActionResult& command);
  void Do(const scheduler::Grant& command);
  void Do(const scheduler::Cancel& command);
  void Do(const scheduler::Publish& command);
  void Do(const scheduler::DropJob& command);
  void Do(const scheduler::TaskDone& command);
  void Do(const scheduler::JobChanged& command);
  void Do(const scheduler::Story& command);
  Session* SessionOf(scheduler::WorkerId worker);  // null when it has none
  pb::CoordinatorMessage* Out(Session& session);
  void SendShared(Session& session, const coordinator::JobBook& book, const pb::Stage& stage);
  void SendManifest(Session& session, coordinator::JobBook& book, const scheduler::GrantInput& input);
  void JobOver(coordinator::JobBook& book, scheduler::JobState state);

  // status.cc
  coordinator::JobBook* Book(uint64_t job);
  pb::JobStatus LiveStatus(coordinator::JobBook& book);
  void Changed(uint64_t job);

  const CoreOptions options_;
  const std::unique_ptr<Journal> journal_;
  Clock* const clock_;
  scheduler::Scheduler scheduler_;

  std::map<uint64_t, Session> sessions_;
  std::set<uint64_t> busy_sessions_;           // with something to send, or to close
  std::map<std::string, WorkerBook> workers_;  // by name
  std::map<scheduler::WorkerId, WorkerBook*> worker_by_id_;
  uint64_t connections_ = 0;
  std::map<uint64_t, coordinator::JobBook> jobs_;
  std::map<std::string, uint64_t> submissions_;
  std::deque<uint64_t> finished_;  // jobs that are over, oldest first
  uint64_t next_job_ = 1;
  std::map<uint64_t, Watch> watches_;
  std::set<uint64_t> changed_jobs_;
  std::map<uint64_t, Recovering> recovering_;
  uint64_t next_watch_ = 1;
  int64_t next_tick_ms_ = 0;

  std::string boot_;                 // of the incarnation before, while replaying
  bool may_have_forgotten_ = false;  // the machine was started anew since

  // Of the batch.
  std::vector<pb::JournalEntry> entries_, lazy_entries_;
  bool unsynced_ = false;           // entries that a loss of power would take
  bool sync_before_sends_ = false;  // set by an entry of the batch
  bool sync_before_answers_ = false;
  std::vector<std::function<void(bool)>> answers_;
  AtHand at_hand_;
  std::deque<scheduler::Event> follow_ups_;  // events that carrying out commands brought
  Numbers counts_;

  WorkLoop<Item> loop_;  // last: it ends first
};

}  // namespace millrace
