#pragma once
/// `wireway completion bash|zsh|fish`: a script that asks `wireway __complete WORD...` what may
/// come next: commands and options from the parser itself, kinds and names from the running API.
///
/// Limits: candidates_max; no answer from the API means no names, never an error on the terminal.

#include "app/cli/command.h"

namespace wireway::app::cli {

inline constexpr std::size_t candidates_max = 1000;

void add_completion(CLI::App& root, Chosen& chosen);

/// What may stand in place of the last word. `words` are those behind `wireway`; the last one is
/// begun, perhaps empty.
std::vector<std::string> candidates(const CLI::App& root, Session& session,
                                    const std::vector<std::string>& words);

/// The script for a shell: "bash", "zsh" or "fish".
std::string completion_script(const std::string& shell);

}  // namespace wireway::app::cli
