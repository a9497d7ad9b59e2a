#include "worker/shuffle/bulk_server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "proto/bulk.grpc.pb.h"
#include "worker/shuffle/fetcher.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;  // of data per message; small segments share one

// Sends the segments of one request, gathering small pieces into one message.
class ChunkSender {
 public:
  explicit ChunkSender(grpc::ServerWriter<pb::FetchChunk>* writer) : writer_(writer) {}

  pb::FetchChunk* Add(uint32_t index) {
    pb::FetchChunk* chunk = message_.add_batch();
    chunk->set_index(index);
    return chunk;
  }
  size_t Room() const { return kChunkBytes - std::min(kChunkBytes, bytes_); }
  // `bytes` were added; false when the peer is gone.
  bool Added(size_t bytes) {
    bytes_ += bytes + kOverheadBytes;
    return bytes_ < kChunkBytes || Flush();
  }
  bool Flush() {
    if (message_.batch_size() == 0) return true;
    const bool ok = writer_->Write(message_);
    message_.Clear();
    bytes_ = 0;
    return ok;
  }

 private:
  static constexpr size_t kOverheadBytes = 64;
  grpc::ServerWriter<pb::FetchChunk>* const writer_;
  pb::FetchChunk message_;
  size_t bytes_ = 0;
};

class BulkService final : public pb::Bulk::Service {
 public:
  BulkService(const BulkServerOptions& options, SegmentStore* store) : check_(options.check), store_(store) {}

  grpc::Status Fetch(grpc::ServerContext* context, const pb::FetchRequest* request,
                     grpc::ServerWriter<pb::FetchChunk>* writer) override {
    ChunkSender sender(writer);
    for (int i = 0; i < request->segments_size(); ++i) {
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      const pb::SegmentRef& segment = request->segments(i);
      FetchedSegment found;
      if (check_)
        found.missing = check_(request->job(), request->stage(), request->version(), segment.path());
      if (found.missing.empty())
        found = OpenLocalSegment(store_->work_dir(), *request, segment, &store_->cache());
      if (!SendSegment(static_cast<uint32_t>(i), found, &sender)) return grpc::Status::CANCELLED;
    }
    return sender.Flush() ? grpc::Status::OK : grpc::Status::CANCELLED;
  }

 private:
  static bool SendMissing(uint32_t index, const std::string& reason, bool corrupt, ChunkSender* sender) {
    pb::FetchChunk* chunk = sender->Add(index);
    chunk->set_missing(reason);
    chunk->set_corrupt(corrupt);
    chunk->set_last(true);
    return sender->Added(reason.size());
  }

  // False when the peer is gone. A disk that fails in the middle makes the segment missing.
  static bool SendSegment(uint32_t index, const FetchedSegment& found, ChunkSender* sender) {
    if (!found.missing.empty()) return SendMissing(index, found.missing, found.corrupt, sender);
    pb::FetchChunk* chunk = sender->Add(index);
    for (const RunSource& run : found.runs) {
      pb::FetchRun* entry = chunk->add_runs();
      entry->set_partition(run.partition);
      entry->set_disk_bytes(run.disk_bytes);
      entry->set_records(run.records);
      entry->set_logical_bytes(run.logical_bytes);
    }
    size_t added = found.runs.size() * 24;
    for (const RunSource& run : found.runs) {
      for (uint64_t done = 0; done < run.disk_bytes;) {
        if (sender->Room() <= added) {
          if (!sender->Added(added) || !sender->Flush()) return false;
          chunk = sender->Add(index);
          added = 0;
        }
        const size_t bytes = std::min<uint64_t>(run.disk_bytes - done, sender->Room() - added);
        std::string* data = chunk->mutable_data();
        const size_t at = data->size();
        data->resize(at + bytes);
        const absl::Status status = run.file->ReadExactly(run.offset + done, bytes, data->data() + at);
        if (!status.ok()) {
          chunk->clear_data();
          return SendMissing(index, MessageOf(status), absl::IsDataLoss(status), sender);
        }
        done += bytes;
        added += bytes;
      }
    }
    chunk->set_last(true);
    return sender->Added(added);
  }

  const std::function<std::string(uint64_t, uint32_t, uint64_t, const std::string&)> check_;
  SegmentStore* const store_;
};

class BulkServerImpl final : public BulkServer {
 public:
  BulkServerImpl(const BulkServerOptions& options, SegmentStore* store) : service_(options, store) {}
  ~BulkServerImpl() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Listen(const std::string& listen) {
    const size_t colon = listen.rfind(':');
    if (colon == std::string::npos)
      return InvalidArgument("--bulk-listen wants HOST:PORT, not ", Quote(listen));
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second worker on the port is an error
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return Unavailable("cannot listen on ", listen, ": is the port in use? Port 0 takes any free one");
    }
    address_ = StrCat(listen.substr(0, colon), ":", port);
    return absl::OkStatus();
  }
  const std::string& address() const override { return address_; }

 private:
  BulkService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BulkServer>> BulkServer::Start(const BulkServerOptions& options,
                                                              SegmentStore* store) {
  auto server = std::make_unique<BulkServerImpl>(options, store);
  MR_RETURN_IF_ERROR(server->Listen(options.listen));
  return std::unique_ptr<BulkServer>(std::move(server));
}

}  // namespace millrace
