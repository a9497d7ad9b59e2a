#include "jobs/ml/logistic_regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace millrace::ml {
namespace {

constexpr double kCancelled = 1e-11;  // of the gradient's terms
constexpr double kEnough = 1e-4;      // of the decrease that the slope promises (Armijo)
constexpr uint32_t kMaxHalvings = 60;

// The loss and its derivatives by (w, b) over some rows.
struct LossTally {
  CompensatedSum loss;
  std::vector<double> gradient;  // d + 1, the intercept last
  std::vector<double> terms;     // sums of the magnitudes of what the gradient adds up
  std::vector<double> hessian;   // lower triangle, row by row
};
MR_RECORD(LossTally, MR_NAMED(loss), MR_NAMED(gradient), MR_NAMED(terms), MR_NAMED(hessian))

void AddTo(const std::vector<double>& from, std::vector<double>* into) {
  for (size_t i = 0; i < from.size(); ++i) (*into)[i] += from[i];
}

struct AddLosses {
  void operator()(LossTally& into, const LossTally& more) const {
    into.loss.Add(more.loss);
    AddTo(more.gradient, &into.gradient);
    AddTo(more.terms, &into.terms);
    AddTo(more.hessian, &into.hessian);
  }
};

// Plain loops along rows: each number is a sum in the order of the rows, whatever the vectors.
LossTally TallyLoss(const LogisticModel& at, const SampleBlock& block) {
  const size_t d = block.features.columns;
  LossTally tally{{}, std::vector<double>(d + 1), std::vector<double>(d + 1), {}};
  tally.hessian.resize((d + 1) * (d + 2) / 2);
  std::vector<double> z(d + 1, 1.0);
  for (uint32_t r = 0; r < block.features.rows; ++r) {
    const double* row = block.features.row(r);
    double score = at.intercept;
    for (size_t i = 0; i < d; ++i) {
      z[i] = (row[i] - at.shift[i]) * at.factor[i];
      score += at.coefficients[i] * z[i];
    }
    const double t = block.targets[r] > 0 ? 1 : -1, margin = t * score;
    tally.loss.Add(margin > 0 ? std::log1p(std::exp(-margin)) : std::log1p(std::exp(margin)) - margin);
    const double miss = Probability(-margin), weight = miss * Probability(margin);
    double* hessian = tally.hessian.data();
    for (size_t i = 0; i <= d; ++i) {
      tally.gradient[i] -= t * miss * z[i];
      tally.terms[i] += miss * std::abs(z[i]);
      const double wz = weight * z[i];
      for (size_t j = 0; j <= i; ++j) hessian[j] += wz * z[j];
      hessian += i + 1;
    }
  }
  return tally;
}

// The search after some passes.
struct NewtonState {
  LogisticModel best;   // the lowest objective so far
  LogisticModel trial;  // where the next pass looks
  std::vector<double> direction;
  double step = 1, slope = 0;
  uint64_t passes = 0;
  bool converged = false, stuck = false;
};
MR_RECORD(NewtonState, MR_NAMED(best), MR_NAMED(trial), MR_NAMED(direction), MR_NAMED(step), MR_NAMED(slope),
          MR_NAMED(passes), MR_NAMED(converged), MR_NAMED(stuck))

std::vector<double> Parameters(const LogisticModel& model) {
  std::vector<double> all = model.coefficients;
  all.push_back(model.intercept);
  return all;
}

// best + step * direction.
void SetTrial(NewtonState* state) {
  const size_t d = state->best.coefficients.size();
  state->trial.coefficients = state->best.coefficients;
  for (size_t i = 0; i < d; ++i) state->trial.coefficients[i] += state->step * state->direction[i];
  state->trial.intercept = state->best.intercept + state->step * state->direction[d];
}

// The whole objective at state->trial, its gradient and the size of the gradient's terms.
struct Objective {
  double value = 0, terms = 0;
  Eigen::VectorXd gradient;
  Eigen::MatrixXd hessian;
};

Objective MakeObjective(const LogisticModel& at, const LossTally& tally, const LogisticOptions& options) {
  const std::vector<double> parameters = Parameters(at);
  const auto n = static_cast<Eigen::Index>(parameters.size());
  Objective objective{0, 0, Eigen::VectorXd(n), Eigen::MatrixXd(n, n)};
  double penalty = 0;
  const double* hessian = tally.hessian.data();
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto p = static_cast<size_t>(i);
    const double penalised = i + 1 < n || options.penalise_intercept ? 1 : 0;
    const double own = penalised * parameters[p];
    penalty += own * own;
    objective.gradient[i] = own + options.c * tally.gradient[p];
    objective.terms = std::max(objective.terms, std::abs(own) + options.c * tally.terms[p]);
    for (Eigen::Index j = 0; j <= i; ++j)
      objective.hessian(i, j) = objective.hessian(j, i) = options.c * *hessian++ + (i == j ? penalised : 0);
  }
  objective.value = penalty / 2 + options.c * tally.loss.Total();
  return objective;
}

