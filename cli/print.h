// Answers as tables for people and as JSON for scripts.
#pragma once

#include <string>
#include <vector>

#include "proto/client.pb.h"

namespace millrace::cli {

// Columns padded to their widest cell, two blanks between; the first row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows);

const char* StateName(pb::JobStatus::State state);  // "running"
// One object, members in a fixed order; the same members whatever their values.
std::string JobJson(const pb::JobStatus& job);
std::string JobsJson(const pb::ListJobsReply& reply);
std::string WorkersJson(const pb::ListWorkersReply& reply);
std::string CountersJson(const pb::CountersReply& reply);

// "j-3 failed: SENTENCE (in OPERATOR)".
std::string FailureSentence(const pb::JobStatus& job);

// Local time of a time stamp, "2023-01-03 10:00:00"; "-" for 0.
std::string TimeText(int64_t time_ms);

}  // namespace millrace::cli
