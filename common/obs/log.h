// Logging to stderr, for daemons. Never called from a state machine; spdlog stays behind log.cc.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace millrace {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// Once, early in main(). `program` heads every line. Before it, warnings and errors are shown.
void InitLog(const std::string& program, LogLevel level);
// "debug", "info", "warning", "error", "off"
absl::Status ParseLogLevel(const std::string& text, LogLevel* level);

bool LogEnabled(LogLevel level);
void Log(LogLevel level, const std::string& text);
inline void LogDebug(const std::string& text) { Log(LogLevel::kDebug, text); }
inline void LogInfo(const std::string& text) { Log(LogLevel::kInfo, text); }
inline void LogWarning(const std::string& text) { Log(LogLevel::kWarning, text); }
inline void LogError(const std::string& text) { Log(LogLevel::kError, text); }

}  // namespace millrace
