#include "tests/sim/model.h"

#include <algorithm>

namespace millrace::sim {

bool JobModel::MustFail() const {
  for (const auto& [where, trouble] : troubles) {
    if (trouble.kind == TaskTrouble::kBadInput || trouble.kind == TaskTrouble::kSameCrash) return true;
    if (trouble.kind == TaskTrouble::kAlwaysNew) return true;
  }
  return driver_fails || unbalanced_stage != 0 || publish_failure == "for good";
}

bool JobModel::Writes() const {
  return std::any_of(stages.begin(), stages.end(),
                     [](const auto& s) { return s.second.output == OutputKind::kWrite; });
}

uint64_t JobModel::Expected(StageId stage, TaskId task) const {
  auto it = expected_.find({stage, task});
  if (it != expected_.end()) return it->second;
  const uint64_t value = Output(stage, task, 0, [this](StageId s, TaskId t) { return Expected(s, t); });
  expected_[{stage, task}] = value;
  return value;
}

namespace {

class Maker {
 public:
  Maker(uint64_t seed, const std::vector<std::string>& kinds) : random_(seed), kinds_(kinds) {
    scenario_.seed = seed;
  }

  Scenario Make() {
    MakeFaults();
    const int64_t workers = random_.Range(1, 4);
    const bool profiles = random_.Chance(0.1);
    for (int64_t i = 0; i < workers; ++i) {
      scenario_.workers.push_back({static_cast<uint32_t>(random_.Range(1, 3)),
                                   static_cast<uint32_t>(random_.Range(0, 3)),
                                   profiles && random_.Chance(0.5) ? "p2" : "p1"});
    }
    const int64_t jobs = random_.Chance(0.6) ? 1 : random_.Range(2, 3);
    for (int64_t i = 0; i < jobs; ++i) scenario_.jobs.push_back(MakeJob(static_cast<JobId>(i + 1)));
    scenario_.faults_end_ms = random_.Range(1500, 5000);
    return scenario_;
  }

 private:
  bool Draw(const char* kind, double p) {
    const bool drawn = random_.Chance(p);
    return drawn && (kinds_.empty() || std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end());
  }

  // A seed has some kinds of faults, not all: rare combinations come up that way, and none hides another.
  void MakeFaults() {
    Faults& f = scenario_.faults;
    const double level = 0.25 * static_cast<double>(random_.Range(1, 4));
    if (Draw("crash", 0.4)) f.worker_crash = 0.08 * level;
    if (Draw("cut", 0.4)) f.cut = 0.12 * level;
    if (Draw("driver", 0.3)) f.driver_crash = 0.08 * level;
    if (Draw("restart", 0.3)) f.restart = 0.06 * level;
    if (Draw("drain", 0.1)) f.draining = 0.02;
    if (Draw("dup", 0.4)) f.duplicate = 0.3 * level;
    if (Draw("reorder", 0.4)) f.reorder = 0.3 * level;
    if (Draw("delay", 0.4)) f.delay = 0.1 * level;
    if (Draw("slow", 0.4)) f.slow = 0.15 * level;
    if (Draw("lost", 0.3)) f.lost_task = 0.15 * level;
    if (Draw("corrupt", 0.2)) f.corrupt = 0.1 * level;
    if (Draw("corrupt", 0.2)) f.fetch_blip = 0.2 * level;
    f.troubles = Draw("trouble", 0.3);
    f.kills = Draw("kill", 0.15);
    f.unsteady = Draw("unsteady", 0.15);
    f.publish = Draw("publish", 0.3);
  }

  uint32_t Tasks() { return static_cast<uint32_t>(random_.Chance(0.03) ? 0 : random_.Range(1, 5)); }

  StageId Add(JobModel& job, ActionModel& action, uint32_t tasks, OutputKind kind,
              std::vector<scheduler::StageInput> inputs) {
    StageShape shape;
    shape.id = static_cast<StageId>(++next_stage_);
    shape.tasks = tasks;
    shape.output = kind;
    for (auto& input : inputs) {
      if (input.tasks == 0) input.tasks = tasks - input.first_task;
    }
    shape.inputs = std::move(inputs);
    action.stages.push_back(shape);
    job.stages[shape.id] = shape;
    return shape.id;
  }

