#include "worker/shuffle/segment_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"

namespace millrace {
namespace {

constexpr std::string_view kLockName = "lock";
constexpr std::string_view kBundles = "bundles";
constexpr std::string_view kRetired = "retired-";

bool IsJobFolder(std::string_view name) {
  if (name.substr(0, kRetired.size()) == kRetired) return true;
  if (name.size() < 2 || name[0] != 'j') return false;
  for (const char c : name.substr(1)) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

}  // namespace

std::string JobFolder(uint64_t job) { return StrCat("j", job); }

std::string SharedValuePath(std::string_view job_dir, std::string_view digest) {
  return StrCat(job_dir, "/shared/", Hex(digest));
}

absl::StatusOr<std::string> ResolveSegmentPath(const std::string& work_dir, uint64_t job,
                                               std::string_view path) {
  const std::string prefix = StrCat(JobFolder(job), "/segments/");
  const bool inside = path.size() > prefix.size() && path.substr(0, prefix.size()) == prefix;
  const std::string_view name = inside ? path.substr(prefix.size()) : std::string_view();
  if (!inside || name == "." || name == ".." || name.find('/') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos) {
    return InvalidArgument(Quote(path), " is no segment of job ", job, ": it must lie in ", prefix);
  }
  return JoinPath(work_dir, path);
}

absl::StatusOr<std::shared_ptr<const SegmentReader>> SegmentCache::Open(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    const auto found = by_path_.find(path);
    if (found != by_path_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
  }
  MR_ASSIGN_OR_RETURN(std::shared_ptr<const SegmentReader> reader, SegmentReader::Open(path));
  std::lock_guard lock(mutex_);
  if (by_path_.count(path) == 0) {  // another thread may have been faster
    entries_.emplace_front(path, reader);
    by_path_[path] = entries_.begin();
    if (entries_.size() > capacity_) {
      by_path_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }
  return reader;
}

void SegmentCache::Drop(std::string_view prefix) {
  std::lock_guard lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (std::string_view(it->first).substr(0, prefix.size()) == prefix) {
      by_path_.erase(it->first);
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
}

absl::StatusOr<std::unique_ptr<SegmentStore>> SegmentStore::Create(const std::string& work_dir) {
  const std::string folder = AbsolutePath(work_dir);
  MR_RETURN_IF_ERROR(MakeDirs(folder));
  const std::string lock_path = JoinPath(folder, kLockName);
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.valid()) return ErrnoStatus(errno, "open", lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock", lock_path);
    return FailedPrecondition("the work-dir ", folder,
                              " is in use by another worker; give each worker a --work-dir of its own");
  }
  std::unique_ptr<SegmentStore> store(new SegmentStore(folder, std::move(lock)));
  MR_RETURN_IF_ERROR(store->RemoveJobFolders());
  MR_RETURN_IF_ERROR(MakeDirs(JoinPath(folder, kBundles)));
  return store;
}

SegmentStore::~SegmentStore() = default;

std::string SegmentStore::JobDir(uint64_t job) const { return JoinPath(work_dir_, JobFolder(job)); }

std::string SegmentStore::BundlePath(const std::string& hash) const {
  return JoinPath(JoinPath(work_dir_, kBundles), hash);
}

absl::Status SegmentStore::CreateJob(uint64_t job) { return MakeDirs(JoinPath(JobDir(job), "segments")); }

absl::Status SegmentStore::StoreShared(uint64_t job, std::string_view digest, std::string_view value) {
  const std::string path = SharedValuePath(JobDir(job), digest);
  if (const auto known = StatFile(path); known.ok() && known->size == value.size()) return absl::OkStatus();
  MR_RETURN_IF_ERROR(MakeDirs(std::string(DirName(path))));
  return WriteFile(path, value);
}

std::string SegmentStore::RetireJob(uint64_t job) {
  cache_.Drop(JobDir(job) + "/");
  const std::string retired = JoinPath(work_dir_, StrCat(kRetired, job, "-", ++retired_));
  return RenameFile(JobDir(job), retired).ok() ? retired : "";
}

absl::Status SegmentStore::DropJob(uint64_t job) {
  const std::string retired = RetireJob(job);
  return retired.empty() ? absl::OkStatus() : RemoveTree(retired);
}

absl::Status SegmentStore::RemoveJobFolders() {
  MR_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(work_dir_));
  for (const std::string& name : names) {
    if (IsJobFolder(name)) MR_RETURN_IF_ERROR(RemoveTree(JoinPath(work_dir_, name)));
  }
  return absl::OkStatus();
}

absl::Status SegmentStore::RemoveEverything() {
  cache_.Drop("");
  MR_RETURN_IF_ERROR(RemoveJobFolders());
  MR_RETURN_IF_ERROR(RemoveTree(JoinPath(work_dir_, kBundles)));
  MR_RETURN_IF_ERROR(RemoveFile(JoinPath(work_dir_, kLockName)));
  if (::rmdir(work_dir_.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", work_dir_);
  }
  return absl::OkStatus();
}

}  // namespace millrace
