// A very small executor for process_launcher_test: does what the name of the job tells it.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "proto/executor.pb.h"

extern char** environ;

namespace {

bool ReadFully(char* to, size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = read(3, to, bytes);
    if (got <= 0) return false;
    to += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

void Say(const millrace::pb::FromExecutor& frame) {
  std::string bytes(4, '\0');
  frame.AppendToString(&bytes);
  const uint32_t length = static_cast<uint32_t>(bytes.size() - 4);
  std::memcpy(bytes.data(), &length, 4);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = write(3, bytes.data() + done, bytes.size() - done);
    if (wrote <= 0) _exit(9);
    done += static_cast<size_t>(wrote);
  }
}

void SayText(const std::string& text) {
  millrace::pb::FromExecutor frame;
  frame.mutable_hello()->set_bundle_name(text);
  Say(frame);
}

void Obey(const std::string& order) {
  if (order == "environment") {
    std::string text;
    for (char** entry = environ; *entry != nullptr; ++entry) text += std::string(*entry) + "\n";
    return SayText(text);
  }
  if (order == "descriptors") {
    std::string text;
    for (int fd = 0; fd < 200; ++fd) {
      if (lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF) text += std::to_string(fd) + " ";
    }
    return SayText(text);
  }
  if (order == "print") {
    fprintf(stderr, "one\ntwo");
    return;
  }
  if (order == "exit") _exit(5);
  if (order == "crash") {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer has a handler of its own
    raise(SIGSEGV);
  }
  if (order == "child") {  // a child that would outlive it
    const pid_t child = fork();
    if (child == 0) {
      while (true) pause();
    }
    SayText(std::to_string(child));
    _exit(0);
  }
  if (order == "heap") {
    size_t bytes = 0;
    try {
      while (true) {
        char* block = new char[1 << 20];
        std::memset(block, 1, 1 << 20);
        bytes += 1 << 20;
      }
    } catch (const std::bad_alloc&) {
      return SayText(bytes < (64u << 20) ? "out of memory" : "too much");
    }
  }
  if (order == "talk") {
    for (int i = 0; i < 2000; ++i) SayText(std::string(1000, 'x'));
    return SayText("done");
  }
  SayText(order);  // an echo
}

}  // namespace

int main() {
  while (true) {
    uint32_t length;
    if (!ReadFully(reinterpret_cast<char*>(&length), 4)) return 0;
    std::string bytes(length, '\0');
    millrace::pb::ToExecutor frame;
    if (!ReadFully(bytes.data(), length) || !frame.ParseFromString(bytes)) return 1;
    if (frame.shutdown()) return 0;
    if (frame.has_setup()) Obey(frame.setup().job_name());
  }
}
