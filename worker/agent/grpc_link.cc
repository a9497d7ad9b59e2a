#include "worker/agent/grpc_link.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/base/write_queue.h"
#include "proto/control.grpc.pb.h"

namespace millrace {
namespace {

constexpr int kMaxMessageBytes = 512 << 20;  // results and plans travel on it
constexpr size_t kCoalesceBytes = 1 << 20;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Probing costs a ping per message; a window this large needs none.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A dead peer behind a live connection is noticed within seconds.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

bool Join(pb::WorkerMessage& last, const pb::WorkerMessage& next) {
  if (last.epoch() != next.epoch() || last.has_register_() || next.has_register_() ||
      last.ByteSizeLong() >= kCoalesceBytes) {
    return false;
  }
  if (next.has_heartbeat()) last.clear_heartbeat();  // the newer one says it all
  last.MergeFrom(next);
  return true;
}

// One connection, from its beginning to its end. gRPC's threads bring messages to the agent, which runs on
// them.
class Stream final : public grpc::ClientBidiReactor<pb::WorkerMessage, pb::CoordinatorMessage> {
 public:
  Stream(Agent* agent, std::function<void()> heard)
      : agent_(agent),
        heard_(std::move(heard)),
        out_({[this](const pb::WorkerMessage& message) { StartWrite(&message); }, Join,
              [this] { RemoveHold(); }}) {}

  // Returns at its end, when gRPC knows it no more.
  grpc::Status Run(pb::Control::Stub* stub, grpc::ClientContext* context) {
    stub->async()->Connect(context, this);
    AddHold();  // writes start outside of reactions until the queue has ended
    StartRead(&in_);
    StartCall();
    agent_->OnConnected([this](const pb::WorkerMessage& message) { out_.Push(message); });
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return status_.has_value(); });
    lock.unlock();
    agent_->OnDisconnected();
    return *status_;
  }

 private:
  void OnReadDone(bool good) override {
    if (!good) return out_.Close(true);
    heard_();
    agent_->OnCoordinatorMessage(std::move(in_));
    in_ = pb::CoordinatorMessage();
    StartRead(&in_);
  }
  void OnWriteDone(bool good) override { out_.Written(good); }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    status_ = status;
    ended_.notify_one();  // under the lock: this object goes once it is seen
  }

  Agent* const agent_;
  const std::function<void()> heard_;
  pb::CoordinatorMessage in_;
  WriteQueue<pb::WorkerMessage> out_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<grpc::Status> status_;
};

class GrpcLinkImpl final : public GrpcLink {
 public:
  GrpcLinkImpl(const GrpcLinkOptions& options, Agent* agent)
      : options_(options), agent_(agent), thread_([this] { Main(); }) {}
  ~GrpcLinkImpl() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (context_ != nullptr) context_->TryCancel();
    }
    wake_.notify_one();
    thread_.join();
  }
  std::string trouble() const override {
    std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  void Main() {
    SetThreadName("control");
    const std::shared_ptr<grpc::Channel> channel = MakeChannel(options_.coordinator);
    const std::unique_ptr<pb::Control::Stub> stub = pb::Control::NewStub(channel);
    int64_t backoff_ms = options_.first_backoff_ms;
    while (true) {
      const bool heard = RunStream(stub.get());
      backoff_ms = heard ? options_.first_backoff_ms : std::min(backoff_ms * 2, options_.max_backoff_ms);
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(backoff_ms), [this] { return stopping_; });
      if (stopping_) return;
    }
  }

  // One connection from its beginning to its end; whether the coordinator said anything.
  bool RunStream(pb::Control::Stub* stub) {
    grpc::ClientContext context;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return false;
      context_ = &context;
    }
    context.set_wait_for_ready(false);
    std::atomic<bool> heard{false};
    const grpc::Status status = Stream(agent_, [this, &heard] {
                                  if (!heard.exchange(true)) SetTrouble("");
                                }).Run(stub, &context);
    SetTrouble(StrCat(heard ? "lost the connection to coordinator " : "cannot reach coordinator ",
                      options_.coordinator, " (",
                      status.ok() ? "it closed the stream" : status.error_message(), "), trying again"));
    std::lock_guard lock(mutex_);
    context_ = nullptr;
    return heard;
  }

  void SetTrouble(std::string text) {
    {
      std::lock_guard lock(mutex_);
      if (trouble_ == text || stopping_) return;
      trouble_ = text;
    }
    if (!text.empty() && options_.on_trouble) options_.on_trouble(text);
  }

  const GrpcLinkOptions options_;
  Agent* const agent_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  grpc::ClientContext* context_ = nullptr;  // of the stream that stands
  std::string trouble_ = "not connected yet";
  std::thread thread_;
};

class GrpcBundleSource final : public BundleSource {
 public:
  GrpcBundleSource(const std::string& coordinator, int64_t patience_ms)
      : address_(coordinator), patience_(patience_ms) {}

  // A coordinator that goes away meanwhile comes back, as a rule: the job must not fail of it.
  absl::Status Fetch(const std::string& hash, const std::string& path) override {
    const auto until = std::chrono::steady_clock::now() + patience_;
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (channel_ == nullptr) channel_ = MakeChannel(address_);
      grpc::ClientContext context;
      context_ = &context;
      const std::unique_ptr<pb::Control::Stub> stub = pb::Control::NewStub(channel_);
      lock.unlock();
      absl::Status written;
      const grpc::Status status = FetchOnce(stub.get(), &context, hash, path, &written);
      lock.lock();
      context_ = nullptr;
      MR_RETURN_IF_ERROR(written);
      if (status.ok()) return absl::OkStatus();
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE || std::chrono::steady_clock::now() >= until) {
        return Unavailable("coordinator ", address_, " does not send it: ", status.error_message());
      }
      wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopped_; });
    }
    return Cancelled("the worker stops");
  }
  void Stop() override {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    if (context_ != nullptr) context_->TryCancel();
    wake_.notify_all();
  }

 private:
  grpc::Status FetchOnce(pb::Control::Stub* stub, grpc::ClientContext* context, const std::string& hash,
                         const std::string& path, absl::Status* written) const {
    context->set_deadline(std::chrono::system_clock::now() + patience_);
    pb::FetchBundleRequest request;
    request.set_hash(hash);
    absl::StatusOr<UniqueFd> file = CreateFile(path);
    *written = file.status();
    if (!written->ok()) return grpc::Status::CANCELLED;
    const auto reader = stub->FetchBundle(context, request);
    pb::BundleChunk chunk;
    while (written->ok() && reader->Read(&chunk)) *written = WriteFull(file->get(), chunk.data(), path);
    if (!written->ok()) context->TryCancel();
    return reader->Finish();
  }

  const std::string address_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext* context_ = nullptr;  // of the call that stands
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<GrpcLink> GrpcLink::Start(const GrpcLinkOptions& options, Agent* agent) {
  return std::make_unique<GrpcLinkImpl>(options, agent);
}

std::unique_ptr<BundleSource> MakeGrpcBundleSource(const std::string& coordinator, int64_t patience_ms) {
  return std::make_unique<GrpcBundleSource>(coordinator, patience_ms);
}

}  // namespace millrace
