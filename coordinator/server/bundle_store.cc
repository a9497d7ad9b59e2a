#include "coordinator/server/bundle_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace {
namespace {

constexpr char kUploading[] = ".uploading-";

// A hash becomes a file name: nothing but 64 hexadecimal digits may.
absl::Status CheckHash(const std::string& hash) {
  if (hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string::npos)
    return absl::OkStatus();
  return InvalidArgument(Quote(hash), " is no SHA-256: 64 hexadecimal digits");
}

}  // namespace

absl::StatusOr<std::unique_ptr<BundleStore>> BundleStore::Open(const std::string& folder) {
  MR_RETURN_IF_ERROR(MakeDirs(folder));
  MR_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDir(folder));
  for (const std::string& name : names) {
    if (name.starts_with(kUploading)) MR_RETURN_IF_ERROR(RemoveFile(JoinPath(folder, name)));
  }
  return std::unique_ptr<BundleStore>(new BundleStore(folder));
}

bool BundleStore::Has(const std::string& hash) const {
  return CheckHash(hash).ok() && FileExists(JoinPath(folder_, hash));
}

absl::StatusOr<std::unique_ptr<BundleStore::Upload>> BundleStore::Begin(const std::string& hash) {
  static std::atomic<uint64_t> uploads{0};
  MR_RETURN_IF_ERROR(CheckHash(hash));
  const std::string temporary = JoinPath(folder_, StrCat(kUploading, getpid(), "-", uploads++));
  MR_ASSIGN_OR_RETURN(UniqueFd fd, CreateFile(temporary));
  return std::make_unique<Upload>(folder_, hash, temporary, std::move(fd));
}

absl::StatusOr<UniqueFd> BundleStore::OpenBundle(const std::string& hash) const {
  MR_RETURN_IF_ERROR(CheckHash(hash));
  if (!Has(hash)) return NotFound("the bundle ", hash, " is not here; submit the job again to upload it");
  return OpenForRead(JoinPath(folder_, hash));
}

BundleStore::Upload::~Upload() {
  if (fd_.valid()) (void)RemoveFile(temporary_);
}

absl::Status BundleStore::Upload::Append(std::string_view bytes) {
  sha_.Update(bytes);
  return WriteFull(fd_.get(), bytes, temporary_);
}

absl::Status BundleStore::Upload::Finish() {
  const std::string found = sha_.FinishHex();
  if (found != hash_) {
    return DataLoss("the bundle's bytes do not have the SHA-256 that was announced (", hash_, " announced, ",
                    found, " found); upload it again");
  }
  if (fchmod(fd_.get(), 0755) != 0 || fsync(fd_.get()) != 0) return ErrnoStatus(errno, "write", temporary_);
  MR_RETURN_IF_ERROR(RenameFile(temporary_, JoinPath(folder_, hash_)));
  fd_.Reset();
  return absl::OkStatus();
}

}  // namespace millrace
