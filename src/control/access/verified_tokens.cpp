#include "control/access/verified_tokens.h"

namespace wireway::control {

const Jwt* VerifiedTokens::find(std::string_view token) const {
  if (token.size() > token_bytes_max) return nullptr;
  const auto found = by_digest_.find(sha256(token));
  return found == by_digest_.end() ? nullptr : &found->second;
}

const Jwt& VerifiedTokens::remember(std::string_view token, Jwt claims) {
  if (by_digest_.size() >= verified_tokens_max) by_digest_.clear();
  return by_digest_.insert_or_assign(sha256(token), std::move(claims)).first->second;
}

}  // namespace wireway::control
