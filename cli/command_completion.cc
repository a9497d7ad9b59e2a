// completion: scripts for bash and zsh. Names of jobs and of their options come from the bundle at the time
// of asking.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "common/base/strings.h"

namespace millrace::cli {

namespace {

constexpr const char* kBash = R"sh(_mrsubmit() {
  local current=${COMP_WORDS[COMP_CWORD]} command= job= bundle= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      --bundle=*) bundle=$word ;;
      -*) ;;
      *) if [ -z "$command" ]; then command=$word; elif [ -z "$job" ]; then job=$word; fi ;;
    esac
  done
  if [ -z "$command" ]; then
    COMPREPLY=($(compgen -W "@COMMANDS@" -- "$current"))
    return
  fi
  case $command in
    run|submit|plan|jobs)
      if [ -z "$job" ] && [ "${current#-}" = "$current" ]; then
        COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" jobs --only=names $bundle 2>/dev/null)" -- "$current"))
        return
      fi
      local options="--coordinator= --bundle= --local --slots= --slot-memory= --progress= --timeout="
      [ -n "$job" ] && options+=" $("${COMP_WORDS[0]}" jobs "$job" --only=options $bundle 2>/dev/null)"
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      compopt -o nospace
      ;;
    completion) COMPREPLY=($(compgen -W "bash zsh" -- "$current")) ;;
    verify) COMPREPLY=($(compgen -d -- "$current")) ;;
    status|wait|logs|counters|kill|events)
      COMPREPLY=($(compgen -W "last $("${COMP_WORDS[0]}" list --connect-timeout=200ms 2>/dev/null | awk 'NR > 1 {print $1}')" -- "$current"))
      ;;
  esac
}
complete -o default -F _mrsubmit mrsubmit
)sh";

constexpr const char* kZsh = R"sh(#compdef mrsubmit
autoload -U +X bashcompinit && bashcompinit
)sh";

}  // namespace

int CompletionCommand(const Args& args) {
  std::vector<std::string> positional;
  OptionTable table("mrsubmit completion", "Prints a completion script: source <(mrsubmit completion bash)",
                    "[options] bash|zsh");
  table.Positional(&positional, "bash|zsh");
  if (auto code = Parse(table, args)) return *code;
  if (positional.size() != 1 || (positional[0] != "bash" && positional[0] != "zsh")) {
    return Say("completion takes the name of a shell, bash or zsh", kUsage);
  }
  std::string commands;
  for (const Command& command : Commands()) StrAppend(&commands, commands.empty() ? "" : " ", command.name);
  std::string script = kBash;
  const std::string mark = "@COMMANDS@";
  script.replace(script.find(mark), mark.size(), commands);
  std::printf("%s%s", positional[0] == "zsh" ? kZsh : "", script.c_str());
  return kOk;
}

}  // namespace millrace::cli
