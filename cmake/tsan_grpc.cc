// Only in the tsan preset: tells the sanitizer what gRPC promises. Debian's gRPC is not instrumented, so that
// the order between an operation's start and its completion, which gRPC makes by atomics of its own, is not
// seen, and reactors whose reactions run on gRPC's threads would look like races with whoever started the
// operation. Per operation (its tag), and for the end of a reactor; nothing more: two operations of one
// stream have no order by this.
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>
#include <sanitizer/tsan_interface.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <thread>

extern "C" char __executable_start, etext;  // NOLINT(bugprone-reserved-identifier): the linker's

namespace {

using Functor = grpc_completion_queue_functor;
using Run = void (*)(Functor*, int);

// The functions that tags of reactors have, all of them inline in gRPC's headers and so in our own code.
// Relaxed: the sanitizer must not take this table for an order between threads.
constexpr int kRuns = 4;
std::atomic<Run> g_runs[kRuns];

template <int I>
void Completed(Functor* tag, int ok) {
  __tsan_acquire(tag);
  g_runs[I].load(std::memory_order_relaxed)(tag, ok);
}
constexpr Run kCompleted[kRuns] = {Completed<0>, Completed<1>, Completed<2>, Completed<3>};

// A tag of a reactor begins with a function, another one with the address of a table of virtual functions.
bool IsFunctor(const void* tag) {
  const char* first = *static_cast<const char* const*>(tag);
  return first >= &__executable_start && first < &etext;
}

__attribute__((no_sanitize_thread)) void Wrap(Functor* tag) {
  for (int i = 0; i < kRuns; ++i) {
    if (tag->functor_run == kCompleted[i]) return;  // used before
  }
  for (int i = 0; i < kRuns; ++i) {
    Run known = nullptr;
    if (!g_runs[i].compare_exchange_strong(known, tag->functor_run, std::memory_order_relaxed) &&
        known != tag->functor_run) {
      continue;
    }
    tag->functor_run = kCompleted[i];
    return;
  }
  std::abort();  // a new kind of tag: make the table larger
}

}  // namespace

extern "C" grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count, void* tag,
                                                 void* reserved) {
  static const auto real =
      reinterpret_cast<decltype(&grpc_call_start_batch)>(dlsym(RTLD_NEXT, "grpc_call_start_batch"));
  if (tag != nullptr) {
    if (IsFunctor(tag)) Wrap(static_cast<Functor*>(tag));
    __tsan_release(tag);
  }
  return real(call, ops, count, tag, reserved);
}

// OnDone comes after all reactions, by this count, and on another thread: one of ours instead of gRPC's,
// whose start the sanitizer sees.
void grpc::internal::ServerCallbackCall::ScheduleOnDone(bool inline_ondone) {
  static_cast<void>(callbacks_outstanding_.load(std::memory_order_acquire));
  if (inline_ondone) {
    CallOnDone();
  } else {
    std::thread([this] { CallOnDone(); }).detach();
  }
}

// The same for the client's reactors, which are called after their count has come to 0.
void grpc::internal::ClientReactor::InternalScheduleOnDone(grpc::Status status) {
  std::thread([this, status] { OnDone(status); }).detach();
}
