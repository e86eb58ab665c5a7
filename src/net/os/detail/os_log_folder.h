#pragma once
/// net/log_file.h on the real file system: one thread a folder writes and syncs.

#include <memory>
#include <string>

#include "net/log_file.h"
#include "net/loop.h"

namespace wireway::net::detail {

/// `folder` exists.
Result<std::unique_ptr<LogFolder>> open_os_logs(Loop& loop, const std::string& folder,
                                                const LogOptions& options);

}  // namespace wireway::net::detail