  // A chain of shuffles, some over cached stages, unions and several branches.
  ActionModel MakeAction(JobModel& job, ActionId id) {
    ActionModel action;
    action.id = id;
    action.recorded = random_.Chance(0.08);
    if (action.recorded) return action;
    action.together = id > 1 && random_.Chance(0.2);
    const OutputKind target = random_.Chance(0.4) ? OutputKind::kWrite : OutputKind::kResult;
    std::vector<StageId> sources;
    if (cached_ != 0 && random_.Chance(0.6)) {
      const uint32_t tasks = job.stages.at(cached_).tasks;
      if (random_.Chance(0.5)) {
        sources.push_back(Add(job, action, tasks, OutputKind::kShuffle, {{cached_, true, 0, tasks}}));
      } else {
        action.final_stage = Add(job, action, tasks, target, {{cached_, true, 0, tasks}});
        return action;
      }
    } else if (random_.Chance(0.12)) {
      action.final_stage = Add(job, action, Tasks(), target, {});
      return action;
    } else {
      sources.push_back(Add(job, action, Tasks(), OutputKind::kShuffle, {}));
    }
    if (random_.Chance(0.25)) sources.push_back(Add(job, action, Tasks(), OutputKind::kShuffle, {}));
    if (random_.Chance(0.3)) {
      const uint32_t tasks = static_cast<uint32_t>(random_.Range(1, 4));
      const OutputKind kind = random_.Chance(0.5) ? OutputKind::kCache : OutputKind::kShuffle;
      const StageId middle = Add(job, action, tasks, kind, Branch(sources, 0, tasks));
      if (kind == OutputKind::kCache) {
        cached_ = middle;
        action.final_stage = Add(job, action, tasks, target, {{middle, true, 0, tasks}});
        return action;
      }
      sources = {middle};
    }
    const uint32_t tasks = static_cast<uint32_t>(random_.Range(1, 4));
    std::vector<scheduler::StageInput> inputs = Branch(sources, 0, tasks);
    uint32_t all = tasks;
    if (random_.Chance(0.15)) {  // a union: a second branch reads another shuffle
      const StageId other =
          Add(job, action, static_cast<uint32_t>(random_.Range(1, 3)), OutputKind::kShuffle, {});
      const uint32_t more = static_cast<uint32_t>(random_.Range(1, 2));
      for (const auto& input : Branch({other}, tasks, more)) inputs.push_back(input);
      all += more;
    }
    action.final_stage = Add(job, action, all, target, inputs);
    return action;
  }

  static std::vector<scheduler::StageInput> Branch(const std::vector<StageId>& sources, TaskId first,
                                                   uint32_t tasks) {
    std::vector<scheduler::StageInput> inputs;
    for (StageId source : sources) inputs.push_back({source, false, first, tasks});
    return inputs;
  }

  JobModel MakeJob(JobId id) {
    JobModel job;
    job.id = id;
    job.seed = random_.Next();
    job.submit_ms = random_.Range(0, 800);
    next_stage_ = 0;
    cached_ = 0;
    const int64_t actions = random_.Range(1, 4);
    for (int64_t i = 1; i <= actions; ++i) job.actions.push_back(MakeAction(job, static_cast<ActionId>(i)));
    if (scenario_.faults.troubles) AddTroubles(job);
    job.leaves_early = random_.Chance(0.1);
    if (scenario_.faults.kills && random_.Chance(0.5)) job.kill_ms = job.submit_ms + random_.Range(0, 1500);
    if (scenario_.faults.publish) {
      const int64_t dice = random_.Range(0, 9);
      if (job.Writes() && dice < 6) job.publish_failure = "flaky";
      if (job.Writes() && dice == 9) job.publish_failure = "for good";
    }
    if (!scenario_.faults.unsteady) return job;
    const int64_t dice = random_.Range(0, 9);
    if (dice < 2) job.unsteady_driver = true;
    if (dice >= 2 && dice < 8) job.unsteady_stage = PickStage(job, false);
    if (dice == 8) job.unbalanced_stage = PickStage(job, true);
    return job;
  }

  StageId PickStage(const JobModel& job, bool reads) {
    std::vector<StageId> some;
    for (const auto& [id, shape] : job.stages) {
      if (shape.tasks == 0) continue;
      if (reads ? !shape.inputs.empty() : shape.inputs.empty() && job.IsHeld(id)) some.push_back(id);
    }
    return some.empty() ? 0 : some[random_.Next() % some.size()];
  }

  void AddTroubles(JobModel& job) {
    job.driver_fails = random_.Chance(0.05);
    const int64_t dice = random_.Range(0, 19);
    for (const auto& [id, shape] : job.stages) {
      for (TaskId task = 0; task < shape.tasks; ++task) {
        if (random_.Chance(0.15))
          job.troubles[{id, task}] = {TaskTrouble::kFlaky, static_cast<int>(random_.Range(1, 3))};
        if (random_.Chance(0.1))
          job.troubles[{id, task}] = {TaskTrouble::kSystem, static_cast<int>(random_.Range(1, 3))};
      }
    }
    if (dice > 5 || job.stages.empty()) return;
    const StageId stage = PickStage(job, random_.Chance(0.5));
    if (stage == 0) return;
    const auto kind = dice < 2   ? TaskTrouble::kBadInput
                      : dice < 4 ? TaskTrouble::kSameCrash
                                 : TaskTrouble::kAlwaysNew;
    job.troubles[{stage, 0}] = {kind, 0};
  }

  Random random_;
  const std::vector<std::string>& kinds_;
  Scenario scenario_;
  StageId next_stage_ = 0;
  StageId cached_ = 0;
};

}  // namespace

Scenario MakeScenario(uint64_t seed, const std::vector<std::string>& kinds) {
  return Maker(seed, kinds).Make();
}

}  // namespace millrace::sim
