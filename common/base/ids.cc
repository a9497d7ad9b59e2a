#include "common/base/ids.h"

#include <charconv>

#include "common/base/strings.h"
#include "proto/ids.pb.h"

namespace millrace {

std::string JobIdText(uint64_t job) { return StrCat("j-", job); }

std::optional<uint64_t> ParseJobId(std::string_view text) {
  if (text.starts_with("j-")) text.remove_prefix(2);
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  uint64_t job = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), job);
  if (error != std::errc() || end != text.data() + text.size() || job == 0) return std::nullopt;
  return job;
}

std::string TaskText(uint64_t job, uint32_t stage, uint32_t task) {
  return StrCat("j-", job, "/s", stage, "/t", task);
}

std::string AttemptText(const pb::AttemptId& id) {
  return StrCat(TaskText(id.job(), id.stage(), id.task()), "#", id.attempt(), "@", id.incarnation());
}

std::string AttemptFileText(const pb::AttemptId& id) {
  return StrCat("s", id.stage(), "-t", id.task(), "-a", id.attempt(), "-", id.incarnation());
}

}  // namespace millrace
