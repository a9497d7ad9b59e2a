#include "worker/executor/crash.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "common/base/strings.h"
#include "worker/executor/attempt.h"

namespace millrace {

struct CrashScope::State {
  const Attempt* attempt = nullptr;  // null: the driver
  const char* prefix = nullptr;      // serialised fields of the frame before the error
  size_t prefix_bytes = 0;
};

namespace {

constexpr size_t kMaxRecord = 200;
constexpr size_t kMaxFrame = 4096;
constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

thread_local CrashScope::State* current = nullptr;
std::atomic<int> frame_lock{0};
std::atomic<int> crashed{0};
int crash_fd = -1;
std::atomic<int>* said_flag = nullptr;
int probe_pipe[2] = {-1, -1};
char program_name[64] = "millrace";

const char* SignalMeaning(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV (invalid memory access)";
    case SIGBUS:
      return "SIGBUS (invalid memory access)";
    case SIGFPE:
      return "SIGFPE (division by zero or overflow)";
    case SIGILL:
      return "SIGILL (illegal instruction)";
    case SIGABRT:
      return "SIGABRT (abort or uncaught exception)";
    default:
      return "a signal";
  }
}

// Bytes put together without the heap, cut off when full.
struct Buffer {
  char data[kMaxFrame];
  size_t size = 0;
  void Put(const char* bytes, size_t count) {
    if (count > sizeof(data) - size) count = sizeof(data) - size;
    std::memcpy(data + size, bytes, count);
    size += count;
  }
  void Text(const char* text) { Put(text, std::strlen(text)); }
  void Varint(uint64_t value) {
    char bytes[10];
    size_t count = 0;
    do {
      bytes[count++] = static_cast<char>((value & 127) | (value > 127 ? 128 : 0));
      value >>= 7;
    } while (value != 0);
    Put(bytes, count);
  }
  void Field(uint32_t number, const char* bytes, size_t count) {  // length-delimited
    Varint(number << 3 | 2);
    Varint(count);
    Put(bytes, count);
  }
  void Field(uint32_t number, uint64_t value) {
    Varint(number << 3);
    Varint(value);
  }
};

// Copies user memory that may be gone: write(2) refuses bad addresses instead of faulting.
size_t CopyIfReadable(const char* from, size_t bytes, char* to) {
  if (from == nullptr || bytes == 0 || probe_pipe[1] < 0) return 0;
  const ssize_t in_pipe = write(probe_pipe[1], from, bytes);
  if (in_pipe <= 0) return 0;
  const ssize_t copied = read(probe_pipe[0], to, static_cast<size_t>(in_pipe));
  return copied > 0 ? static_cast<size_t>(copied) : 0;
}

// Printable, in quotes.
void PutRecord(Buffer* out, std::string_view record) {
  char raw[kMaxRecord];
  const size_t bytes = CopyIfReadable(record.data(), std::min(record.size(), kMaxRecord), raw);
  if (bytes == 0) return;
  out->Text("'");
  for (size_t i = 0; i < bytes; ++i) {
    const unsigned char c = static_cast<unsigned char>(raw[i]);
    if (c >= 32 && c < 127) {
      out->Put(raw + i, 1);
    } else {
      const char* hex = "0123456789abcdef";
      const char escaped[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
      out->Put(escaped, 4);
    }
  }
  out->Text(record.size() > kMaxRecord ? "...'" : "'");
}

void PutSentence(Buffer* out, const char* label, int signal, const Buffer& record) {
  if (*label != 0) {
    out->Text("operator ");
    out->Text(label);
  } else {
    out->Text("the job function");
  }
  out->Text(" crashed with ");
  out->Text(SignalMeaning(signal));
  if (record.size > 0) {
    out->Text("; record ");
    out->Put(record.data, record.size);
  }
}

Buffer error_buffer, sentence_buffer, record_buffer, finished_buffer, frame_buffer;  // one crash at a time

// FromExecutor{crashing, crash_error}, or {driver_finished{job, epoch, error}}.
void WriteFrame(int signal, const char* label, const CrashScope::State& state) {
  Buffer& error = error_buffer;
  error.Field(1, pb::ErrorInfo::USER_CODE);
  error.Field(2, sentence_buffer.data, sentence_buffer.size);
  error.Field(3, label, std::strlen(label));
  error.Field(4, record_buffer.data, record_buffer.size);
  error.Field(5, static_cast<uint64_t>(signal));
  Buffer& frame = frame_buffer;
  frame.size = 4;  // the length goes here
  if (state.attempt != nullptr) {
    frame.Field(7, state.prefix, state.prefix_bytes);
    frame.Field(8, error.data, error.size);
  } else {
    finished_buffer.Put(state.prefix, state.prefix_bytes);
    finished_buffer.Field(3, error.data, error.size);
    frame.Field(5, finished_buffer.data, finished_buffer.size);
  }
  const uint32_t length = static_cast<uint32_t>(frame.size - 4);
  std::memcpy(frame.data, &length, 4);
  for (int tries = 0; frame_lock.exchange(1, std::memory_order_acquire) != 0; ++tries) {
    if (tries == 200) return;
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  size_t done = 0;
  while (done < frame.size) {
    const ssize_t wrote = write(crash_fd, frame.data + done, frame.size - done);
    if (wrote <= 0) break;
    done += static_cast<size_t>(wrote);
  }
}

void OnCrash(int signal, siginfo_t*, void*) {
  if (crashed.exchange(1) != 0) {  // another thread crashes already, or the handler itself did
    const timespec pause = {1, 0};
    nanosleep(&pause, nullptr);
    _exit(128 + signal);
  }
  static const CrashScope::State nobody;
  const CrashScope::State& state = current != nullptr ? *current : nobody;
  const char* label = state.attempt != nullptr ? state.attempt->CulpritLabel() : "";
  if (state.attempt != nullptr) PutRecord(&record_buffer, state.attempt->current_record);
  PutSentence(&sentence_buffer, label, signal, record_buffer);
  if (crash_fd >= 0 && current != nullptr) WriteFrame(signal, label, state);
  static Buffer line;
  line.Text(program_name);
  line.Text(": ");
  if (current != nullptr) {
    line.Put(sentence_buffer.data, sentence_buffer.size);
  } else {
    line.Text("crashed with ");
    line.Text(SignalMeaning(signal));
  }
  if (said_flag != nullptr) line.Text("; no output was kept");
  line.Text("\n");
  if (write(STDERR_FILENO, line.data, line.size) < 0) _exit(128 + signal);
  if (said_flag != nullptr) said_flag->store(1);
  if (crash_fd >= 0 || current == nullptr) {  // goes to the log of the job; by hand the sentence is enough
    void* frames[64];
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  }
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal);
}

}  // namespace

CrashScope::CrashScope(const Attempt* attempt) : previous_(current), state_(std::make_unique<State>()) {
  prefix_ = attempt->id().SerializeAsString();
  state_->attempt = attempt;
  Enter();
}

CrashScope::CrashScope(uint64_t job, uint64_t driver_epoch)
    : previous_(current), state_(std::make_unique<State>()) {
  pb::DriverFinished finished;
  finished.set_job(job);
  finished.set_driver_epoch(driver_epoch);
  prefix_ = finished.SerializeAsString();
  Enter();
}

void CrashScope::Enter() {
  state_->prefix = prefix_.data();
  state_->prefix_bytes = prefix_.size();
  current = state_.get();
}

CrashScope::~CrashScope() { current = previous_; }

void UseAlternateSignalStack() {
  constexpr size_t kBytes = 64 * 1024;
  // One per thread, freed with it.
  struct Owner {
    ~Owner() {
      if (memory == nullptr) return;
      stack_t off = {};
      off.ss_flags = SS_DISABLE;
      sigaltstack(&off, nullptr);
      munmap(memory, kBytes);
    }
    void* memory = nullptr;
  };
  thread_local Owner owner;
  if (owner.memory != nullptr) return;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = kBytes;
  if (sigaltstack(&stack, nullptr) != 0) {
    munmap(memory, kBytes);
    return;
  }
  owner.memory = memory;
}

void InstallCrashHandlers(int fd, const std::string& program, std::atomic<int>* said) {
  crash_fd = fd;
  said_flag = said;
  const size_t bytes = std::min(program.size(), sizeof(program_name) - 1);
  std::memcpy(program_name, program.data(), bytes);
  program_name[bytes] = 0;
  if (probe_pipe[0] < 0 && pipe2(probe_pipe, O_CLOEXEC | O_NONBLOCK) != 0) probe_pipe[0] = probe_pipe[1] = -1;
  if (fd >= 0) {  // loads what backtrace() needs now: the handler must not
    void* frames[2];
    backtrace(frames, 2);
  }
  struct sigaction action = {};
  action.sa_sigaction = OnCrash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

FrameLock::FrameLock() {
  while (frame_lock.exchange(1, std::memory_order_acquire) != 0) {
    const timespec pause = {0, 10'000};
    nanosleep(&pause, nullptr);
  }
}

FrameLock::~FrameLock() { frame_lock.store(0, std::memory_order_release); }

void RaiseHeapLimit() {
  rlimit data;
  if (getrlimit(RLIMIT_DATA, &data) != 0 || data.rlim_cur == RLIM_INFINITY) return;
  data.rlim_cur = std::min<rlim_t>(data.rlim_max, data.rlim_cur + (256 << 20));
  setrlimit(RLIMIT_DATA, &data);
}

const char* SignalName(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    case SIGABRT:
      return "SIGABRT";
    case SIGKILL:
      return "SIGKILL";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "another signal";
  }
}

std::string CrashSentence(const std::string& operator_label, int signal, const std::string& record) {
  Buffer out, quoted;
  quoted.Text(record.c_str());
  PutSentence(&out, operator_label.c_str(), signal, quoted);
  return std::string(out.data, out.size);
}

}  // namespace millrace