// Takes the trial for the best point and sets out from it.
void Accept(const Objective& objective, NewtonState* state) {
  std::vector<double> objectives = std::move(state->best.objectives);
  objectives.push_back(objective.value);
  state->best = state->trial;
  state->best.objectives = std::move(objectives);
  state->best.objective = objective.value;
  state->best.largest_gradient_entry = objective.gradient.cwiseAbs().maxCoeff();
  state->converged = state->best.largest_gradient_entry <= kCancelled * objective.terms;
  if (state->converged) return;
  const Eigen::LDLT<Eigen::MatrixXd> solver(objective.hessian);
  const Eigen::VectorXd direction = solver.solve(-objective.gradient);
  state->slope = objective.gradient.dot(direction);
  state->stuck = solver.info() != Eigen::Success || !direction.allFinite() || !(state->slope < 0);
  state->direction.assign(direction.data(), direction.data() + direction.size());
  state->step = 1;
  ++state->best.iterations;
  SetTrial(state);
  state->trial.iterations = state->best.iterations;
  state->trial.halvings = state->best.halvings;
}

// One pass: moves on, or back half the way. False when the search is over.
bool NewtonStep(const Samples& samples, const LogisticOptions& options, NewtonState* state) {
  const LossTally tally =
      samples.Train()
          .Map(
              With(state->trial),
              [](const LogisticModel& at, const SampleBlock& block) { return TallyLoss(at, block); }, "Loss")
          .Aggregate(AddLosses{});
  const Objective objective = MakeObjective(state->trial, tally, options);
  const double rounding = 1e-13 * std::abs(state->best.objective);
  const bool lower =
      objective.value <= state->best.objective + kEnough * state->step * state->slope + rounding;
  if (state->passes++ == 0 || lower) {
    Accept(objective, state);
    return !state->converged && !state->stuck && state->best.iterations <= options.max_iterations;
  }
  state->step /= 2;
  state->stuck = ++state->trial.halvings > state->best.halvings + kMaxHalvings;
  const uint64_t halvings = state->trial.halvings;
  SetTrial(state);
  state->trial.halvings = halvings;
  return !state->stuck;
}

struct ClassTally {
  uint64_t negatives = 0, positives = 0, others = 0;
  double other = 0;
  uint64_t other_row = 0;
};
MR_RECORD(ClassTally, MR_NAMED(negatives), MR_NAMED(positives), MR_NAMED(others), MR_NAMED(other),
          MR_NAMED(other_row))

struct AddClasses {
  void operator()(ClassTally& into, const ClassTally& more) const {
    into.negatives += more.negatives;
    into.positives += more.positives;
    if (into.others == 0) {
      into.other = more.other;
      into.other_row = more.other_row;
    }
    into.others += more.others;
  }
};

