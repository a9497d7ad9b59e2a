#include "common/config/option_table.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "common/base/strings.h"

#ifndef MILLRACE_VERSION
#define MILLRACE_VERSION "0.1.0"
#endif

namespace millrace {

struct OptionTable::Option::Spec {
  std::string name, unit, meaning, default_text, env;
  bool flag = false, list = false, required = false, hidden = false, given = false;
  double least = 0, most = 0;
  bool ranged = false;
  std::vector<std::string> choices;
  std::function<absl::Status(const std::string&)> check;
  // Reads `text` into the variable; `number` is what Range looks at.
  std::function<absl::Status(const std::string& text, double* number)> set;
  std::function<std::string()> show;

  absl::Status Take(const std::string& text);
};

namespace {

constexpr char kEmpty[] = "\x01";  // CLI11 takes "--name=" for a missing value

absl::Status Refuse(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

std::string NumberText(double value) {
  char buffer[400];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed).ptr;
  return std::string(buffer, end);
}

template <typename T>
absl::Status SetNumber(const std::string& text, T* value, double* number, const char* what) {
  T parsed{};
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, parsed);
  if (error == std::errc::result_out_of_range) return Refuse("\"" + text + "\" is too large");
  if (error != std::errc() || rest != end) return Refuse("\"" + text + "\" is no " + std::string(what));
  *value = parsed;
  *number = static_cast<double>(parsed);
  return absl::OkStatus();
}

std::string BytesText(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"", "KiB", "MiB", "GiB"};
  int unit = 0;
  while (unit < 3 && bytes != 0 && bytes % 1024 == 0) bytes /= 1024, ++unit;
  return std::to_string(bytes) + kUnits[unit];
}

std::string MsText(uint32_t ms) {
  if (ms != 0 && ms % 1000 == 0) return std::to_string(ms / 1000) + "s";
  return std::to_string(ms) + "ms";
}

}  // namespace

absl::Status OptionTable::Option::Spec::Take(const std::string& text) {
  double number = 0;
  absl::Status status = set(text, &number);
  if (status.ok() && ranged && !(number >= least && number <= most)) {
    status = Refuse("\"" + text + "\" is out of range: " + NumberText(least) + " to " + NumberText(most));
  }
  if (status.ok() && !choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
    status = Refuse("\"" + text + "\" is none of " + all);
  }
  if (status.ok() && check) status = check(text);
  if (!status.ok())
    return Refuse("--" + name + ": " + std::string(status.message().data(), status.message().size()));
  given = true;
  return absl::OkStatus();
}

OptionTable::Option& OptionTable::Option::Range(double least, double most) {
  spec_->least = least, spec_->most = most, spec_->ranged = true;
  return *this;
}
OptionTable::Option& OptionTable::Option::Choices(std::vector<std::string> choices) {
  spec_->choices = std::move(choices);
  return *this;
}
OptionTable::Option& OptionTable::Option::Required() {
  spec_->required = true;
  return *this;
}
OptionTable::Option& OptionTable::Option::Env(std::string variable) {
  spec_->env = std::move(variable);
  return *this;
}
OptionTable::Option& OptionTable::Option::Check(std::function<absl::Status(const std::string&)> check) {
  spec_->check = std::move(check);
  return *this;
}
OptionTable::Option& OptionTable::Option::Hidden() {
  spec_->hidden = true;
  return *this;
}

struct OptionTable::Impl {
  std::string program, summary, usage;
  std::vector<std::unique_ptr<Option::Spec>> specs;
  std::vector<std::string>* positional = nullptr;
  std::vector<std::string>* rest = nullptr;
  std::map<std::string, std::string>* unknown = nullptr;
  std::string positional_unit;

  Option::Spec* New(std::string name, std::string unit, std::string meaning) {
    specs.push_back(std::make_unique<Option::Spec>());
    Option::Spec* spec = specs.back().get();
    spec->name = std::move(name), spec->unit = std::move(unit), spec->meaning = std::move(meaning);
    return spec;
  }
  absl::Status UnknownOption(const std::string& arg) const;
  absl::Status TakeExtras(const std::vector<std::string>& extras);
};

OptionTable::OptionTable(std::string program, std::string summary, std::string usage)
    : impl_(std::make_unique<Impl>()) {
  impl_->program = std::move(program), impl_->summary = std::move(summary), impl_->usage = std::move(usage);
}
OptionTable::~OptionTable() = default;

OptionTable::Option OptionTable::Add(std::string name, std::string* value, std::string default_value,
                                     std::string unit, std::string meaning) {
  Option::Spec* spec = impl_->New(std::move(name), std::move(unit), std::move(meaning));
  *value = std::move(default_value);
  spec->default_text = *value;
  spec->set = [value](const std::string& text, double*) { return *value = text, absl::OkStatus(); };
  spec->show = [value] { return *value; };
  return Option(spec);
}

