#include "app/cli/completion.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "app/cli/http_transport.h"
#include "net/os/os_loop.h"

namespace wireway::app::cli {
namespace {

constexpr std::array about_objects{"get", "delete", "diff", "history", "rollback"};

/// Says nothing: what goes wrong while completing is nobody's business.
class QuietConsole final : public Console {
 public:
  void out(std::string_view) override {}
  void err(std::string_view) override {}
  std::string in() override { return ""; }
  std::string ask(std::string_view) override { return ""; }
  bool is_terminal() const override { return false; }
  bool colours() const override { return false; }
};

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> out;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    for (const std::string& name : option->get_snames()) out.push_back("-" + name);
  }
  return out;
}

std::vector<std::string> names_of(Session& session, const std::string& word) {
  std::vector<std::string> out;
  auto kind = session.kinds.find(word);
  if (!kind) return out;
  auto list = session.api.get(kind->path(session.space) + fmt::format("?limit={}", candidates_max));
  if (!list) return out;
  if (const json::value* items = find(*list, "items"); items != nullptr && items->is_array())
    for (const json::value& item : items->get_array())
      out.push_back(text_at(item, {"metadata", "name"}));
  return out;
}

std::vector<std::string> objects(Session& session, const std::vector<std::string>& positionals,
                                 const std::string& begun) {
  if (const auto slash = begun.find('/'); slash != std::string::npos) {
    const std::string kind = begun.substr(0, slash);
    std::vector<std::string> out = names_of(session, kind);
    for (std::string& name : out) name.insert(0, kind + "/");
    return out;
  }
  if (!positionals.empty() && !positionals.front().contains('/'))
    return names_of(session, positionals.front());
  std::vector<std::string> out;
  if (auto kinds = session.kinds.all())
    for (const KindInfo& kind : **kinds)
      if (std::ranges::find(out, kind.plural) == out.end()) out.push_back(kind.plural);
  return out;
}

const CLI::App* subcommand(const CLI::App& root, const std::string& name) {
  for (const CLI::App* each : root.get_subcommands([](const CLI::App*) { return true; }))
    if (each->get_name() == name) return each;
  return nullptr;
}

/// The connection that was typed so far, or nothing.
ConnectionOptions typed_connection(const std::vector<std::string>& words) {
  ConnectionOptions out;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto take = [&](std::string_view name, std::string& to) {
      if (words[i] == name)
        to = words[i + 1];
      else if (words[i].starts_with(std::string(name) + "="))
        to = words[i].substr(name.size() + 1);
    };
    take("--data", out.data);
    take("--kubeconfig", out.kubeconfig);
    take("--context", out.context);
    take("--server", out.server);
    take("--token-file", out.token_file);
    take("--ca-file", out.ca_file);
    take("--namespace", out.space);
    take("-n", out.space);
  }
  return out;
}

int complete(const CLI::App& root, const std::vector<std::string>& words) {
  SystemConsole console;
  QuietConsole quiet;
  const auto files = net::make_os_files();
  auto connection = find_connection(typed_connection(words), *files,
                                    [](const char* name) { return std::getenv(name); });
  // Without a connection commands and options are completed all the same.
  Connection used =
      connection ? std::move(*connection) : Connection{.server = "http://127.0.0.1:0"};
  HttpTransport transport(used);
  Session session(transport, quiet, *files, used.space);
  for (const std::string& each : candidates(root, session, words)) console.out(each + "\n");
  return to_int(Exit::ok);
}

}  // namespace

std::vector<std::string> candidates(const CLI::App& root, Session& session,
                                    const std::vector<std::string>& words) {
  std::vector<std::string> out;
  const std::string begun = words.empty() ? "" : words.back();
  if (words.size() <= 1) {
    for (const CLI::App* each : root.get_subcommands([](const CLI::App*) { return true; }))
      if (!each->get_name().starts_with("__")) out.push_back(each->get_name());
  } else {
    const CLI::App* command = subcommand(root, words.front());
    if (command == nullptr) return out;
    const bool with_objects =
        std::ranges::find(about_objects, words.front()) != about_objects.end();
    if (begun.starts_with('-')) {
      out = option_names(*command);
    } else if (with_objects) {
      // Options and their values are not counted as objects.
      std::vector<std::string> positionals;
      for (std::size_t i = 1; i + 1 < words.size(); ++i)
        if (!words[i].starts_with('-') && !words[i - 1].starts_with('-'))
          positionals.push_back(words[i]);
      out = objects(session, positionals, begun);
    } else {
      for (const CLI::App* each : command->get_subcommands([](const CLI::App*) { return true; }))
        out.push_back(each->get_name());
    }
  }
  std::erase_if(out, [&begun](const std::string& each) { return !each.starts_with(begun); });
  std::ranges::sort(out);
  if (out.size() > candidates_max) out.resize(candidates_max);
  return out;
}

std::string completion_script(const std::string& shell) {
  if (shell == "bash")
    return R"(# wireway completion for bash:  source <(wireway completion bash)
_wireway() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _wireway wireway
)";
  if (shell == "zsh")
    return R"(#compdef wireway
# wireway completion for zsh:  source <(wireway completion zsh)
_wireway() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [ -n "${found[1]}" ]; then compadd -a found; else _files; fi
}
compdef _wireway wireway
)";
  return R"(# wireway completion for fish:  wireway completion fish | source
function __wireway_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c wireway -a '(__wireway_complete)'
)";
}

void add_completion(CLI::App& root, Chosen& chosen) {
  struct Values final : Chosen::Kept {
    std::string shell;
    std::vector<std::string> words;
  };
  auto owned = std::make_unique<Values>();
  Values& values = *owned;
  chosen.kept.push_back(std::move(owned));
  CLI::App* completion =
      root.add_subcommand("completion", "Print the completion of commands for a shell");
  completion->add_option("shell", values.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->final_callback([&chosen, &values] {
    chosen.run = [&values] {
      SystemConsole().out(completion_script(values.shell));
      return to_int(Exit::ok);
    };
  });
  // Not for people: the empty group hides it from --help.
  CLI::App* hidden = root.add_subcommand("__complete", "")->group("");
  hidden->add_option("words", values.words);
  hidden->final_callback([&chosen, &values, &root] {
    chosen.run = [&values, &root] { return complete(root, values.words); };
  });
}

}  // namespace wireway::app::cli
