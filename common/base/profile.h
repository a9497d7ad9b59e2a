// The numeric profile: what this machine's libm and linear algebra do with the last bits. Results have
// the same bytes on all machines of one profile; a job never runs on workers of two.
#pragma once

#include <string>

namespace millrace {

struct NumericProfile {
  std::string digest;  // 16 hexadecimal digits
  std::string text;    // one line for people: CPU features and glibc that lead to it
};

// Fixes the cache sizes Eigen blocks its products by (they would come from the CPU and change last bits).
// Every process that computes calls it, or GetNumericProfile, first thing.
void InitNumerics();

// Computed once from probes of libm, Eigen kernels and the floating point state; well under 2 ms.
const NumericProfile& GetNumericProfile();

// Empty, or the sentence that says why this CPU cannot run Millrace (x86-64-v3 is needed).
std::string CheckCpu();

}  // namespace millrace
