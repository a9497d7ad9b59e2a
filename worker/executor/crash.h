// When user code takes the process down (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, a full stack), the handler
// says which task did it before the process dies: the crash is charged to that task only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "proto/executor.pb.h"

namespace millrace {

class Attempt;

// What the calling thread works on, for the handler. Nests; costs a serialisation of the id.
class CrashScope {
 public:
  explicit CrashScope(const Attempt* attempt);
  // The driver thread: a crash ends the job with DriverFinished.
  CrashScope(uint64_t job, uint64_t driver_epoch);
  ~CrashScope();
  CrashScope(const CrashScope&) = delete;
  CrashScope& operator=(const CrashScope&) = delete;

  struct State;

 private:
  void Enter();
  State* previous_;
  std::string prefix_;
  std::unique_ptr<State> state_;
};

// Gives the calling thread a stack of its own for signal handlers, so that a full stack can be told.
void UseAlternateSignalStack();

// Where the handler writes: `fd` with a length-prefixed FromExecutor frame (process mode), or, with fd < 0,
// one sentence for people on stderr. `program` begins that sentence. The frame is written only when the lock
// of FrameLock is free (or after 200 ms: then the frame is lost, and the process's death speaks). `said`,
// when given, is set to 1 after that sentence (memory shared with a parent, for instance).
void InstallCrashHandlers(int fd, const std::string& program, std::atomic<int>* said = nullptr);

// Held while a frame is written to the descriptor above.
class FrameLock {
 public:
  FrameLock();
  ~FrameLock();
};

// User code took all the heap that the process may have (RLIMIT_DATA): 256 MiB more, as far as the hard limit
// allows, let the rest of the process end in order.
void RaiseHeapLimit();

// "SIGSEGV", ...; "another signal" for others.
const char* SignalName(int signal);
// "crashed with SIGSEGV (invalid memory access)".
std::string CrashSentence(const std::string& operator_label, int signal, const std::string& record);

}  // namespace millrace
