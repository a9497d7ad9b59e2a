// Only in the coverage preset (-Wl,--wrap): executors and local mode end by _exit, and crashes by raise,
// which would lose the counters of all that ran in them.
#include <csignal>

extern "C" {
void __gcov_dump(void);
void __gcov_reset(void);
[[noreturn]] void __real__exit(int code);
int __real_raise(int signal);

[[noreturn]] void __wrap__exit(int code) {
  __gcov_dump();
  __real__exit(code);
}

int __wrap_raise(int signal) {
  __gcov_dump();
  __gcov_reset();  // a handler may go on, and dump again
  return __real_raise(signal);
}
}
