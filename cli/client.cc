#include "cli/client.h"

#include <arpa/inet.h>
#include <grpc/grpc.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/files.h"
#include "common/base/strings.h"
#include "common/progress/progress.h"
#include "proto/client.grpc.pb.h"

namespace millrace::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Deadline = std::chrono::system_clock::time_point;  // what gRPC takes; never printed

Deadline After(uint32_t ms) { return std::chrono::system_clock::now() + milliseconds(ms); }

using Stub = pb::Client::Stub;

pb::GetJobRequest JobRequest(const std::string& id) {
  pb::GetJobRequest request;
  request.set_id(id);
  return request;
}

// A number needs no resolver, whose start is a good part of a small call.
std::string Target(const std::string& address) {
  in_addr ignored;
  const bool number = ::inet_pton(AF_INET, address.substr(0, address.rfind(':')).c_str(), &ignored) == 1;
  return number ? "ipv4:" + address : address;
}

// A connection that stands, or -1. gRPC's own way there, over a resolver, a balancer and several threads,
// takes longer than a small job; it is taken if this one fails or breaks.
int ConnectNow(const std::string& address, uint32_t timeout_ms) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (colon == std::string::npos || ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1)
    return -1;
  to.sin_port = htons(static_cast<uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10)));
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd.valid() || ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return -1;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd.Release();
  if (errno != EINPROGRESS) return -1;
  pollfd ready = {fd.get(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  if (::poll(&ready, 1, static_cast<int>(timeout_ms)) != 1 ||
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return -1;
  }
  return fd.Release();
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  grpc::ChannelArguments arguments;
  std::mutex channel_mutex;  // guards the three below
  std::shared_ptr<grpc::Channel> channel;
  std::shared_ptr<Stub> stub;
  bool direct = false;                // one connection, gone for good when it breaks
  std::atomic<bool> answered{false};  // once, ever
  std::mutex mutex;
  std::condition_variable wake;
  bool cancelled = false;
  grpc::ClientContext* streaming = nullptr;  // the context that Cancel() must cancel

  absl::Status Unreachable() const {
    if (answered) {
      return absl::UnavailableError(ToAbsl(StrCat(
          "the coordinator at ", options.address, " went away and did not come back within ",
          options.reconnect_timeout_ms / 1000, " s (--reconnect-timeout); the job may still be running")));
    }
    return absl::UnavailableError(
        ToAbsl(StrCat("no coordinator answers at ", options.address,
                      "; start mrcoordinator there, or name another with --coordinator=HOST:PORT")));
  }

  // Never closed: mrsubmit ends with its process, and taking down gRPC's threads takes longer than a small
  // job.
  void Open(std::shared_ptr<grpc::Channel> opened, bool is_direct) {
    static auto* const kept = new std::vector<std::shared_ptr<grpc::Channel>>;
    std::lock_guard<std::mutex> lock(channel_mutex);
    kept->push_back(opened);
    stub = pb::Client::NewStub(opened);
    channel = std::move(opened);
    direct = is_direct;
  }
  void OpenChannel() {
    Open(grpc::CreateCustomChannel(Target(options.address), grpc::InsecureChannelCredentials(), arguments),
         false);
  }
  std::shared_ptr<Stub> TheStub() {
    std::lock_guard<std::mutex> lock(channel_mutex);
    return stub;
  }
  // After a call that found nobody there.
  void Lost() {
    bool was_direct;
    {
      std::lock_guard<std::mutex> lock(channel_mutex);
      was_direct = direct;
    }
    if (was_direct) OpenChannel();
  }

  bool Cancelled() {
    std::lock_guard<std::mutex> lock(mutex);
    return cancelled;
  }

  // Waits in small steps so that Cancel() is heard.
  bool WaitConnected(steady_clock::time_point until) {
    std::shared_ptr<grpc::Channel> waited;
    {
      std::lock_guard<std::mutex> lock(channel_mutex);
      if (direct) return !Cancelled();
      waited = channel;
    }
    waited->GetState(true);
    while (!Cancelled()) {
      auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now()).count();
      if (left <= 0) return false;
      if (waited->WaitForConnected(After(static_cast<uint32_t>(std::min<int64_t>(left, 100))))) return true;
    }
    return false;
  }

  // Runs `call` until its status is something else than unavailable, or the time is up. Only calls that may
  // be repeated come here: all of ours are (Submit carries its own name).
  absl::Status Retry(const std::function<grpc::Status(grpc::ClientContext*)>& call, uint32_t call_ms) {
    const auto until = steady_clock::now() +
                       milliseconds(answered ? options.reconnect_timeout_ms : options.connect_timeout_ms);
    while (true) {
      if (!WaitConnected(until)) return Cancelled() ? absl::CancelledError("") : Unreachable();
      grpc::ClientContext context;
      context.set_deadline(After(call_ms));
      grpc::Status status = call(&context);
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE) {
        answered = true;
        if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
          return absl::InternalError(
              ToAbsl(StrCat("what answers at ", options.address, " is no mrcoordinator of this version")));
        }
        if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
          return absl::UnavailableError(
              ToAbsl(StrCat("the coordinator at ", options.address,
                            " took the call but gave no answer within ", call_ms / 1000, " s")));
        }
        return FromGrpc(status);
      }
      Lost();
      if (steady_clock::now() >= until) return Unreachable();
      Pause(50);
    }
  }

  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                             const Request& request, uint32_t call_ms) {
    Reply reply;
    absl::Status status = Retry(
        [&](grpc::ClientContext* context) { return (TheStub().get()->*method)(context, request, &reply); },
        call_ms);
    if (!status.ok()) return status;
    return reply;
  }

  void Pause(uint32_t ms) {
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, milliseconds(ms), [this] { return cancelled; });
  }

  // Reads a stream to its end; on a lost connection opens it again with `restart` told.
  template <typename Message, typename Open>
  absl::Status ReadStream(Open open, const std::function<void(bool)>& connected,
                          const std::function<void(bool first, const Message&)>& each) {
    bool lost = false;
    auto until = steady_clock::now() +
                 milliseconds(answered ? options.reconnect_timeout_ms : options.connect_timeout_ms);
    while (true) {
      if (!WaitConnected(until)) return Cancelled() ? absl::CancelledError("") : Unreachable();
      grpc::ClientContext context;
      {
        std::lock_guard<std::mutex> lock(mutex);
        if (cancelled) return absl::CancelledError("");
        streaming = &context;
      }
      auto reader = open(&context);
      Message message;
      bool first = true;
      while (reader->Read(&message)) {
        if (lost && connected) connected(true);
        lost = false;
        answered = true;
        each(first, message);
        first = false;
      }
      grpc::Status status = reader->Finish();
      {
        std::lock_guard<std::mutex> lock(mutex);
        streaming = nullptr;
        if (cancelled) return absl::CancelledError("");
      }
      // A server that shuts down cancels its streams.
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE &&
          status.error_code() != grpc::StatusCode::CANCELLED) {
        answered = true;
        return FromGrpc(status);
      }
      Lost();
      if (!lost) {
        lost = true;
        until = steady_clock::now() +
                milliseconds(answered ? options.reconnect_timeout_ms : options.connect_timeout_ms);
        if (connected) connected(false);
      }
      Pause(100);
    }
  }
};

