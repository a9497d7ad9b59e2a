#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "proto/bulk.grpc.pb.h"
#include "worker/shuffle/fetcher.h"

namespace millrace {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;
constexpr int64_t kPollMs = 100;  // how often `cancelled` is looked at while nothing arrives

// Puts together what the stream brings: each segment in memory or in the temporary file.
class Assembly {
 public:
  Assembly(const std::string& address, const pb::FetchRequest& request, const FetchOptions& options)
      : address_(address),
        request_(request),
        options_(options),
        parts_(static_cast<size_t>(request.segments_size())) {}

  // Local errors only; what is wrong with a segment is noted with it.
  absl::Status Take(const pb::FetchChunk& chunk) {
    for (const pb::FetchChunk& part : chunk.batch()) MR_RETURN_IF_ERROR(TakeOne(part));
    return chunk.batch_size() == 0 ? TakeOne(chunk) : absl::OkStatus();
  }

  FetchResult Finish(const std::string& broken) {
    FetchResult result;
    result.memory_bytes = memory_bytes_;
    result.file_bytes = file_bytes_;
    for (Part& part : parts_) {
      FetchedSegment segment;
      if (part.missing.empty() && !part.complete) {
        part.missing = broken.empty() ? StrCat("worker ", address_, " did not send it") : broken;
      }
      segment.missing = part.missing;
      segment.corrupt = part.corrupt;
      if (segment.missing.empty()) segment.runs = std::move(part.runs);
      result.segments.push_back(std::move(segment));
    }
    return result;
  }

 private:
  struct Part {
    bool begun = false, complete = false, corrupt = false;
    std::string missing;
    std::vector<RunSource> runs;
    uint64_t total = 0, received = 0;
    std::shared_ptr<char[]> memory;
    uint64_t file_offset = 0;
  };

  static void Miss(Part* part, std::string reason, bool corrupt) {
    part->missing = std::move(reason);
    part->corrupt = corrupt;
    part->runs.clear();
    part->memory.reset();
  }

  absl::Status TakeOne(const pb::FetchChunk& chunk) {
    if (chunk.index() >= parts_.size()) return absl::OkStatus();  // nobody asked
    Part& part = parts_[chunk.index()];
    if (!part.missing.empty() || part.complete) return absl::OkStatus();
    if (!chunk.missing().empty()) {
      Miss(&part, chunk.missing(), chunk.corrupt());
      return absl::OkStatus();
    }
    if (!part.begun) MR_RETURN_IF_ERROR(Begin(chunk, &part));
    if (chunk.data().size() > part.total - part.received) {
      Miss(&part, StrCat("worker ", address_, " sent more of it than it announced"), true);
      return absl::OkStatus();
    }
    if (part.memory != nullptr) {
      std::memcpy(part.memory.get() + part.received, chunk.data().data(), chunk.data().size());
    } else if (!chunk.data().empty()) {
      MR_RETURN_IF_ERROR(
          PWriteFull(file_->fd(), chunk.data(), part.file_offset + part.received, options_.temporary_path));
    }
    part.received += chunk.data().size();
    if (!chunk.last()) return absl::OkStatus();
    part.complete = part.received == part.total;
    if (!part.complete) Miss(&part, StrCat("worker ", address_, " sent less of it than it announced"), true);
    return absl::OkStatus();
  }

  absl::Status Begin(const pb::FetchChunk& chunk, Part* part) {
    part->begun = true;
    for (const pb::FetchRun& run : chunk.runs()) {
      RunSource source;
      source.offset = part->total;
      source.disk_bytes = run.disk_bytes();
      source.records = run.records();
      source.logical_bytes = run.logical_bytes();
      source.partition = run.partition();
      source.name = StrCat(address_, "/", request_.segments(static_cast<int>(chunk.index())).path());
      if (run.disk_bytes() > UINT64_MAX / 2 - part->total ||
          (!request_.whole() && run.partition() != request_.partition())) {
        Miss(part, StrCat("worker ", address_, " announced runs that make no sense"), true);
        return absl::OkStatus();
      }
      part->total += run.disk_bytes();
      part->runs.push_back(std::move(source));
    }
    if (part->total <= options_.memory_budget_bytes - memory_bytes_) {
      part->memory.reset(new char[part->total]);
      memory_bytes_ += part->total;
    } else {
      if (file_ == nullptr) MR_RETURN_IF_ERROR(OpenTemporary());
      part->file_offset = file_bytes_;
      file_bytes_ += part->total;
    }
    for (RunSource& run : part->runs) {
      if (part->memory != nullptr) {
        run.memory = part->memory;
      } else {
        run.file = file_;
        run.offset += part->file_offset;
      }
    }
    return absl::OkStatus();
  }

