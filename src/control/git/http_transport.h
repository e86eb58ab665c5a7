#pragma once
/// Smart HTTP of Git for libgit2, over libcurl: limits of time, certificates against the system's
/// roots or the caFile of a Secret, and an end when it is asked for.
///
/// Source: gitprotocol-http(5), protocol version 0.
/// Thread: the worker's; calls block until `cancelled` says so.
/// Errors: in `trouble`, in words; libgit2 only hears that it failed. Credentials never follow a
///         redirect to another host.

#include <functional>
#include <optional>
#include <string>

#include <git2.h>

#include <git2/sys/transport.h>

#include "base/result.h"

namespace wireway::control {

struct GitHttp {
  std::string username;
  std::string password;
  std::string bearer_token;
  std::string authorities;  ///< PEM; empty = the system's
  std::function<bool()> cancelled;
  std::string base_url;          ///< out: where redirects have led
  std::optional<Error> trouble;  ///< out
};

/// git_remote_callbacks::transport; `param` is a GitHttp that outlives the remote.
int make_http_transport(git_transport** out, git_remote* owner, void* param);

}  // namespace wireway::control
