#include "worker/executor/crash.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "common/base/sanitized.h"
#include "common/base/strings.h"
#include "common/pipeline/registry.h"
#include "worker/executor/attempt.h"

namespace millrace {
namespace {

// The sanitizers would see a real one first.
#if defined(__clang__)
constexpr bool kRealFaults = false;
#else
constexpr bool kRealFaults = !kSanitized;
#endif

volatile int* volatile nowhere = nullptr;

void Fault() {
  if (kRealFaults) *nowhere = 1;
  raise(SIGSEGV);
}

int Overflow(int n) {  // NOLINT(misc-no-recursion)
  volatile char room[4096];
  room[0] = static_cast<char>(n);
  return n == 0 ? 0 : Overflow(n + 1) + room[0];
}

// A source that crashes in the way its values say, at record 'a,"b"\n'.
void RunCrash(const OperatorArgs& args, SinkBase*) {
  const std::string& how = args.spec.values();
  args.context.current_record = "a,\"b\"\n";
  if (how == "dangling")
    args.context.current_record = std::string_view(reinterpret_cast<const char*>(64), 10);
  ++args.context.counts(args.spec.id()).in;
  if (how == "abort") std::abort();
  if (how == "stack" && kRealFaults) std::exit(Overflow(1));
  Fault();
}
uint32_t RegisterCrash() {
  OperatorFunction function;
  function.kind = "Crash";
  function.run_source = &RunCrash;
  return Registry::Get().Add(function);
}
const uint32_t kCrash = RegisterCrash();

struct Result {
  int signal = 0;
  pb::FromExecutor frame;
};

// Runs `body` in a child whose crash handler writes to a socket.
Result CrashIn(const std::function<void()>& body) {
  int sockets[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(sockets[0]);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
    UseAlternateSignalStack();
    InstallCrashHandlers(sockets[1], "test");
    body();
    _exit(0);
  }
  close(sockets[1]);
  std::string bytes;
  char buffer[4096];
  for (ssize_t got; (got = read(sockets[0], buffer, sizeof(buffer))) > 0;) bytes.append(buffer, got);
  close(sockets[0]);
  int status = 0;
  waitpid(child, &status, 0);
  Result result;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  uint32_t length = 0;
  if (bytes.size() >= 4) std::memcpy(&length, bytes.data(), 4);
  EXPECT_EQ(bytes.size(), length + 4u);
  if (bytes.size() >= 4) {
    EXPECT_TRUE(result.frame.ParseFromArray(bytes.data() + 4, static_cast<int>(length)));
  }
  return result;
}

Result CrashTask(const std::string& how) {
  AttemptSpec spec;
  spec.id.set_job(7);
  spec.id.set_stage(3);
  spec.id.set_task(2);
  spec.id.set_attempt(1);
  auto stage = std::make_shared<pb::StageSpec>();
  pb::Branch* branch = stage->mutable_stage()->add_branches();
  branch->set_tasks(5);
  branch->add_operators()->set_function(kCrash);
  branch->mutable_operators(0)->set_label("FlatMap(Boom)");
  branch->mutable_operators(0)->set_values(how);
  spec.stage = stage;
  return CrashIn([&] { Attempt(spec, AttemptPlace{}).Run(); });
}

TEST(Crash, NamesTaskOperatorSignalAndRecord) {
  const Result result = CrashTask("null");
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_EQ(result.frame.crashing().stage(), 3u);
  EXPECT_EQ(result.frame.crashing().task(), 2u);
  EXPECT_EQ(result.frame.crashing().attempt(), 1u);
  const pb::ErrorInfo& error = result.frame.crash_error();
  EXPECT_EQ(error.kind(), pb::ErrorInfo::USER_CODE);
  EXPECT_EQ(error.signal(), SIGSEGV);
  EXPECT_EQ(error.operator_label(), "FlatMap(Boom)");
  EXPECT_EQ(error.record(), "'a,\"b\"\\x0a'");
  EXPECT_EQ(error.message(),
            "operator FlatMap(Boom) crashed with SIGSEGV (invalid memory access); record 'a,\"b\"\\x0a'");
}

TEST(Crash, ARecordThatIsGoneDoesNotHideTheCrash) {
  const Result result = CrashTask("dangling");
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_EQ(result.frame.crashing().task(), 2u);
  EXPECT_EQ(result.frame.crash_error().record(), "");
}

TEST(Crash, AbortAndAFullStack) {
  EXPECT_EQ(CrashTask("abort").frame.crash_error().signal(), SIGABRT);
  const Result stack = CrashTask("stack");
  EXPECT_EQ(stack.signal, SIGSEGV);
  EXPECT_EQ(stack.frame.crashing().task(), 2u);
}

TEST(Crash, ADriverThatCrashesHasFinishedItsJob) {
  const Result result = CrashIn([] {
    const CrashScope scope(7, 12);
    Fault();
  });
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_FALSE(result.frame.has_crashing());
  EXPECT_EQ(result.frame.driver_finished().job(), 7u);
  EXPECT_EQ(result.frame.driver_finished().driver_epoch(), 12u);
  EXPECT_EQ(result.frame.driver_finished().error().message(),
            "the job function crashed with SIGSEGV (invalid memory access)");
}

}  // namespace
}  // namespace millrace
