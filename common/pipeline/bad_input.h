// What a function of a job throws when the data, not its code, is to blame.
#pragma once

#include <stdexcept>
#include <string>

namespace millrace {

// The job ends with this sentence: what is wrong, where, what to do about it. Inside a source's chain the
// record at hand is named behind it. The same data would fail again, so nothing is tried twice.
class BadInput : public std::runtime_error {
 public:
  explicit BadInput(const std::string& sentence) : std::runtime_error(sentence) {}
};

}  // namespace millrace
