#include "coordinator/server/grpc_control.h"

#include <condition_variable>
#include <deque>
#include <thread>

#include "common/base/status.h"
#include "common/base/thread.h"

namespace millrace {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
// Above this, messages are sent one by one rather than joined.
constexpr size_t kJoinBytes = 4 << 20;

// What waits to be sent to one worker.
class Outbox {
 public:
  void Put(const pb::CoordinatorMessage& message) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!waiting_.empty() && !message.has_welcome() && bytes_ < kJoinBytes) {
        waiting_.back().MergeFrom(message);
      } else {
        waiting_.push_back(message);
        bytes_ = 0;
      }
      bytes_ += message.ByteSizeLong();
    }
    ready_.notify_one();
  }
  // No more will come; with `at_once` what waits is dropped.
  void Close(bool at_once) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
      if (at_once) waiting_.clear();
    }
    ready_.notify_all();
  }
  // False when it is closed and empty.
  bool Take(pb::CoordinatorMessage* message) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return false;
    *message = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<pb::CoordinatorMessage> waiting_;
  size_t bytes_ = 0;  // of the last one
  bool closed_ = false;
};

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), MessageOf(status));
}

grpc::Status ControlService::Connect(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<pb::CoordinatorMessage, pb::WorkerMessage>* stream) {
  Outbox outbox;
  std::thread writer([&] {
    SetThreadName("to-worker");
    pb::CoordinatorMessage message;
    bool good = true;
    while (good && outbox.Take(&message)) {
      good = stream->Write(message) && message.rejected().empty();
    }
    // The worker is gone, or has to go: the reader below must not wait for it.
    context->TryCancel();
  });
  const uint64_t session =
      core_->ConnectWorker([&outbox](const pb::CoordinatorMessage& message) { outbox.Put(message); },
                           [&outbox] { outbox.Close(false); });
  pb::WorkerMessage message;
  while (stream->Read(&message)) core_->OnWorkerMessage(session, std::move(message));
  core_->OnWorkerClosed(session);
  outbox.Close(true);
  writer.join();
  return grpc::Status::OK;
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
