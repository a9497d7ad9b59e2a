// The uploaded bundles, by the SHA-256 of their bytes, one file each. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "common/base/sha256.h"

namespace millrace {

class BundleStore {
 public:
  // Makes the folder; removes what broken uploads left.
  static absl::StatusOr<std::unique_ptr<BundleStore>> Open(const std::string& folder);

  // One upload. Without Finish() nothing stays.
  class Upload {
   public:
    Upload(std::string folder, std::string hash, std::string temporary, UniqueFd fd)
        : folder_(std::move(folder)),
          hash_(std::move(hash)),
          temporary_(std::move(temporary)),
          fd_(std::move(fd)) {}
    ~Upload();
    absl::Status Append(std::string_view bytes);
    // kDataLoss when the bytes are not those of the hash. The bundle appears at once, whole.
    absl::Status Finish();

   private:
    const std::string folder_, hash_, temporary_;
    UniqueFd fd_;
    Sha256 sha_;
  };

  bool Has(const std::string& hash) const;
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& hash);
  // kNotFound with a sentence.
  absl::StatusOr<UniqueFd> OpenBundle(const std::string& hash) const;

 private:
  explicit BundleStore(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
};

}  // namespace millrace
