#pragma once
/// Whom we trust over SSH: the text of a known_hosts file, as OpenSSH writes it.
///
/// Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: lists, patterns with * and ?, negation,
///         [host]:port, hashed names; @revoked. @cert-authority is not supported.

#include <string>
#include <string_view>

#include "base/result.h"

namespace wireway::control {

/// Errors: Errc::denied, with what to do, unless a line for this host has exactly this key (the
/// bytes of its public form).
Result<> check_known_host(std::string_view known_hosts, std::string_view host, unsigned port,
                          std::string_view key);

}  // namespace wireway::control
