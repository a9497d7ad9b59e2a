#include "common/base/status.h"
#include "worker/shuffle/fetcher.h"
#include "worker/shuffle/segment_store.h"

namespace millrace {

FetchedSegment OpenLocalSegment(const std::string& work_dir, const pb::FetchRequest& request,
                                const pb::SegmentRef& segment, SegmentCache* cache) {
  FetchedSegment result;
  const absl::StatusOr<std::string> path = ResolveSegmentPath(work_dir, request.job(), segment.path());
  if (!path.ok()) {
    result.missing = MessageOf(path.status());
    return result;
  }
  const auto reader = cache != nullptr ? cache->Open(*path) : SegmentReader::Open(*path);
  if (!reader.ok()) {
    result.missing = MessageOf(reader.status());
    result.corrupt = absl::IsDataLoss(reader.status());
    return result;
  }
  if (!request.whole() && request.partition() >= (*reader)->info().partitions) {
    result.missing = StrCat("segment ", *path, " has ", (*reader)->info().partitions, " partitions, number ",
                            request.partition(), " was asked for");
    result.corrupt = true;
    return result;
  }
  result.runs = request.whole() ? (*reader)->AllRuns() : (*reader)->RunsOf(request.partition());
  return result;
}

}  // namespace millrace
