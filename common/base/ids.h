// Ids as text, as users see and type them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

namespace pb {
class AttemptId;
}

// 12 -> "j-12".
std::string JobIdText(uint64_t job);
// "j-12" or "12" -> 12; nothing for other texts and for 0.
std::optional<uint64_t> ParseJobId(std::string_view text);

// "j-12/s3/t7": a task, for people.
std::string TaskText(uint64_t job, uint32_t stage, uint32_t task);
// "j-12/s3/t7#2@5": attempt 2 of the task in incarnation 5.
std::string AttemptText(const pb::AttemptId& id);
// "s3-t7-a2-5": unique within a job, fit for file names.
std::string AttemptFileText(const pb::AttemptId& id);

}  // namespace millrace
