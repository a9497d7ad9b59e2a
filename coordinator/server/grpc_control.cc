#include "coordinator/server/grpc_control.h"

#include "common/base/status.h"
#include "common/base/write_queue.h"

namespace millrace {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
// Above this, messages are sent one by one rather than joined.
constexpr size_t kJoinBytes = 4 << 20;

bool Join(pb::CoordinatorMessage& last, const pb::CoordinatorMessage& next) {
  if (next.has_welcome() || last.ByteSizeLong() > kJoinBytes) return false;
  last.MergeFrom(next);
  return true;
}

// One worker's stream, from its beginning to its end. Deletes itself.
class WorkerStream final : public grpc::ServerBidiReactor<pb::WorkerMessage, pb::CoordinatorMessage> {
 public:
  explicit WorkerStream(CoordinatorCore* core)
      : core_(core),
        out_({[this](const pb::CoordinatorMessage& message) { StartWrite(&message); }, Join,
              [this] { Finish(grpc::Status::OK); }}) {
    session_ = core_->ConnectWorker([this](const pb::CoordinatorMessage& message) { out_.Push(message); },
                                    [this] { out_.Close(false); });
    StartRead(&in_);
  }

 private:
  void OnReadDone(bool good) override {
    if (!good) {
      core_->OnWorkerClosed(session_);  // nothing is pushed after it
      out_.Close(true);
      return;
    }
    core_->OnWorkerMessage(session_, std::move(in_));
    in_ = pb::WorkerMessage();
    StartRead(&in_);
  }
  void OnWriteDone(bool good) override { out_.Written(good); }
  void OnDone() override { delete this; }

  CoordinatorCore* const core_;
  uint64_t session_ = 0;
  pb::WorkerMessage in_;
  WriteQueue<pb::CoordinatorMessage> out_;
};

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), MessageOf(status));
}

grpc::ServerBidiReactor<pb::WorkerMessage, pb::CoordinatorMessage>* ControlService::Connect(
    grpc::CallbackServerContext*) {
  return new WorkerStream(core_);
}

grpc::Status ControlService::FetchBundle(grpc::ServerContext*, const pb::FetchBundleRequest* request,
                                         grpc::ServerWriter<pb::BundleChunk>* writer) {
  absl::StatusOr<UniqueFd> fd = bundles_->OpenBundle(request->hash());
  if (!fd.ok()) return ToGrpc(fd.status());
  absl::StatusOr<FileInfo> info = StatFd(fd->get(), request->hash());
  if (!info.ok()) return ToGrpc(info.status());
  pb::BundleChunk chunk;
  chunk.set_hash(request->hash());
  chunk.set_total_bytes(info->size);
  for (uint64_t at = 0; at < info->size;) {
    chunk.mutable_data()->resize(std::min<uint64_t>(kChunkBytes, info->size - at));
    absl::Status status =
        PReadFull(fd->get(), chunk.mutable_data()->data(), chunk.data().size(), at, request->hash());
    if (!status.ok()) return ToGrpc(status);
    at += chunk.data().size();
    if (!writer->Write(chunk)) return grpc::Status::OK;
  }
  return grpc::Status::OK;
}

}  // namespace millrace
