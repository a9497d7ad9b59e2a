// Keeps executors of recently used bundles started and waiting, so that the next job does not wait for exec,
// relocation and the probes of the numeric profile.
#pragma once

#include <cstddef>
#include <memory>

#include "worker/agent/launcher.h"

namespace millrace {

// Wraps `inner`, which must outlive it. When an executor ends after a clean shutdown, another process of its
// bundle is started, up to `count` in all (the bundle used longest ago gives way). A launch of that bundle
// with the same heap limit takes the waiting process, which has served no other job; one that died while it
// waited is passed over. Every executor still belongs to one job. `inner` must not look at spec.job or
// spec.setup but for log lines. count = 0: every launch goes straight to `inner`.
std::unique_ptr<ExecutorLauncher> MakeStandbyLauncher(ExecutorLauncher* inner, size_t count);

}  // namespace millrace
