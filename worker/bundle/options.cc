#include "worker/bundle/options.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/uri.h"

namespace millrace {
namespace {

constexpr const char* kLocalNames[] = {"slots", "slot-memory", "work-dir", "progress", "supervise"};

absl::Status TakeLocal(const std::string& name, const std::string& value, LocalOptions* options) {
  if (name == "slots") {
    const auto slots = ParseBytes(value);
    if (!slots || *slots == 0 || *slots > 1024) {
      return InvalidArgument("--slots=", value, ": the number of tasks at once is between 1 and 1024");
    }
    options->slots = static_cast<uint32_t>(*slots);
  } else if (name == "slot-memory") {
    const auto bytes = ParseBytes(value);
    if (!bytes || *bytes < (64u << 20)) {
      return InvalidArgument("--slot-memory=", value, ": give a size of at least 64MiB, for instance 256MiB");
    }
    options->slot_memory_bytes = *bytes;
  } else if (name == "work-dir") {
    options->work_dir = AbsolutePath(value);
  } else if (name == "supervise") {
    options->supervise = value != "false";
  } else {
    if (value != "auto" && value != "plain" && value != "none") {
      return InvalidArgument("--progress=", value, ": choose auto, plain or none");
    }
    options->progress = value;
  }
  return absl::OkStatus();
}

}  // namespace

std::string UnknownJob(const std::string& name) {
  std::vector<std::string> names;
  for (const JobInfo* job : JobRegistry::Get().List()) names.push_back(job->name);
  return StrCat("there is no job '", name, "' in this bundle.", DidYouMean(name, names),
                " `describe` lists its ", names.size(), " jobs");
}

absl::StatusOr<LocalOptions> ParseLocalOptions(const std::string& program,
                                               const std::vector<std::string>& args) {
  LocalOptions options;
  options.program = program;
  options.job = args[0];
  const JobInfo* job = JobRegistry::Get().Find(options.job);
  if (job == nullptr) return InvalidArgument(UnknownJob(options.job));
  for (size_t i = 1; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg.rfind("--", 0) != 0 || arg.size() == 2) {
      return InvalidArgument("'", arg, "' is no option: options of a job are --name=value");
    }
    const size_t equals = arg.find('=');
    const std::string name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
    std::string value = equals == std::string::npos ? "true" : arg.substr(equals + 1);
    bool local = false;
    for (const char* known : kLocalNames) local = local || name == known;
    if (local) {
      MR_RETURN_IF_ERROR(TakeLocal(name, value, &options));
      continue;
    }
    for (const OptionInfo& info : job->options) {
      if (info.name == name && (info.type == "path" || name == "input" || name == "output"))
        value = AbsoluteUris(value);
    }
    options.options[name] = value;
  }
  return options;
}

std::string DescribeText(const std::string& only) {
  std::string text;
  for (const JobInfo* job : JobRegistry::Get().List()) {
    if (!only.empty() && job->name != only) continue;
    StrAppend(&text, job->name, "  ", job->meaning, "\n");
    for (const OptionInfo& option : job->options) {
      StrAppend(&text, "  --", option.name, "=", option.type, "  ", option.meaning,
                option.default_value.empty() ? "" : StrCat(" [", option.default_value, "]"), "\n");
    }
  }
  return text;
}

std::string DescribeJson() {
  std::string text = "{\"jobs\":[";
  const char* comma = "";
  for (const JobInfo* job : JobRegistry::Get().List()) {
    StrAppend(&text, comma, "\n{\"name\":", JsonQuote(job->name), ",\"meaning\":", JsonQuote(job->meaning),
              ",\"options\":[");
    const char* inner = "";
    for (const OptionInfo& option : job->options) {
      StrAppend(&text, inner, "\n {\"name\":", JsonQuote(option.name), ",\"type\":", JsonQuote(option.type),
                ",\"default\":", JsonQuote(option.default_value), ",\"meaning\":", JsonQuote(option.meaning),
                "}");
      inner = ",";
    }
    text += "]}";
    comma = ",";
  }
  return text + "\n]}\n";
}

std::string HelpText(const std::string& program) {
  std::string text =
      StrCat("usage: ", program,
             " JOB --input=PATH --output=FOLDER [--name=value ...]   runs a job on this machine\n", "       ",
             program, " plan JOB ...          prints what the job would compute\n", "       ", program,
             " describe [JOB|--json] its jobs and their options\n", "       mrsubmit run --bundle=", program,
             " JOB ...  takes the same job to a fleet\n\n",
             "options of a run: --slots=N (tasks at once, default: one per CPU)  --slot-memory=256MiB\n",
             "                  --work-dir=FOLDER (default: $TMPDIR; a fresh one in it is used)  "
             "--progress=auto|plain|none\n\njobs:\n");
  for (const JobInfo* job : JobRegistry::Get().List())
    StrAppend(&text, "  ", job->name, "  ", job->meaning, "\n");
  return text;
}

}  // namespace millrace
