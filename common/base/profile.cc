#include "common/base/profile.h"

#include <gnu/libc-version.h>

#include <Eigen/Dense>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/base/random.h"
#include "common/base/sha256.h"
#include "common/base/strings.h"

namespace millrace {

namespace {
// Variants of a libm function (with FMA, without) differ in the last bit of few results: enough
// inputs that every variant that exists shows.
constexpr int kInputs = 512;

class Probe {
 public:
  void Add(double value) { values_.push_back(value); }
  void AddMatrix(const Eigen::MatrixXd& matrix) {
    values_.insert(values_.end(), matrix.data(), matrix.data() + matrix.size());
  }
  std::string Digest() const {
    return Sha256Hex({reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(double)})
        .substr(0, 16);
  }

 private:
  std::vector<double> values_;
};

void ProbeLibm(Probe* probe) {
  Random random(20230103);
  for (int i = 0; i < kInputs; ++i) {
    const double unit = random.Double();    // [0, 1)
    const double wide = (unit - 0.5) * 60;  // [-30, 30)
    const double positive = std::ldexp(1 + random.Double(), static_cast<int>(random.Between(-40, 40)));
    probe->Add(std::exp(wide));
    probe->Add(std::exp2(wide));
    probe->Add(std::expm1(unit));
    probe->Add(std::log(positive));
    probe->Add(std::log1p(unit));
    probe->Add(std::log2(positive));
    probe->Add(std::log10(positive));
    probe->Add(std::pow(positive, wide / 8));
    probe->Add(std::sin(wide));
    probe->Add(std::cos(wide));
    probe->Add(std::tan(wide));
    probe->Add(std::atan(wide));
    probe->Add(std::atan2(wide, positive));
    probe->Add(std::asin(unit));
    probe->Add(std::acos(unit));
    probe->Add(std::sinh(wide / 8));
    probe->Add(std::tanh(wide / 8));
    probe->Add(std::cbrt(wide));
    probe->Add(std::hypot(wide, positive));
    probe->Add(std::lgamma(positive));
    probe->Add(std::erf(wide / 8));
    probe->Add(std::sqrt(positive));
    probe->Add(::expf(static_cast<float>(wide)));
    probe->Add(::logf(static_cast<float>(positive)));
    probe->Add(::powf(static_cast<float>(positive), static_cast<float>(wide / 8)));
    probe->Add(::sinf(static_cast<float>(wide)));
  }
}

// Rounding mode, denormals (flush to zero) and contraction, none of which the compiler may fold.
void ProbeArithmetic(Probe* probe) {
  volatile double third = 1.0 / 3, tiny = 3e-310, one = 1;
  probe->Add(one + 0x1.0p-53);
  probe->Add(-one - 0x1.8p-53);
  probe->Add(tiny * third);
  probe->Add(third * third - 1.0 / 9);
}

Eigen::MatrixXd Fill(int rows, int columns, uint64_t seed) {
  Random random(seed);
  Eigen::MatrixXd out(rows, columns);
  for (int i = 0; i < out.size(); ++i) out.data()[i] = random.Double() - 0.5;
  return out;
}

// Long enough in the inner dimension to be cut into blocks, odd enough to meet the edges of kernels.
void ProbeEigen(Probe* probe) {
  const Eigen::MatrixXd a = Fill(13, 1001, 1), b = Fill(1001, 9, 2), square = Fill(24, 24, 3);
  probe->AddMatrix(a * b);
  probe->AddMatrix(a * b.col(0));
  probe->AddMatrix(a.rowwise().sum());
  probe->Add(b.squaredNorm());
  probe->Add(a.row(0).dot(a.row(1)));
  const Eigen::MatrixXd normal = square * square.transpose() + 24 * Eigen::MatrixXd::Identity(24, 24);
  probe->AddMatrix(normal.llt().solve(square));
  probe->AddMatrix(square.householderQr().solve(Eigen::MatrixXd::Identity(24, 2)));
  probe->AddMatrix((square.array() * 8).exp().matrix());
  probe->AddMatrix(square.array().abs().log().matrix());
}

__attribute__((target("arch=x86-64"))) std::string FeatureText() {
  std::string text = StrCat("glibc ", gnu_get_libc_version());
  text += __builtin_cpu_supports("fma") ? ", fma" : ", no fma";
  text += __builtin_cpu_supports("avx2") ? ", avx2" : ", no avx2";
  text += __builtin_cpu_supports("avx512f") ? ", avx512" : ", no avx512";
  const char* tunables = std::getenv("GLIBC_TUNABLES");  // may hide features from libm
  if (tunables != nullptr && *tunables != '\0') text += StrCat(", GLIBC_TUNABLES=", tunables);
  return text;
}
}  // namespace

void InitNumerics() { Eigen::setCpuCacheSizes(32 * 1024, 512 * 1024, 4 * 1024 * 1024); }

const NumericProfile& GetNumericProfile() {
  static const NumericProfile profile = [] {
    InitNumerics();
    Probe probe;
    ProbeLibm(&probe);
    ProbeArithmetic(&probe);
    ProbeEigen(&probe);
    NumericProfile out;
    out.digest = probe.Digest();
    out.text = StrCat(FeatureText(), ", Eigen ", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".",
                      EIGEN_MINOR_VERSION);
    return out;
  }();
  return profile;
}

// Runs before anything that may use the instructions it asks for.
__attribute__((target("arch=x86-64"))) std::string CheckCpu() {
  __builtin_cpu_init();
  const char* missing = nullptr;
  if (!__builtin_cpu_supports("avx2")) missing = "AVX2";
  if (!__builtin_cpu_supports("fma")) missing = "FMA";
  if (!__builtin_cpu_supports("bmi")) missing = "BMI1";
  if (!__builtin_cpu_supports("bmi2")) missing = "BMI2";
  if (missing == nullptr) return "";
  return StrCat("this CPU has no ", missing,
                ", but Millrace is built for x86-64-v3 (Intel Haswell or AMD Excavator and later): run it on "
                "a newer machine");
}

}  // namespace millrace
