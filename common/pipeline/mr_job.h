// Registering a job:
//
//   struct GrepOptions : CommonOptions { std::string pattern; };
//   MR_OPTIONS(GrepOptions, MR_OPTION(pattern, "text", "Lines that contain these bytes are kept"))
//   void Grep(Job& job, const GrepOptions& options) { ... }
//   MR_JOB("grep", Grep, "Lines that contain a text")
//
// A member named close_precision is the option --close-precision. A type with '|' lists the allowed values;
// "path" marks files (mrsubmit makes them absolute). A default of MR_REQUIRED cannot be left out.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "common/base/status.h"
#include "common/pipeline/job.h"
#include "common/pipeline/jobs_registry.h"
#include "common/pipeline/option_value.h"

namespace millrace {

// Every job has these; a job's own options struct derives from CommonOptions, or from OutputOptions when it
// has an option of its own for each input: then it takes no --input.
struct OutputOptions {
  std::string output;  // the output folder
};
struct CommonOptions : OutputOptions {
  std::string input;  // paths, globs, folders, comma-separated
};

// The default text of an option that must be given.
inline constexpr char kRequired[] = "(required)";

namespace internal {

template <typename O, typename M>
struct OptionField {
  std::string_view member_name, type, meaning;
  M O::*member;
  std::string name() const {
    std::string name(member_name);
    for (char& c : name)
      if (c == '_') c = '-';
    return name;
  }
};
template <typename O, typename M>
constexpr OptionField<O, M> MakeOption(std::string_view name, std::string_view type, std::string_view meaning,
                                       M O::*member) {
  return {name, type, meaning, member};
}

template <typename O>
void ForEachOption(auto&& fn) {
  if constexpr (requires { MrOptions(static_cast<const O*>(nullptr)); })
    std::apply([&](const auto&... field) { (fn(field), ...); }, MrOptions(static_cast<const O*>(nullptr)));
}

template <typename O>
inline constexpr bool kTakesInput = std::is_base_of_v<CommonOptions, O>;

template <typename O>
std::vector<OptionInfo> OptionInfosOf() {
  std::vector<OptionInfo> infos = CommonOptionInfos(kTakesInput<O>);
  const O defaults{};
  ForEachOption<O>([&](const auto& field) {
    const std::string text = OptionText(defaults.*field.member);
    infos.push_back({field.name(), std::string(field.type), text, std::string(field.meaning)});
  });
  return infos;
}

// Parses the job's own options (the common ones are gone); "" or the sentence.
template <typename O>
std::string ParseOptions(const std::string& job, const std::map<std::string, std::string>& given,
                         O* options) {
  std::string problem;
  std::map<std::string, std::string> rest = given;
  ForEachOption<O>([&](const auto& field) {
    const std::string name = field.name();
    const auto at = rest.find(name);
    if (at != rest.end()) {
      if (problem.empty())
        problem = ParseOption(name, std::string(field.type), at->second, &(options->*field.member));
      rest.erase(at);
    } else if (OptionText(options->*field.member) == kRequired && problem.empty()) {
      problem = StrCat(job, ": --", name, " is required: ", field.meaning);
    }
  });
  if (problem.empty() && !rest.empty()) problem = UnknownOption(job, rest.begin()->first, OptionInfosOf<O>());
  return problem;
}

// What JobInfo::run does around the job function; never throws.
pb::ErrorInfo RunGuarded(Job& job, const std::map<std::string, std::string>& given, bool takes_input,
                         const std::function<std::string(const std::map<std::string, std::string>&)>& parse,
                         const std::function<void()>& body);

template <auto kFunction>
struct JobRegistrar;
template <typename O, void (*kFunction)(Job&, const O&)>
struct JobRegistrar<kFunction> {
  // No std::string: that could be constructed after the registrar has set it, and be empty from then on.
  static inline const char* name = nullptr;
  JobRegistrar(const char* job_name, const char* meaning) {
    name = job_name;
    JobInfo info;
    info.name = job_name;
    info.meaning = meaning;
    info.options = OptionInfosOf<O>();
    info.run = [](Job& job, const std::map<std::string, std::string>& given) {
      O options;
      return RunGuarded(
          job, given, kTakesInput<O>,
          [&](const std::map<std::string, std::string>& own) {
            if constexpr (kTakesInput<O>) options.input = job.settings().input;
            options.output = job.settings().output;
            return ParseOptions(name, own, &options);
          },
          [&] { kFunction(job, options); });
    };
    JobRegistry::Get().Add(std::move(info));
  }
};

}  // namespace internal

#define MR_OPTIONS(Type, ...)                                            \
  [[maybe_unused]] inline auto MrOptions([[maybe_unused]] const Type*) { \
    using MrSelf [[maybe_unused]] = Type;                                \
    return std::make_tuple(__VA_ARGS__);                                 \
  }
#define MR_OPTION(member, type, meaning) \
  ::millrace::internal::MakeOption<MrSelf>(#member, type, meaning, &MrSelf::member)

#define MR_JOB(name, function, meaning)                                                                 \
  static const ::millrace::internal::JobRegistrar<&function> MR_CONCAT(mr_job_registrar_, __COUNTER__){ \
      name, meaning};

}  // namespace millrace
