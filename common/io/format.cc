#include "common/io/format.h"

#include <charconv>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace millrace::io {
namespace {

absl::Status ParseFlag(std::string_view name, const std::string& text, bool* value) {
  if (text == "true" || text == "1" || text == "yes") {
    *value = true;
  } else if (text == "false" || text == "0" || text == "no") {
    *value = false;
  } else {
    return InvalidArgument(name, "=", Quote(text), " is neither true nor false");
  }
  return absl::OkStatus();
}

absl::Status ParseDelimiter(const std::string& text, char* delimiter) {
  if (text == "tab" || text == "\\t") {
    *delimiter = '\t';
    return absl::OkStatus();
  }
  if (text.size() != 1 || text[0] == '"' || text[0] == '\n' || text[0] == '\r' || text[0] == '\0') {
    return InvalidArgument("delimiter=", Quote(text),
                           " must be one byte, and not a quote or a line end; a tab is \"tab\"");
  }
  *delimiter = text[0];
  return absl::OkStatus();
}

absl::Status ParseRecordBytes(const std::string& text, uint64_t* value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  if (error != std::errc() || stop != end || *value == 0 || *value > (uint64_t{1} << 30)) {
    return InvalidArgument("record_bytes=", Quote(text), " must be a number from 1 to 1073741824");
  }
  return absl::OkStatus();
}

absl::Status ParseOption(const std::string& name, const std::string& text, FormatOptions* options) {
  if (name == "delimiter") return ParseDelimiter(text, &options->delimiter);
  if (name == "header") return ParseFlag(name, text, &options->header);
  if (name == "quote") return ParseFlag(name, text, &options->quote);
  if (name == "strip_cr") return ParseFlag(name, text, &options->strip_cr);
  if (name == "record_bytes") return ParseRecordBytes(text, &options->record_bytes);
  return InvalidArgument("unknown input option ", Quote(name), ".",
                         DidYouMean(name, {"delimiter", "header", "quote", "strip_cr", "record_bytes"}));
}

}  // namespace

absl::StatusOr<FormatOptions> ParseFormat(std::string_view format,
                                          const std::map<std::string, std::string>& options) {
  FormatOptions parsed;
  if (format == "text") {
    parsed.format = Format::kText;
  } else if (format == "csv") {
    parsed.format = Format::kCsv;
  } else if (format == "jsonl") {
    parsed.format = Format::kJsonl;
  } else if (format == "fixed") {
    parsed.format = Format::kFixed;
  } else if (format == "parquet") {
    parsed.format = Format::kParquet;
  } else {
    return InvalidArgument("unknown input format ", Quote(format),
                           "; there are csv, fixed, jsonl, parquet and text.",
                           DidYouMean(format, {"text", "csv", "jsonl", "fixed", "parquet"}));
  }
  for (const auto& [name, text] : options) MR_RETURN_IF_ERROR(ParseOption(name, text, &parsed));
  if (parsed.format == Format::kFixed && parsed.record_bytes == 0) {
    return InvalidArgument("input of records of a fixed size needs record_bytes");
  }
  return parsed;
}

absl::StatusOr<FormatOptions> ParseFormat(const pb::FileSource& source) {
  return ParseFormat(source.format(), {source.options().begin(), source.options().end()});
}

pb::ErrorInfo ToErrorInfo(const absl::Status& status) {
  pb::ErrorInfo error;
  if (status.ok()) return error;
  error.set_message(MessageOf(status));
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss:
      error.set_kind(pb::ErrorInfo::BAD_INPUT);
      error.set_deterministic(true);
      break;
    default:
      error.set_kind(pb::ErrorInfo::SYSTEM);
  }
  return error;
}

}  // namespace millrace::io
