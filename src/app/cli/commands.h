#pragma once
/// The one list of commands that talk to the API: each adds itself to the parser.

#include <vector>

#include "app/cli/command.h"

namespace wireway::app::cli {

/// In the order of `wireway --help`.
const std::vector<AddCommand>& commands();

}  // namespace wireway::app::cli
