#include "worker/agent/grpc_link.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
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
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A dead peer behind a live connection is noticed within seconds.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

using Stream = grpc::ClientReaderWriter<pb::WorkerMessage, pb::CoordinatorMessage>;

// The writing half of one stream: messages that wait are sent as one.
class StreamWriter {
 public:
  explicit StreamWriter(Stream* stream) : stream_(stream), thread_([this] { Main(); }) {}
  ~StreamWriter() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void Push(const pb::WorkerMessage& message) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      pb::WorkerMessage* last = queue_.empty() ? nullptr : &queue_.back();
      const bool joins = last != nullptr && last->epoch() == message.epoch() && !last->has_register_() &&
                         !message.has_register_() && last->ByteSizeLong() < kCoalesceBytes;
      if (!joins) {
        queue_.push_back(message);
      } else {
        if (message.has_heartbeat()) last->clear_heartbeat();  // the newer one says it all
        last->MergeFrom(message);
      }
    }
    wake_.notify_one();
  }

 private:
  void Main() {
    SetThreadName("control-writer");
    while (true) {
      pb::WorkerMessage message;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (closed_) return;
        message = std::move(queue_.front());
        queue_.pop_front();
      }
      if (stream_->Write(message)) continue;
      std::lock_guard lock(mutex_);
      closed_ = true;  // the reading half sees the end as well
      return;
    }
  }

  Stream* const stream_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<pb::WorkerMessage> queue_;
  bool closed_ = false;
  std::thread thread_;
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
    SetThreadName("control-reader");
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
    const std::unique_ptr<Stream> stream = stub->Connect(&context);
    bool heard = false;
    {
      StreamWriter writer(stream.get());
      agent_->OnConnected([&writer](const pb::WorkerMessage& message) { writer.Push(message); });
      pb::CoordinatorMessage message;
      while (stream->Read(&message)) {
        if (!heard) SetTrouble("");
        heard = true;
        agent_->OnCoordinatorMessage(std::move(message));
        message = pb::CoordinatorMessage();
      }
      agent_->OnDisconnected();
    }
    const grpc::Status status = stream->Finish();
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
  explicit GrpcBundleSource(const std::string& coordinator) : address_(coordinator) {}

  absl::Status Fetch(const std::string& hash, const std::string& path) override {
    std::shared_ptr<grpc::Channel> channel;
    {
      std::lock_guard lock(mutex_);
      if (channel_ == nullptr) channel_ = MakeChannel(address_);
      channel = channel_;
    }
    const std::unique_ptr<pb::Control::Stub> stub = pb::Control::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
    pb::FetchBundleRequest request;
    request.set_hash(hash);
    MR_ASSIGN_OR_RETURN(const UniqueFd file, CreateFile(path));
    const auto reader = stub->FetchBundle(&context, request);
    pb::BundleChunk chunk;
    absl::Status written;
    while (written.ok() && reader->Read(&chunk)) written = WriteFull(file.get(), chunk.data(), path);
    if (!written.ok()) context.TryCancel();
    const grpc::Status status = reader->Finish();
    MR_RETURN_IF_ERROR(written);
    if (status.ok()) return absl::OkStatus();
    return Unavailable("coordinator ", address_, " does not send it: ", status.error_message());
  }

 private:
  const std::string address_;
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace

std::unique_ptr<GrpcLink> GrpcLink::Start(const GrpcLinkOptions& options, Agent* agent) {
  return std::make_unique<GrpcLinkImpl>(options, agent);
}

std::unique_ptr<BundleSource> MakeGrpcBundleSource(const std::string& coordinator) {
  return std::make_unique<GrpcBundleSource>(coordinator);
}

}  // namespace millrace