void Client::Prepare() {
  std::thread([] { grpc_init(); }).detach();  // never shut down
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  grpc::ChannelArguments& arguments = impl_->arguments;
  // A restarted coordinator should be found at once: the default backs off to two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // a ping per message
  arguments.SetMaxReceiveMessageSize(256 << 20);
  const int fd = ConnectNow(impl_->options.address, impl_->options.connect_timeout_ms);
  if (fd < 0) {
    impl_->OpenChannel();
  } else {
    impl_->Open(grpc::CreateCustomInsecureChannelFromFd(impl_->options.address, fd, arguments), true);
  }
}

Client::~Client() = default;

const std::string& Client::address() const { return impl_->options.address; }

void Client::Cancel() {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->cancelled = true;
  if (impl_->streaming != nullptr) impl_->streaming->TryCancel();
  impl_->wake.notify_all();
}

absl::Status Client::PutBundle(const std::string& path, const std::string& hash) {
  return impl_->Retry(
      [&](grpc::ClientContext* context) {
        std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
        if (file == nullptr)
          return grpc::Status(grpc::StatusCode::NOT_FOUND, "cannot read the bundle " + path);
        std::fseek(file.get(), 0, SEEK_END);
        const long size = std::ftell(file.get());
        std::rewind(file.get());
        pb::PutBundleReply reply;
        auto writer = impl_->TheStub()->PutBundle(context, &reply);
        pb::BundleChunk chunk;
        chunk.set_hash(hash);
        chunk.set_total_bytes(static_cast<uint64_t>(size));
        std::string buffer(1 << 20, '\0');
        for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), file.get())) > 0;) {
          chunk.set_data(buffer.data(), n);
          if (!writer->Write(chunk)) break;
        }
        writer->WritesDone();
        return writer->Finish();
      },
      300000);
}

