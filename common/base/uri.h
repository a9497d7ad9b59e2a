// Paths and URIs as people write them in options.
#pragma once

#include <string>

namespace millrace {

// A path, file:PATH or file://PATH becomes an absolute path; any other SCHEME:... stays as it is.
std::string AbsoluteUri(const std::string& text);
// Each one of a comma-separated list; commas inside {} belong to a pattern.
std::string AbsoluteUris(const std::string& list);

}  // namespace millrace
