#pragma once
/// Resources from a folder of YAML or JSON manifests, kept current as files change: a service runs
/// alone with it, no API server needed. Manifests are validated and defaulted by the schemas of
/// `crds/`.
///
/// Status and events live in memory and go to the log, one line per change.
/// Errors: a file that cannot be read or a manifest that is refused leaves the last good objects of
///         that file in force, and one line names file, line and what to do.
/// Cost:   looks for changes each poll_interval; reads only files whose size or time changed.

#include <memory>
#include <string>

#include "net/env.h"
#include "resource/resources.h"

namespace wireway::resource {

inline constexpr Duration folder_poll_interval = std::chrono::milliseconds{500};

std::unique_ptr<Resources> make_folder_resources(net::Env& env, std::string folder,
                                                 std::string component);

}  // namespace wireway::resource