absl::StatusOr<pb::SubmitReply> Client::Submit(const pb::SubmitRequest& request) {
  return impl_->Call(&Stub::Submit, request, 60000);
}

absl::StatusOr<pb::ListJobsReply> Client::ListJobs() {
  return impl_->Call(&Stub::ListJobs, pb::ListJobsRequest(), 20000);
}

absl::StatusOr<pb::JobStatus> Client::GetJob(const std::string& id) {
  return impl_->Call(&Stub::GetJob, JobRequest(id), 20000);
}

absl::StatusOr<pb::JobStatus> Client::KillJob(const std::string& id) {
  return impl_->Call(&Stub::KillJob, JobRequest(id), 20000);
}

absl::StatusOr<pb::CountersReply> Client::GetCounters(const std::string& id) {
  return impl_->Call(&Stub::GetCounters, JobRequest(id), 20000);
}

absl::StatusOr<pb::ListWorkersReply> Client::ListWorkers() {
  return impl_->Call(&Stub::ListWorkers, pb::ListWorkersRequest(), 20000);
}

absl::Status Client::Events(const pb::EventsRequest& request,
                            const std::function<void(const pb::StoryLine&)>& line) {
  uint64_t shown = 0, seen = 0;
  return impl_->ReadStream<pb::StoryLine>(
      [&](grpc::ClientContext* context) { return impl_->TheStub()->GetEvents(context, request); }, nullptr,
      [&](bool first, const pb::StoryLine& message) {
        if (first) seen = 0;
        if (++seen > shown) {
          shown = seen;
          line(message);
        }
      });
}

absl::Status Client::Logs(const pb::LogsRequest& request,
                          const std::function<void(const pb::LogLine&)>& line) {
  uint64_t shown = 0, seen = 0;
  return impl_->ReadStream<pb::LogLine>(
      [&](grpc::ClientContext* context) { return impl_->TheStub()->GetLogs(context, request); }, nullptr,
      [&](bool first, const pb::LogLine& message) {
        if (first) seen = 0;
        if (++seen > shown) {
          shown = seen;
          line(message);
        }
      });
}

absl::Status Client::WatchJob(const std::string& id, const WatchEvents& events) {
  const pb::GetJobRequest request = JobRequest(id);
  bool ended = false;
  while (true) {
    absl::Status status = impl_->ReadStream<pb::JobStatus>(
        [&](grpc::ClientContext* context) { return impl_->TheStub()->WatchJob(context, request); },
        events.connected,
        [&](bool, const pb::JobStatus& message) {
          ended = ended || Ended(message);
          events.status(message);
        });
    // A coordinator that stops in good order ends its streams without an error: the job is what counts.
    if (!status.ok() || ended) return status;
    impl_->Pause(100);
  }
}

}  // namespace millrace::cli