  // Without a name from the start: it goes with its last reader, whatever happens to this process.
  absl::Status OpenTemporary() {
    MR_ASSIGN_OR_RETURN(UniqueFd fd, CreateFile(options_.temporary_path));
    if (::unlink(options_.temporary_path.c_str()) != 0)
      return ErrnoStatus(errno, "remove", options_.temporary_path);
    file_ = std::make_shared<OpenFile>(fd.Release(), options_.temporary_path);
    return absl::OkStatus();
  }

  const std::string& address_;
  const pb::FetchRequest& request_;
  const FetchOptions& options_;
  std::vector<Part> parts_;
  uint64_t memory_bytes_ = 0, file_bytes_ = 0;
  std::shared_ptr<const OpenFile> file_;
};

class GrpcFetcher final : public Fetcher {
 public:
  absl::StatusOr<FetchResult> Fetch(const std::string& address, const pb::FetchRequest& request,
                                    const FetchOptions& options) override {
    if (address.rfind(':') == std::string::npos)
      return InvalidArgument(Quote(address), " is no HOST:PORT of a worker");
    const std::unique_ptr<pb::Bulk::Stub> stub = pb::Bulk::NewStub(ChannelTo(address));
    Assembly assembly(address, request, options);
    std::string broken;
    MR_RETURN_IF_ERROR(Receive(stub.get(), request, options, &assembly, &broken));
    if (!broken.empty()) broken = StrCat("worker ", address, " cannot be reached: ", broken);
    return assembly.Finish(broken);
  }

 private:
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
    std::lock_guard lock(mutex_);
    std::shared_ptr<grpc::Channel>& channel = channels_[address];
    if (channel == nullptr) {
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
      arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
      arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
      arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
      channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    }
    return channel;
  }

  // Reads the stream to its end. `broken` says how it ended when it did not end well.
  static absl::Status Receive(pb::Bulk::Stub* stub, const pb::FetchRequest& request,
                              const FetchOptions& options, Assembly* assembly, std::string* broken) {
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    pb::FetchChunk chunk;
    grpc::Status end;
    absl::Status status;
    int tag = 0;
    const auto reader = stub->AsyncFetch(&context, request, &queue, &tag);
    bool started = false, finishing = false;
    int64_t idle_ms = 0;
    while (true) {
      void* got = nullptr;
      bool ok = false;
      const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(kPollMs);
      const auto next = queue.AsyncNext(&got, &ok, deadline);
      if (next == grpc::CompletionQueue::TIMEOUT) {
        idle_ms += kPollMs;
        const bool cancelled = options.cancelled && options.cancelled();
        if (cancelled && status.ok()) status = Cancelled("the fetch was cancelled");
        if (idle_ms >= options.idle_timeout_ms && broken->empty())
          *broken = StrCat("it was silent for ", idle_ms, " ms");
        if (cancelled || idle_ms >= options.idle_timeout_ms) context.TryCancel();
        continue;
      }
      if (finishing) break;
      idle_ms = 0;
      if (started && ok && status.ok()) status = assembly->Take(chunk);
      if (options.cancelled && options.cancelled() && status.ok())
        status = Cancelled("the fetch was cancelled");
      if (!status.ok()) context.TryCancel();
      if (ok) {
        started = true;
        reader->Read(&chunk, &tag);
      } else {
        finishing = true;
        reader->Finish(&end, &tag);
      }
    }
    queue.Shutdown();
    void* got = nullptr;
    bool ok = false;
    while (queue.Next(&got, &ok)) {
    }
    if (!end.ok() && broken->empty()) *broken = end.error_message();
    return status;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace

std::unique_ptr<Fetcher> MakeGrpcFetcher() { return std::make_unique<GrpcFetcher>(); }

}  // namespace millrace
