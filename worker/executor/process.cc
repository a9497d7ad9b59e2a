#include "worker/executor/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/failpoint.h"
#include "worker/executor/crash.h"
#include "worker/executor/executor.h"

namespace millrace {
namespace {

constexpr uint32_t kMaxFrame = 1u << 30;

bool ReadFully(int fd, char* to, size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = read(fd, to, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

bool ReadFrame(int fd, std::string* bytes) {
  uint32_t length;
  if (!ReadFully(fd, reinterpret_cast<char*>(&length), 4) || length > kMaxFrame) return false;
  bytes->resize(length);
  return ReadFully(fd, bytes->data(), length);
}

void WriteFrame(int fd, const pb::FromExecutor& frame) {
  std::string bytes(4, '\0');
  frame.AppendToString(&bytes);
  const uint32_t length = static_cast<uint32_t>(bytes.size() - 4);
  std::memcpy(bytes.data(), &length, 4);
  const FrameLock lock;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = write(fd, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) _exit(0);  // the worker is gone: nobody wants this process any more
    done += static_cast<size_t>(wrote);
  }
}

}  // namespace

int RunExecutorProcess(int fd, const std::string& bundle_name) {
  signal(SIGPIPE, SIG_IGN);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  UseAlternateSignalStack();
  InstallCrashHandlers(fd, bundle_name);
  ExecutorOptions options;
  options.bundle_name = bundle_name;
  const auto send = [fd](pb::FromExecutor frame) {
    Failpoint("executor.send", frame);
    WriteFrame(fd, frame);
    Failpoint("executor.sent", frame);
  };
  Executor executor(send, options);
  std::string bytes;
  while (!executor.shutdown_requested() && ReadFrame(fd, &bytes)) {
    pb::ToExecutor frame;
    if (!frame.ParseFromString(bytes)) return 1;
    Failpoint("executor.got", frame);
    executor.OnFrame(std::move(frame));
  }
  // User code cannot be interrupted: a watchdog ends the process when it does not unwind.
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    _exit(0);
  }).detach();
  executor.Shutdown();
  _exit(0);
}

}  // namespace millrace
