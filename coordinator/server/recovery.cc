// From the journal to where the last coordinator was.
#include <algorithm>

#include "common/base/files.h"
#include "common/base/status.h"
#include "coordinator/server/loop.h"
#include "coordinator/server/translate.h"

namespace millrace {

using coordinator::FactsOf;
using coordinator::FromPb;
using coordinator::JobBook;
using coordinator::SumsOf;

namespace {

constexpr size_t kDigestBytes = 16;
// Another one means that the machine was started anew since. "" where the kernel does not tell.
std::string BootId() {
  auto text = ReadFile("/proc/sys/kernel/random/boot_id", 64);
  return text.ok() ? *text : std::string();
}

std::vector<scheduler::Digest> DigestsOf(std::string_view bytes) {
  std::vector<scheduler::Digest> digests;
  for (; bytes.size() >= kDigestBytes; bytes.remove_prefix(kDigestBytes))
    digests.push_back(scheduler::Digest::FromBytes(bytes.substr(0, kDigestBytes)));
  return digests;
}

}  // namespace

absl::Status CoordinatorCore::Loop::Replay() {
  MR_RETURN_IF_ERROR(journal_->Replay([this](const pb::JournalEntry& entry) { return ReplayEntry(entry); }));
  const std::string boot = options_.boot.empty() ? BootId() : options_.boot;
  scheduler::CoordinatorStarted started;
  started.incarnation = ++incarnation;
  // Its end may be lost: what workers did after it must not be taken for what is done after it now.
  may_have_forgotten_ = boot.empty() || boot != boot_;
  pb::JournalEntry entry;
  entry.set_incarnation(incarnation);
  entry.set_boot(boot);
  MR_RETURN_IF_ERROR(journal_->Append({&entry, 1}));
  MR_RETURN_IF_ERROR(journal_->Sync());
  for (auto& [id, book] : jobs_) {
    if (!book.over) {
      started.jobs.push_back(Recovered(book));
    } else if (book.driver_epoch > 0) {
      MR_RETURN_IF_ERROR(journal_->Forget(id));
      book.Shrink();
    }
    if (book.over) finished_.push_back(id);
  }
  recovering_.clear();
  Step(started);
  return absl::OkStatus();
}

absl::Status CoordinatorCore::Loop::ReplayEntry(const pb::JournalEntry& entry) {
  switch (entry.entry_case()) {
    case pb::JournalEntry::kIncarnation:
      incarnation = std::max(incarnation, entry.incarnation());
      boot_ = entry.boot();
      return absl::OkStatus();
    case pb::JournalEntry::kJobSubmitted: {
      const pb::JobSubmitted& submitted = entry.job_submitted();
      JobBook& book = jobs_[submitted.job()];
      book.id = submitted.job();
      book.request = submitted.request();
      book.submitted_ms = submitted.time_ms();
      next_job_ = std::max(next_job_, submitted.job() + 1);
      if (!book.request.submission().empty()) submissions_[book.request.submission()] = book.id;
      return absl::OkStatus();
    }
    case pb::JournalEntry::kShared:
      if (JobBook* book = Book(entry.shared().job())) book->AddShared(entry.shared().value());
      return absl::OkStatus();
    case pb::JournalEntry::kActionPlanned:
      if (JobBook* book = Book(entry.action_planned().job())) {
        book->AddPlan(entry.action_planned().request());
        recovering_[book->id].order.push_back(entry.action_planned().request().action());
      }
      return absl::OkStatus();
    case pb::JournalEntry::kWinner:
      if (JobBook* book = Book(entry.winner().id().job())) {
        book->SetWinner(entry.winner().report());
        recovering_[book->id].winners.push_back(
            {FromPb(entry.winner().id()), SumsOf(entry.winner().report().ledger())});
        for (const pb::StageDigests& consumed : entry.winner().consumed())
          recovering_[book->id].consumed.push_back({consumed.stage(), DigestsOf(consumed.digests())});
      }
      return absl::OkStatus();
    case pb::JournalEntry::kActionDone:
      if (JobBook* book = Book(entry.action_done().job())) book->AddResult(entry.action_done());
      return absl::OkStatus();
    case pb::JournalEntry::kJobState:
      if (JobBook* book = Book(entry.job_state().job())) {
        recovering_[book->id].state = entry.job_state();
        book->error = entry.job_state().error();
        if (entry.job_state().settled()) book->finished_ms = entry.job_state().time_ms();
      }
      return absl::OkStatus();
    case pb::JournalEntry::kDriverLeased:
      if (JobBook* book = Book(entry.driver_leased().job())) {
        book->driver_epoch = entry.driver_leased().driver_epoch();
        book->profile = entry.driver_leased().profile();
      }
      return absl::OkStatus();
    case pb::JournalEntry::kLedgered:
      if (JobBook* book = Book(entry.ledgered().id().job())) {
        book->Count(FromPb(entry.ledgered().id()), entry.ledgered().ledger(), entry.ledgered().counters(),
                    entry.ledgered().rejects_temporary());
      }
      return absl::OkStatus();
    case pb::JournalEntry::kFinalStatus:
      if (JobBook* book = Book(entry.final_status().job())) {
        book->over = true;
        book->final_status = entry.final_status();
      }
      return absl::OkStatus();
    case pb::JournalEntry::ENTRY_NOT_SET:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

scheduler::RecoveredJob CoordinatorCore::Loop::Recovered(const JobBook& book) {
  scheduler::RecoveredJob job;
  job.job = book.id;
  job.options.max_attempts = options_.max_attempts;
  job.driver_epoch = book.driver_epoch;
  job.profile = book.profile;
  const Recovering& known = recovering_[book.id];
  job.state = known.state.job() != 0  ? coordinator::StateFromJournal(known.state.state())
              : book.driver_epoch > 0 ? scheduler::JobState::kRunning
                                      : scheduler::JobState::kPending;
  job.settled = known.state.settled();
  job.error = FactsOf(known.state.error());
  job.winners = known.winners;
  job.consumed = known.consumed;
  for (uint32_t number : known.order) {
    const pb::ActionRequest& request = book.plans.at(number);
    scheduler::RecoveredAction action;
    action.action = number;
    action.fingerprint = request.fingerprint();
    action.recorded = request.record();
    action.done = book.results.contains(number) || book.settled.contains(number);
    if (!request.record()) {
      action.stages = coordinator::ShapesOf(request.plan());
      action.final_stage = request.plan().final_stage();
    }
    job.actions.push_back(std::move(action));
  }
  return job;
}

}  // namespace millrace
