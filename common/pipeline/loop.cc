// Job::Loop: what a step leaves is a state; a driver that comes later begins after it.
#include <utility>

#include "common/base/sha256.h"
#include "common/base/strings.h"
#include "common/pipeline/job.h"

namespace millrace {

void Job::RunLoop(const std::string& name, uint64_t max, const LoopCalls& calls) {
  const uint32_t first_action = numbering_.next_action;
  const size_t first_note = notes_.size();
  pb::LoopState state;
  state.set_over(max == 0);
  if (const auto logged = link_.FindLoop(first_action)) {
    state = ResumeLoop(name, logged->recorded());
    if (!calls.decode(state.state()))
      Fail(pb::ErrorInfo::INTERNAL, StrCat("the state of loop '", name, "' cannot be decoded"));
  }
  uint32_t committed = 0;
  while (!state.over()) {
    const size_t step_note = notes_.size();
    const uint32_t step_action = numbering_.next_action;
    const bool more = calls.step(state.steps());
    AwaitAll(step_action);
    for (size_t i = step_note; i < notes_.size(); ++i)
      if (const plan::NodePtr node = notes_[i].lock()) node->step_of = name;
    state.set_name(name);
    state.set_steps(state.steps() + 1);
    state.set_over(!more || state.steps() == max);
    // A later driver decodes it: so does this one, and a state that is not wholly encoded shows at once.
    state.set_state(calls.encode());
    if (!calls.decode(state.state()))
      Fail(pb::ErrorInfo::INTERNAL, StrCat("the state of loop '", name, "' cannot be decoded"));
    // Nothing waits for a commit but the next one: plans that follow reach the journal after it.
    if (open_.count(committed) != 0) Await(committed);
    committed = CommitStep(state, first_action, first_note);
  }
}

uint32_t Job::CommitStep(pb::LoopState state, uint32_t first_action, size_t first_note) {
  state.clear_done();
  for (size_t i = 0; i < first_note; ++i) {
    const plan::NodePtr node = notes_[i].lock();
    if (node == nullptr || node->prepare) continue;
    const bool cache = node->kind == plan::Node::Kind::kCache;
    if (cache && node->cached_stage == 0) continue;
    pb::LoopState::Note* note = state.add_done();
    note->set_node(static_cast<uint32_t>(i));
    note->set_cached_stage(node->cached_stage);
    note->set_cached_tasks(node->cached_tasks);
    if (!cache) *note->mutable_shuffle() = node->shuffle;
  }
  state.set_notes(static_cast<uint32_t>(notes_.size()));
  state.clear_folders();
  for (const std::string& folder : folders_) state.add_folders(folder);
  state.set_plans_run(plans_run_);
  const uint32_t action = numbering_.next_action;
  state.set_next_action(action + 1);
  state.set_next_stage(numbering_.next_stage);
  state.set_next_operator(numbering_.next_operator);
  const std::string bytes = state.SerializeAsString();
  SendRecord(StrCat("loop ", bytes), bytes, first_action);
  return action;
}

pb::LoopState Job::ResumeLoop(const std::string& name, const std::string& committed) {
  pb::LoopState state;
  if (!state.ParseFromString(committed) || state.notes() < notes_.size())
    Fail(pb::ErrorInfo::INTERNAL, StrCat("the state of loop '", name, "' cannot be read"));
  if (state.name() != name)
    Fail(pb::ErrorInfo::USER_CODE,
         StrCat("loop '", name, "' stands where loop '", state.name(),
                "' stood before the driver was restarted: the job function must do the same each time"));
  numbering_.next_action = state.next_action();
  numbering_.next_stage = state.next_stage();
  numbering_.next_operator = state.next_operator();
  plans_run_ = state.plans_run();
  folders_.assign(state.folders().begin(), state.folders().end());
  notes_.resize(state.notes());
  for (const pb::LoopState::Note& done : state.done()) {
    const plan::NodePtr node = notes_[done.node()].lock();
    if (node == nullptr) continue;
    node->prepare = nullptr;
    node->cached_stage = done.cached_stage();
    node->cached_tasks = done.cached_tasks();
    if (done.has_shuffle()) node->shuffle = done.shuffle();
  }
  return state;
}

}  // namespace millrace
