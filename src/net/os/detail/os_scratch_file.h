#pragma once
/// net/scratch_file.h on the real file system: a file without a name, and one thread.

#include <memory>
#include <string>

#include "net/loop.h"
#include "net/scratch_file.h"

namespace wireway::net::detail {

/// `folder` exists.
Result<std::unique_ptr<ScratchFile>> open_os_scratch(Loop& loop, const std::string& folder);

}  // namespace wireway::net::detail