#define MR_ADD_NUMBER(TYPE, WHAT)                                                                           \
  OptionTable::Option OptionTable::Add(std::string name, TYPE* value, TYPE default_value, std::string unit, \
                                       std::string meaning) {                                               \
    Option::Spec* spec = impl_->New(std::move(name), std::move(unit), std::move(meaning));                  \
    *value = default_value;                                                                                 \
    spec->show = [value] { return NumberText(static_cast<double>(*value)); };                               \
    spec->default_text = spec->show();                                                                      \
    spec->set = [value](const std::string& text, double* number) {                                          \
      return SetNumber(text, value, number, WHAT);                                                          \
    };                                                                                                      \
    return Option(spec);                                                                                    \
  }
MR_ADD_NUMBER(uint32_t, "whole number")
MR_ADD_NUMBER(uint64_t, "whole number")
MR_ADD_NUMBER(int64_t, "whole number")
MR_ADD_NUMBER(double, "number")
#undef MR_ADD_NUMBER

OptionTable::Option OptionTable::Add(std::string name, bool* value, bool default_value, std::string meaning) {
  Option::Spec* spec = impl_->New(std::move(name), "", std::move(meaning));
  *value = default_value;
  spec->flag = true;
  spec->show = [value] { return std::string(*value ? "true" : "false"); };
  spec->default_text = spec->show();
  spec->set = [value](const std::string& text, double*) {
    if (text != "true" && text != "false") return Refuse("\"" + text + "\" is neither true nor false");
    *value = text == "true";
    return absl::OkStatus();
  };
  return Option(spec);
}

OptionTable::Option OptionTable::AddList(std::string name, std::vector<std::string>* value, std::string unit,
                                         std::string meaning) {
  Option::Spec* spec = impl_->New(std::move(name), std::move(unit), std::move(meaning));
  spec->list = true;
  spec->set = [value](const std::string& text, double*) { return value->push_back(text), absl::OkStatus(); };
  spec->show = [value] {
    std::string all;
    for (const std::string& item : *value) all += (all.empty() ? "" : ",") + item;
    return all;
  };
  return Option(spec);
}

OptionTable::Option OptionTable::AddBytes(std::string name, uint64_t* value, uint64_t default_value,
                                          std::string meaning) {
  Option::Spec* spec = impl_->New(std::move(name), "SIZE", std::move(meaning));
  *value = default_value;
  spec->show = [value] { return BytesText(*value); };
  spec->default_text = spec->show();
  spec->set = [value](const std::string& text, double* number) {
    absl::Status status = ParseBytesText(text, value);
    *number = static_cast<double>(*value);
    return status;
  };
  return Option(spec);
}

OptionTable::Option OptionTable::AddMs(std::string name, uint32_t* value, uint32_t default_value,
                                       std::string meaning) {
  Option::Spec* spec = impl_->New(std::move(name), "TIME", std::move(meaning));
  *value = default_value;
  spec->show = [value] { return MsText(*value); };
  spec->default_text = spec->show();
  spec->set = [value](const std::string& text, double* number) {
    absl::Status status = ParseMsText(text, value);
    *number = static_cast<double>(*value);
    return status;
  };
  return Option(spec);
}

void OptionTable::Positional(std::vector<std::string>* values, std::string unit) {
  impl_->positional = values;
  impl_->positional_unit = std::move(unit);
}
void OptionTable::Rest(std::vector<std::string>* rest, std::string unit) {
  impl_->rest = rest;
  impl_->positional_unit = std::move(unit);
}
void OptionTable::Unknown(std::map<std::string, std::string>* values) { impl_->unknown = values; }

