// Brings the runs of one partition from another worker. Knows no retries: a segment that did not come is
// named with its reason, and only the scheduler decides what happens then. gRPC-free; the
// implementation over gRPC is in grpc_fetcher.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bulk.pb.h"
#include "worker/shuffle/segment_reader.h"

namespace millrace {

class SegmentCache;

struct FetchOptions {
  uint64_t memory_budget_bytes =
      0;                       // what fits is kept in memory, segment by segment; the rest goes to the file
  std::string temporary_path;  // created when it is needed, removed with the last RunSource that uses it
  int64_t idle_timeout_ms = 30'000;  // without a byte for this long: unreachable
  std::function<bool()> cancelled;   // looked at per chunk; may be empty
};

struct FetchedSegment {
  std::vector<RunSource> runs;  // of the partition asked for, in order; empty when there are none
  std::string missing;          // set: not there, and why. Then `runs` is empty.
  bool corrupt = false;         // it is there but damaged
};

struct FetchResult {
  std::vector<FetchedSegment> segments;  // as in the request
  uint64_t memory_bytes = 0;
  uint64_t file_bytes = 0;
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // Blocks. An unreachable worker is no error: its segments are missing. Errors are local ones:
  // kResourceExhausted (disk full), kCancelled, kInvalidArgument (no such address).
  // One request per worker: all segments of the partition at once.
  virtual absl::StatusOr<FetchResult> Fetch(const std::string& address, const pb::FetchRequest& request,
                                            const FetchOptions& options) = 0;
};

// Channels are kept per address. Thread-safe.
std::unique_ptr<Fetcher> MakeGrpcFetcher();

// One segment of this machine, in place, by the same rules as the bulk server: missing and damaged ones are
// said in the result. `work_dir` is the worker's; `cache` may be null.
FetchedSegment OpenLocalSegment(const std::string& work_dir, const pb::FetchRequest& request,
                                const pb::SegmentRef& segment, SegmentCache* cache);

}  // namespace millrace