ClassTally CountClasses(const Dataset<SampleBlock>& blocks) {
  return blocks
      .Map(
          [](const SampleBlock& block) {
            ClassTally tally;
            for (uint32_t i = 0; i < block.features.rows; ++i) {
              const double target = block.targets[i];
              if (target == 0) ++tally.negatives;
              if (target == 1) ++tally.positives;
              if (target != 0 && target != 1 && tally.others++ == 0) {
                tally.other = target;
                tally.other_row = block.numbers[i];
              }
            }
            return tally;
          },
          "Classes")
      .Aggregate(AddClasses{});
}

void CheckClasses(Job& job, const Samples& samples) {
  const ClassTally all = CountClasses(samples.blocks);
  if (all.others > 0)
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat("the target '", samples.target, "' is ", all.other, " in row ",
                                              all.other_row, " (counted from 0); a class is 0 or 1"));
  const ClassTally train = samples.HasTest() ? CountClasses(samples.Train()) : all;
  if (train.negatives == 0 || train.positives == 0)
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat("the target '", samples.target, "' is ", train.positives > 0 ? 1 : 0, " in all ",
                    samples.train_rows, samples.train_rows == 1 ? " train row" : " train rows",
                    "; two classes are needed to tell them apart"));
}

}  // namespace

double Probability(double score) {
  if (score >= 0) return 1 / (1 + std::exp(-score));
  const double e = std::exp(score);
  return e / (1 + e);
}

double LogisticModel::Score(const double* row) const {
  double sum = intercept;
  for (size_t i = 0; i < coefficients.size(); ++i) sum += coefficients[i] * ((row[i] - shift[i]) * factor[i]);
  return sum;
}

ScaleParameters FitTrainScaler(const Samples& samples) {
  return FitScaler(samples.Train().Map([](const SampleBlock& block) { return block.features; }, "Features"),
                   samples.names.size(), samples.train_rows, Scaling::kStandardPopulation);
}

LogisticModel FitLogistic(Job& job, const Samples& samples, std::vector<double> shift,
                          std::vector<double> factor, const LogisticOptions& options) {
  if (!(options.c > 0) || !std::isfinite(options.c))
    job.Fail(StrCat("--c=", options.c, ": the weight of the loss is a number above 0"));
  CheckClasses(job, samples);
  NewtonState state;
  state.trial.shift = std::move(shift);
  state.trial.factor = std::move(factor);
  state.trial.coefficients.assign(samples.names.size(), 0.0);
  if (!options.start.empty()) {
    if (options.start.size() != samples.names.size() + 1)
      job.Fail(pb::ErrorInfo::USER_CODE,
               "the start of a logistic regression has one number per feature and one more");
    state.trial.coefficients.assign(options.start.begin(), options.start.end() - 1);
    state.trial.intercept = options.start.back();
  }
  const uint64_t max_passes = uint64_t{options.max_iterations} * (kMaxHalvings + 2) + 1;
  state = job.Loop("newton", state, max_passes,
                   [&](NewtonState& s, uint64_t) { return NewtonStep(samples, options, &s); });
  if (!state.converged)
    job.Fail(pb::ErrorInfo::BAD_INPUT,
             StrCat("logistic regression has not converged after ",
                    std::min<uint64_t>(state.best.iterations, options.max_iterations),
                    " iterations: the largest entry of the gradient is ", state.best.largest_gradient_entry,
                    "; raise --max-iterations, or lower --c, which at ", options.c,
                    " leaves the coefficients nearly free"));
  return state.best;
}

Dataset<Scored> ScoreSamples(const Samples& samples, const LogisticModel& model) {
  return samples.Evaluated().FlatMap<Scored>(
      With(model),
      [](const LogisticModel& m, const SampleBlock& block, Emitter<Scored>& out) {
        Scored scored;
        for (uint32_t i = 0; i < block.features.rows; ++i) {
          scored.row = block.numbers[i];
          if (!block.features.ids.empty()) scored.id = block.features.ids[i];
          scored.positive = block.targets[i] > 0;
          scored.score = m.Score(block.features.row(i));
          scored.probability = Probability(scored.score);
          out(scored);
        }
      },
      "Score");
}

}  // namespace millrace::ml