absl::Status OptionTable::Impl::UnknownOption(const std::string& arg) const {
  std::string name = arg.substr(arg.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  std::vector<std::string> known = {"help", "version"};
  for (const auto& spec : specs) {
    if (!spec->hidden) known.push_back(spec->name);
  }
  std::string sentence = "unknown option --" + name;
  std::string nearest = Nearest(name, known);
  if (!nearest.empty()) return Refuse(sentence + "; did you mean --" + nearest + "?");
  return Refuse(sentence + "; see " + program + " --help");
}

absl::Status OptionTable::Impl::TakeExtras(const std::vector<std::string>& extras) {
  if (rest) {
    *rest = extras;
    if (!extras.empty() && extras[0].size() > 1 && extras[0][0] == '-') return UnknownOption(extras[0]);
    return absl::OkStatus();
  }
  for (const std::string& arg : extras) {
    bool option = arg.size() > 1 && arg[0] == '-' && arg.find_first_not_of('-') != std::string::npos;
    if (option && unknown && arg.starts_with("--")) {
      size_t equals = arg.find('=');
      std::string name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
      (*unknown)[name] = equals == std::string::npos ? "true" : arg.substr(equals + 1);
    } else if (option) {
      return UnknownOption(arg);
    } else if (positional) {
      positional->push_back(arg);
    } else {
      return Refuse("unexpected argument \"" + arg + "\"; see " + program + " --help");
    }
  }
  return absl::OkStatus();
}

absl::Status OptionTable::ParseArgs(const std::vector<std::string>& args) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  if (impl_->rest) app.prefix_command();
  absl::Status first;  // CLI11 hands values over in the order of the table
  for (const auto& owned : impl_->specs) {
    Option::Spec* spec = owned.get();
    auto take = [spec, &first](const std::vector<std::string>& values) {
      for (const std::string& value : values) {
        if (first.ok()) first = spec->Take(value == kEmpty ? "" : value);
      }
      return true;
    };
    CLI::Option* option = app.add_option_function<std::vector<std::string>>("--" + spec->name, take);
    option->type_size(1)->expected(1)->multi_option_policy(spec->list ? CLI::MultiOptionPolicy::TakeAll
                                                                      : CLI::MultiOptionPolicy::TakeLast);
    option->allow_extra_args(false);
    if (spec->flag) option->expected(0, 1);
  }
  std::vector<std::string> given;
  for (const std::string& arg : args) {  // a bare flag would swallow the next argument
    bool flag = false;
    for (const auto& spec : impl_->specs) flag |= spec->flag && arg == "--" + spec->name;
    given.push_back(flag ? arg + "=true" : arg.starts_with("--") && arg.ends_with("=") ? arg + kEmpty : arg);
  }
  std::reverse(given.begin(), given.end());
  try {
    app.parse(given);
  } catch (const CLI::ArgumentMismatch& error) {
    return Refuse("an option lacks its value (" + std::string(error.what()) + "); see " + impl_->program +
                  " --help");
  } catch (const CLI::Error& error) {
    return Refuse(error.what());
  }
  if (!first.ok()) return first;
  std::vector<std::string> remaining = app.remaining();
  for (std::string& arg : remaining) {
    if (arg.ends_with(kEmpty)) arg.pop_back();
  }
  absl::Status extras = impl_->TakeExtras(remaining);
  if (!extras.ok()) return extras;
  for (const auto& spec : impl_->specs) {
    if (spec->given) continue;
    const char* text = spec->env.empty() ? nullptr : getenv(spec->env.c_str());
    if (text && *text) {
      absl::Status status = spec->Take(text);
      if (!status.ok())
        return Refuse(std::string(status.message().data(), status.message().size()) + " (from " + spec->env +
                      ")");
    } else if (spec->required) {
      return Refuse("--" + spec->name + " is needed: " + spec->meaning);
    }
  }
  return absl::OkStatus();
}

std::optional<int> OptionTable::Parse(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  for (const std::string& arg : args) {
    if (impl_->rest && !arg.starts_with("-")) break;
    if (arg == "--help" || arg == "-h") {
      fputs(Help().c_str(), stdout);
      return 0;
    }
    if (arg == "--version") {
      printf("%s %s\n", impl_->program.c_str(), VersionText().c_str());
      return 0;
    }
  }
  absl::Status status = ParseArgs(args);
  if (status.ok()) return std::nullopt;
  std::string sentence(status.message().data(), status.message().size());
  fprintf(stderr, "%s: %s\n", impl_->program.c_str(), sentence.c_str());
  return 2;
}

namespace {

// Words of `text` in lines of at most `width` columns, each after `indent` spaces.
std::string Wrapped(const std::string& text, size_t indent, size_t width) {
  std::string out, line;
  for (size_t at = 0; at < text.size();) {
    size_t space = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, space - at);
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      out += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = space + 1;
  }
  if (!line.empty()) out += std::string(indent, ' ') + line + "\n";
  return out;
}

}  // namespace

std::string OptionTable::Help() const {
  std::string out = "usage: " + impl_->program + " " + impl_->usage;
  if (!impl_->positional_unit.empty() && impl_->usage == "[options]") out += " " + impl_->positional_unit;
  out += "\n" + Wrapped(impl_->summary, 0, 100) + "\noptions:\n";
  for (const auto& spec : impl_->specs) {
    if (spec->hidden) continue;
    out += "  --" + spec->name + (spec->flag ? "" : "=" + spec->unit);
    std::string facts;
    if (spec->required) facts = "required";
    if (!spec->default_text.empty()) facts = "default " + spec->default_text;
    if (spec->list) facts = "may be repeated";
    if (!spec->env.empty()) facts += (facts.empty() ? "" : ", ") + ("or the variable " + spec->env);
    if (!facts.empty()) out += "  (" + facts + ")";
    out += "\n" + Wrapped(spec->meaning, 8, 100);
  }
  return out + "  --help\n        Prints this.\n  --version\n        Prints the version.\n";
}

bool OptionTable::Given(const std::string& name) const {
  for (const auto& spec : impl_->specs) {
    if (spec->name == name) return spec->given;
  }
  return false;
}

std::string OptionTable::Describe() const {
  std::string out;
  for (const auto& spec : impl_->specs) out += (out.empty() ? "" : " ") + spec->name + "=" + spec->show();
  return out;
}

std::string VersionText() { return MILLRACE_VERSION; }

}  // namespace millrace
