#include "common/base/failpoint.h"

#include <fcntl.h>
#include <google/protobuf/message.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/strings.h"

namespace millrace::internal {

class Failpoints {
 public:
  // Null unless the environment asks for them.
  static const Failpoints* FromEnvironment() {
    const char* spec = std::getenv("MILLRACE_FAILPOINT");
    const char* tell = std::getenv("MILLRACE_FAILPOINT_TELL");
    return spec == nullptr || tell == nullptr ? nullptr : new Failpoints(spec, tell);
  }

  void Pass(const std::string& place) const {
    std::lock_guard<std::mutex> lock(mutex_);
    const std::string passage = StrCat(place, ":", ++counts_[place]);
    const bool stop = place == spec_ || (passage == spec_ && Take());
    if (!stop && spec_ != "*") return;
    Tell(passage);
    if (stop) std::raise(SIGSTOP);
  }

 private:
  Failpoints(std::string spec, std::string tell) : spec_(std::move(spec)), tell_(std::move(tell)) {}

  bool Take() const {
    const int fd = ::open((tell_ + ".taken").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  }

  // In one write, so that lines of several processes do not mix.
  void Tell(std::string passage) const {
    passage[passage.rfind(':')] = ' ';
    const std::string line = StrCat(getpid(), " ", passage, "\n");
    const int fd = ::open(tell_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    (void)!::write(fd, line.data(), line.size());
    ::close(fd);
  }

  const std::string spec_, tell_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, int> counts_;
};

const Failpoints* const failpoints = Failpoints::FromEnvironment();

void PassFailpoint(const char* place) { failpoints->Pass(place); }

void PassFailpoint(const char* place, const google::protobuf::Message& message) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields)
    failpoints->Pass(StrCat(place, ".", field->name()));
}

}  // namespace millrace::internal
