// The files of one worker: WORK_DIR/lock, WORK_DIR/bundles/, and per job WORK_DIR/j<job>/{segments,spill}/.
// Nothing here outlives the process of the worker but the bundles: what a job left is re-computed.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "worker/shuffle/segment_reader.h"

namespace millrace {

// "j12": the folder of a job below the work-dir.
std::string JobFolder(uint64_t job);
// Where a job's folder (absolute) keeps the shared value with this digest: shared/<hex>.
std::string SharedValuePath(std::string_view job_dir, std::string_view digest);

// The file that `path` (as in TaskReport.map_output.path, relative to `work_dir`) names. kInvalidArgument
// unless it lies inside the segments of that job: nothing else can be asked for from outside.
absl::StatusOr<std::string> ResolveSegmentPath(const std::string& work_dir, uint64_t job,
                                               std::string_view path);

// Keeps the segments used last open, their footers parsed: a map's output is asked for once per partition.
// Thread-safe. A path names one attempt of one incarnation, so that an entry never goes stale.
class SegmentCache {
 public:
  explicit SegmentCache(size_t capacity = 256) : capacity_(capacity) {}
  absl::StatusOr<std::shared_ptr<const SegmentReader>> Open(const std::string& path);
  // Forgets every segment whose path begins with `prefix`. Readers already handed out stay usable.
  void Drop(std::string_view prefix);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const SegmentReader>>;
  const size_t capacity_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // newest use first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
};

class SegmentStore {
 public:
  // Makes and locks the work-dir, and removes what dead processes left in it (bundles aside).
  // kFailedPrecondition: another worker uses it.
  static absl::StatusOr<std::unique_ptr<SegmentStore>> Create(const std::string& work_dir);
  ~SegmentStore();  // gives up the lock; files stay

  const std::string& work_dir() const { return work_dir_; }
  std::string JobDir(uint64_t job) const;
  std::string BundlePath(const std::string& hash) const;

  // Makes the folders of the job.
  absl::Status CreateJob(uint64_t job);
  // Keeps a value that tasks of the job share, as shared/<digest in hex> in its folder.
  absl::Status StoreShared(uint64_t job, std::string_view digest, std::string_view value);
  // Takes the job's files out of the way, in no time: the path of what remains to be removed, "" for nothing.
  // From then on the job may begin anew. Readers that hold a file open finish in peace.
  std::string RetireJob(uint64_t job);
  // RetireJob(), and removes it.
  absl::Status DropJob(uint64_t job);
  // Removes everything of this worker, bundles included; the work-dir itself when it is empty then.
  absl::Status RemoveEverything();

  SegmentCache& cache() { return cache_; }

 private:
  SegmentStore(std::string work_dir, UniqueFd lock)
      : work_dir_(std::move(work_dir)), lock_(std::move(lock)) {}
  absl::Status RemoveJobFolders();

  const std::string work_dir_;
  UniqueFd lock_;
  std::atomic<uint64_t> retired_{0};
  SegmentCache cache_;
};

}  // namespace millrace
