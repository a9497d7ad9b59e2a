#include "common/obs/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace millrace {
namespace {

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

// Never destroyed: threads may log until the process ends.
std::shared_ptr<spdlog::logger>& Logger() {
  static auto* logger = new std::shared_ptr<spdlog::logger>([] {
    auto made =
        std::make_shared<spdlog::logger>("millrace", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_level(spdlog::level::warn);
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
    return made;
  }());
  return *logger;
}

}  // namespace

void InitLog(const std::string& program, LogLevel level) {
  Logger()->set_pattern("%Y-%m-%d %H:%M:%S.%e " + program + " %^%l%$ %v");
  Logger()->set_level(Level(level));
}

absl::Status ParseLogLevel(const std::string& text, LogLevel* level) {
  static constexpr struct {
    const char* text;
    LogLevel level;
  } kLevels[] = {{"debug", LogLevel::kDebug},
                 {"info", LogLevel::kInfo},
                 {"warning", LogLevel::kWarning},
                 {"error", LogLevel::kError},
                 {"off", LogLevel::kOff}};
  for (const auto& known : kLevels) {
    if (text == known.text) return *level = known.level, absl::OkStatus();
  }
  return absl::InvalidArgumentError("\"" + text + "\" is no log level: debug, info, warning, error or off");
}

bool LogEnabled(LogLevel level) { return Logger()->should_log(Level(level)); }

void Log(LogLevel level, const std::string& text) {
  Logger()->log(Level(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace millrace
