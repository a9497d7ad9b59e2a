#include "coordinator/server/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>

#include "common/base/status.h"
#include "coordinator/server/grpc_control.h"
#include "proto/client.grpc.pb.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;

class ClientService final : public pb::Client::Service {
 public:
  ClientService(CoordinatorCore* core, BundleStore* bundles) : core_(core), bundles_(bundles) {}
  void Stop() { stopping_ = true; }

  grpc::Status PutBundle(grpc::ServerContext*, grpc::ServerReader<pb::BundleChunk>* reader,
                         pb::PutBundleReply*) override {
    pb::BundleChunk chunk;
    std::unique_ptr<BundleStore::Upload> upload;
    while (reader->Read(&chunk)) {
      if (upload == nullptr) {
        auto begun = bundles_->Begin(chunk.hash());
        if (!begun.ok()) return ToGrpc(begun.status());
        upload = *std::move(begun);
      }
      absl::Status status = upload->Append(chunk.data());
      if (!status.ok()) return ToGrpc(status);
    }
    if (upload == nullptr) return ToGrpc(InvalidArgument("the upload of the bundle was empty"));
    absl::Status status = upload->Finish();
    return ToGrpc(status);
  }

  grpc::Status Submit(grpc::ServerContext*, const pb::SubmitRequest* request,
                      pb::SubmitReply* reply) override {
    if (!bundles_->Has(request->bundle())) {
      reply->set_needs_bundle(true);
      reply->mutable_error()->set_kind(pb::ErrorInfo::USAGE);
      reply->mutable_error()->set_message(StrCat("the bundle ", request->bundle(), " was not uploaded"));
      return grpc::Status::OK;
    }
    *reply = core_->Submit(*request);
    // It is stopping, or its disk is full: whoever asks again asks its successor, and the submission has a
    // name.
    if (reply->error().kind() == pb::ErrorInfo::SYSTEM) return ToGrpc(Unavailable(reply->error().message()));
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext*, const pb::ListJobsRequest*, pb::ListJobsReply* reply) override {
    *reply = core_->ListJobs();
    return grpc::Status::OK;
  }
  grpc::Status GetJob(grpc::ServerContext*, const pb::GetJobRequest* request, pb::JobStatus* reply) override {
    return Give(core_->GetJob(request->id()), reply);
  }
  grpc::Status KillJob(grpc::ServerContext*, const pb::GetJobRequest* request,
                       pb::JobStatus* reply) override {
    return Give(core_->KillJob(request->id()), reply);
  }
  grpc::Status GetCounters(grpc::ServerContext*, const pb::GetJobRequest* request,
                           pb::CountersReply* reply) override {
    return Give(core_->GetCounters(request->id()), reply);
  }
  grpc::Status ListWorkers(grpc::ServerContext*, const pb::ListWorkersRequest*,
                           pb::ListWorkersReply* reply) override {
    *reply = core_->ListWorkers();
    return grpc::Status::OK;
  }

  grpc::Status WatchJob(grpc::ServerContext* context, const pb::GetJobRequest* request,
                        grpc::ServerWriter<pb::JobStatus>* writer) override {
    struct News {
      std::mutex mutex;
      std::condition_variable ready;
      std::deque<pb::JobStatus> waiting;
    };
    auto news = std::make_shared<News>();
    absl::StatusOr<uint64_t> watch = core_->WatchJob(request->id(), [news](const pb::JobStatus& status) {
      std::lock_guard<std::mutex> lock(news->mutex);
      if (!news->waiting.empty()) news->waiting.pop_front();  // only the newest matters
      news->waiting.push_back(status);
      news->ready.notify_one();
    });
    if (!watch.ok()) return ToGrpc(watch.status());
    bool over = false;
    while (!over && !context->IsCancelled()) {
      pb::JobStatus status;
      {
        std::unique_lock<std::mutex> lock(news->mutex);
        if (!news->ready.wait_for(lock, milliseconds(200), [&] { return !news->waiting.empty(); })) {
          if (stopping_) return ToGrpc(Unavailable("the coordinator is stopping"));
          continue;
        }
        status = std::move(news->waiting.front());
        news->waiting.pop_front();
      }
      over = status.state() >= pb::JobStatus::SUCCEEDED;
      if (!writer->Write(status)) break;
    }
    core_->Unwatch(*watch);
    return grpc::Status::OK;
  }

  grpc::Status GetEvents(grpc::ServerContext* context, const pb::EventsRequest* request,
                         grpc::ServerWriter<pb::StoryLine>* writer) override {
    return Follow(context, request->follow(), writer,
                  [&](uint64_t* cursor, bool* ended) { return core_->GetEvents(*request, cursor, ended); });
  }
  grpc::Status GetLogs(grpc::ServerContext* context, const pb::LogsRequest* request,
                       grpc::ServerWriter<pb::LogLine>* writer) override {
    return Follow(context, request->follow(), writer, [&](uint64_t* cursor, bool* ended) {
      return core_->GetLogs(request->id(), cursor, ended);
    });
  }

 private:
  template <typename T>
  static grpc::Status Give(absl::StatusOr<T> result, T* reply) {
    if (!result.ok()) return ToGrpc(result.status());
    *reply = *std::move(result);
    return grpc::Status::OK;
  }

  template <typename Writer, typename Get>
  grpc::Status Follow(grpc::ServerContext* context, bool follow, Writer* writer, const Get& get) {
    uint64_t cursor = 0;
    bool ended = false;
    while (!context->IsCancelled()) {
      auto lines = get(&cursor, &ended);
      if (!lines.ok()) return ToGrpc(lines.status());
      for (const auto& line : *lines) {
        if (!writer->Write(line)) return grpc::Status::OK;
      }
      if (!follow || ended) return grpc::Status::OK;
      std::unique_lock<std::mutex> lock(nap_mutex_);
      nap_.wait_for(lock, milliseconds(100));
      if (stopping_) return ToGrpc(Unavailable("the coordinator is stopping"));
    }
    return grpc::Status::OK;
  }

  CoordinatorCore* const core_;
  BundleStore* const bundles_;
  std::atomic<bool> stopping_{false};
  std::mutex nap_mutex_;
  std::condition_variable nap_;
};

class GrpcServerImpl final : public GrpcServer {
 public:
  GrpcServerImpl(CoordinatorCore* core, BundleStore* bundles)
      : control_(core, bundles), client_(core, bundles) {}
  ~GrpcServerImpl() override { Stop(); }

  absl::Status Listen(const std::string& listen) {
    // One reference for the life of the process: the last one's end waits for gRPC's own poller, up to 10 s.
    static const bool kept = (grpc_init(), true);
    (void)kept;
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second coordinator must not share the port
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // Probing costs a ping per message; a window this large needs none.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(&control_);
    builder.RegisterService(&client_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return Unavailable("cannot listen on ", listen,
                         ": the address is taken or not ours; choose another --listen");
    }
    address_ = StrCat(listen.substr(0, listen.rfind(':')), ":", port);
    return absl::OkStatus();
  }
  std::string address() const override { return address_; }
  void Stop() override {
    if (server_ == nullptr) return;
    client_.Stop();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_ = nullptr;
  }

 private:
  ControlService control_;
  ClientService client_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const std::string& listen,
                                                              CoordinatorCore* core, BundleStore* bundles) {
  auto server = std::make_unique<GrpcServerImpl>(core, bundles);
  MR_RETURN_IF_ERROR(server->Listen(listen));
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace millrace
