#pragma once
/// What every command of the command line has in common: how it joins the parser, how it is run,
/// its exit codes and the options by which it finds the API.
///
/// A command is one file with one function `add_<name>(CLI::App& root, Chosen& chosen)`: it
/// declares its options and sets `chosen.run` if it is the one that was typed. commands.cpp lists
/// them all.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/cli/session.h"

namespace wireway::app::cli {

/// The command that was typed; main runs it after parsing. Owns the options of all.
struct Chosen {
  struct Kept {
    virtual ~Kept() = default;
  };
  std::function<int()> run;  ///< gives the exit code of the process
  std::vector<std::unique_ptr<Kept>> kept;
};

using AddCommand = void (*)(CLI::App& root, Chosen& chosen);

/// Declares --kubeconfig, --context, --data, --server, --token-file, --ca-file and --namespace.
void add_connection_options(CLI::App& command, ConnectionOptions& options);

struct CommandName {
  std::string name;
  std::string what;
};

/// A declared command: where to add options, and the values they set.
template <class Options>
struct Declared {
  CLI::App& parser;
  Options& options;
};

/// Declares a subcommand whose work is `run(session, options)` with a connection to the API.
template <class Options>
Declared<Options> add_api_command(CLI::App& root, Chosen& chosen, const CommandName& name,
                                  int (*run)(Session&, const Options&)) {
  struct Values final : Chosen::Kept {
    ConnectionOptions connection;
    Options options;
  };
  auto owned = std::make_unique<Values>();
  Values& values = *owned;
  chosen.kept.push_back(std::move(owned));
  CLI::App* command = root.add_subcommand(name.name, name.what);
  add_connection_options(*command, values.connection);
  command->final_callback([&chosen, &values, run] {
    chosen.run = [&values, run] {
      return with_session(values.connection, [&values, run](Session& session) {
        return run(session, values.options);
      });
    };
  });
  return {*command, values.options};
}

}  // namespace wireway::app::cli
