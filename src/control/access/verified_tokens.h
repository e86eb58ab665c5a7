#pragma once
/// Tokens whose signature was checked once: a program sends the same one with each request, and
/// checking it costs more than everything else that a small request needs.
///
/// Only the signature and the parsed claims are remembered. Time, audience, and whether the account
/// and the object behind the token live are asked each time, so nothing here can be out of date.
///
/// Thread: the server's. Limits: verified_tokens_max; beyond it all are forgotten and checked anew.

#include <string>
#include <string_view>
#include <unordered_map>

#include "control/access/credentials.h"

namespace wireway::control {

inline constexpr std::size_t verified_tokens_max = 4096;

class VerifiedTokens {
 public:
  /// The claims of a token that was remembered, or nullptr.
  const Jwt* find(std::string_view token) const;
  const Jwt& remember(std::string_view token, Jwt claims);

 private:
  std::unordered_map<std::string, Jwt> by_digest_;  ///< SHA-256 of the token: it is kept nowhere
};

}  // namespace wireway::control
