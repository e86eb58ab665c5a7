#include "control/access/oidc.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace wireway::control {
namespace {

constexpr std::array known_algorithms{"RS256", "RS384", "RS512", "PS256", "PS384",
                                      "PS512", "ES256", "ES384", "ES512"};
constexpr std::string_view reserved_prefix = "system:";

std::string text_claim(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

Result<> check_issuer(const OidcOptions& options) {
  if (!is_safe_url(options.issuer))
    return fail(Errc::invalid,
                fmt::format("--oidc-issuer-url {}: must be an https URL (plain http only of this "
                            "machine itself)",
                            options.issuer));
  if (options.issuer.find_first_of("?#@ ") != std::string::npos)
    return fail(Errc::invalid, fmt::format("--oidc-issuer-url {}: a URL without user, query and "
                                           "fragment is needed",
                                           options.issuer));
  return {};
}

}  // namespace

Result<> check_options(const OidcOptions& options, std::string_view own_issuer) {
  if (options.client_id.empty())
    return fail(Errc::invalid, "--oidc-issuer-url needs --oidc-client-id too");
  if (auto good = check_issuer(options); !good) return good;
  if (options.issuer == own_issuer)
    return fail(Errc::invalid, fmt::format("--oidc-issuer-url {}: is the issuer of the tokens of "
                                           "ServiceAccounts here; name the one of your users",
                                           options.issuer));
  if (options.username_claim.empty())
    return fail(Errc::invalid, "--oidc-username-claim must name a claim");
  for (const std::string& each : options.algorithms)
    if (std::ranges::find(known_algorithms, each) == known_algorithms.end())
      return fail(Errc::invalid, fmt::format("--oidc-signing-algs {}: known are {}", each,
                                             fmt::join(known_algorithms, ", ")));
  for (const std::string& each : options.required_claims)
    if (const auto sign = each.find('='); sign == each.npos || sign == 0)
      return fail(Errc::invalid,
                  fmt::format("--oidc-required-claim {}: must be CLAIM=VALUE", each));
  return {};
}

Oidc::Oidc(net::Loop& loop, std::unique_ptr<link::HttpClient> client, OidcOptions options)
    : options_(std::move(options)),
      keys_(loop, std::move(client), options_.issuer, options_.ca_file) {
  keys_.start();
}

std::optional<Result<Identity>> Oidc::check(const Jwt& token, WallTime now) {
  if (token.issuer() != options_.issuer) return std::nullopt;
  if (auto good = check_signature(token); !good) return std::unexpected(good.error());
  if (auto good = token.check_time(now); !good) return std::unexpected(good.error());
  if (auto good = check_claims(token); !good) return std::unexpected(good.error());
  return identity_of(token);
}

Result<> Oidc::check_signature(const Jwt& token) {
  if (std::ranges::find(options_.algorithms, token.algorithm) == options_.algorithms.end())
    return fail(Errc::denied, fmt::format("the token is not signed by {} (--oidc-signing-algs)",
                                          fmt::join(options_.algorithms, " or ")));
  auto good = token.check_signature(keys_.keys());
  if (good) return good;
  const bool asking = keys_.ask();  // the key may be a new one, also under an old name
  const bool forged = std::ranges::any_of(
      keys_.keys(), [&token](const PublicKey& key) { return key.id() == token.key_id; });
  if (forged) return good;
  if (!keys_.trouble().empty())
    return fail(Errc::denied, fmt::format("the keys of the token's issuer {} cannot be had: {}; "
                                          "try again once it answers",
                                          options_.issuer, keys_.trouble()));
  if (asking)
    return fail(Errc::denied, fmt::format("the token's issuer {} is being asked for the key of "
                                          "this token; try again",
                                          options_.issuer));
  return good;
}

Result<> Oidc::check_claims(const Jwt& token) const {
  const std::vector<std::string> audiences = token.audiences();
  if (std::ranges::find(audiences, options_.client_id) == audiences.end())
    return fail(Errc::denied, fmt::format("the token is for {}, not for {} (--oidc-client-id)",
                                          fmt::join(audiences, ", "), options_.client_id));
  for (const std::string& each : options_.required_claims) {
    const auto sign = each.find('=');
    const std::string name = each.substr(0, sign);
    const json::value* value = token.claims.if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string() != each.substr(sign + 1))
      return fail(Errc::denied, fmt::format("the token's claim \"{}\" is not as "
                                            "--oidc-required-claim wants it",
                                            name));
  }
  return {};
}

Result<Identity> Oidc::identity_of(const Jwt& token) const {
  const std::string name = text_claim(token.claims, options_.username_claim);
  if (name.empty())
    return fail(Errc::denied, fmt::format("the token has no claim \"{}\" with a text to name its "
                                          "user by (--oidc-username-claim)",
                                          options_.username_claim));
  const json::value* verified = token.claims.if_contains("email_verified");
  if (options_.username_claim == "email" && verified != nullptr &&
      (!verified->is_bool() || !verified->get_bool()))
    return fail(Errc::denied, "the issuer has not verified the e-mail address of the token's user");
  Identity out{.user = username_prefix() + name, .expires = token.expires()};
  if (out.user.starts_with(reserved_prefix))
    return fail(Errc::denied, fmt::format("the user name \"{}\" is reserved; set "
                                          "--oidc-username-prefix",
                                          out.user));
  auto groups = groups_of(token.claims);
  if (!groups) return std::unexpected(groups.error());
  out.groups = std::move(*groups);
  if (const std::string id = text_claim(token.claims, "jti"); !id.empty())
    out.extra["authentication.kubernetes.io/credential-id"] = {"JTI=" + id};
  return out;
}

/// A text, or a list of texts.
Result<std::vector<std::string>> Oidc::groups_of(const json::object& claims) const {
  std::vector<std::string> out;
  const json::value* value =
      options_.groups_claim.empty() ? nullptr : claims.if_contains(options_.groups_claim);
  if (value == nullptr || value->is_null()) return out;
  const json::array listed = value->is_array() ? value->get_array() : json::array{*value};
  for (const json::value& each : listed) {
    if (!each.is_string())
      return fail(Errc::denied, fmt::format("the token's claim \"{}\" is not a list of names",
                                            options_.groups_claim));
    out.push_back(options_.groups_prefix + std::string(each.get_string()));
    if (out.back().starts_with(reserved_prefix))
      return fail(Errc::denied, fmt::format("the token's group \"{}\" is reserved; set "
                                            "--oidc-groups-prefix",
                                            out.back()));
  }
  return out;
}

std::string Oidc::username_prefix() const {
  if (!options_.username_prefix)
    return options_.username_claim == "email" ? "" : options_.issuer + "#";
  return *options_.username_prefix == "-" ? "" : *options_.username_prefix;
}

}  // namespace wireway::control
