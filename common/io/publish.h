// The last step of a job: temporaries become the output, or nothing stays behind.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "proto/control.pb.h"
#include "proto/task.pb.h"

namespace millrace::io {

inline constexpr char kTemporaryName[] = "_temporary";
inline constexpr char kSuccessName[] = "_SUCCESS";

// Runs the list (proto/control.proto). Doing it again, also after an interruption at any point or beside a
// second worker that does the same, ends in the same folder. Order: with `overwrite` what stands at the
// output is removed, _SUCCESS first, but for _temporary and for files that the list itself replaces; renames;
// small files (written aside, then renamed; _SUCCESS last); removals; and with remove_output_if_created the
// output folder, if it then is empty. Kind NONE when all of it stands.
//
// `before_step` is called before every change of the disk; false stops there (kind KILLED).
pb::ErrorInfo PublishFiles(const pb::FileList& list, const std::function<bool()>& before_step = nullptr);

// Before a job: refuses an output that exists (kAlreadyExists), and with `overwrite` one that holds something
// but was not written by us (kFailedPrecondition: neither _SUCCESS nor _temporary in it). An empty folder is
// fine.
absl::Status CheckOutput(const std::string& path, bool overwrite);

}  // namespace millrace::io
