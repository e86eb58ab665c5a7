#include "broker/access/json_tokens.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace wireway::broker {
namespace {

std::string token_of(const Credentials& credentials) {
  if (credentials.method)
    return *credentials.method == JsonTokens::method_name ? credentials.data : "";
  return credentials.password.value_or("");
}

std::string text_of(const json::object& claims, const std::string& name) {
  const json::value* value = claims.if_contains(name);
  if (value != nullptr && value->is_array() && !value->get_array().empty())
    value = &value->get_array().front();
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

}  // namespace

Result<std::vector<link::PublicKey>> parse_key_set(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return std::unexpected(parsed.error());
  std::vector<link::PublicKey> out;
  const json::value* list = find(*parsed, "keys");
  if (list != nullptr && list->is_array())
    for (const json::value& each : list->get_array())
      if (auto key = link::PublicKey::from_jwk(each)) out.push_back(std::move(*key));
  if (out.empty()) return fail(Errc::invalid, "is no JWK set with a key for signatures");
  return out;
}

bool JsonTokens::concerns(const Credentials& credentials) const {
  const auto token = link::Jwt::parse(token_of(credentials));
  return token && token->issuer() == options_.issuer;
}

void JsonTokens::check(const Credentials& credentials, WallTime now, Answer answer) {
  const auto token = link::Jwt::parse(token_of(credentials));
  if (!token) return answer(Opinion::deny(token.error().message));
  auto who = principal_of(*token, now);
  if (!who) return answer(Opinion::deny(who.error().message));
  answer(Opinion::accept(std::move(*who)));
}

Result<Principal> JsonTokens::principal_of(const link::Jwt& token, WallTime now) const {
  if (auto good = token.check_signature(options_.keys); !good) return std::unexpected(good.error());
  if (auto good = token.check_time(now); !good) return std::unexpected(good.error());
  const auto audiences = token.audiences();
  const bool is_for_us = std::ranges::any_of(audiences, [this](const std::string& each) {
    return std::ranges::find(options_.audiences, each) != options_.audiences.end();
  });
  if (!is_for_us)
    return fail(Errc::denied,
                fmt::format("the token is not for {}", fmt::join(options_.audiences, " or ")));
  Principal who{.expires_at = token.expires(), .method = "Jwt"};
  who.username = text_of(token.claims, options_.username_claim);
  if (who.username.empty())
    return fail(Errc::denied,
                fmt::format("the token has no claim \"{}\" with a text", options_.username_claim));
  for (const auto& [attribute, claim] : options_.attributes)
    if (auto value = text_of(token.claims, claim); !value.empty())
      who.attributes.emplace(attribute, std::move(value));
  return who;
}

}  // namespace wireway::broker
