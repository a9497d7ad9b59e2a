// How fast one scheduler is by itself, without messages around it.
#pragma once

#include <cstdint>

namespace millrace::sim {

// Grants and reports of three chained stages (shuffle, aligned) of `tasks` tasks each, on workers of 8 slots
// and 16 credits. 0 if not all of them ran.
double TasksPerSecond(uint32_t tasks, uint32_t workers, bool stories);

}  // namespace millrace::sim
