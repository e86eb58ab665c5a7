#pragma once
/// ID tokens of an OpenID issuer elsewhere as credentials: the company's sign-in for people,
/// without an account here. The words and rules are those of kube-apiserver's `--oidc-*` options.
///
/// Source: OpenID Connect Core 1.0 sections 2 and 3.1.3.7; Kubernetes "Authenticating", OpenID
///         Connect Tokens.
/// Thread: the Loop's. Owns: the issuer's keys.
/// Limits: names that begin with "system:" are never an OpenID user's nor his groups'.
/// Errors: Errc::denied with the claim that is wrong and, where there is one, the option that mends
///         it; never a word of the token itself beyond names.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/access/access.h"
#include "control/access/oidc_keys.h"

namespace wireway::control {

/// As the options of `wireway up` are given; see `check_options()`.
struct OidcOptions {
  std::string issuer;
  std::string client_id;  ///< that a token's audience must hold
  std::string username_claim = "sub";
  /// Not given: "<issuer>#", and none for the claim "email". "-": none.
  std::optional<std::string> username_prefix = {};
  std::string groups_claim = {};  ///< empty = no groups
  std::string groups_prefix = {};
  std::vector<std::string> required_claims = {};  ///< "name=value"
  std::string ca_file = {};                       ///< empty = the system's authorities
  std::vector<std::string> algorithms = {"RS256"};
};

/// `own_issuer` is the one of our own tokens, which nobody elsewhere may take over.
/// Errors: Errc::invalid naming the option.
Result<> check_options(const OidcOptions& options, std::string_view own_issuer);

class Oidc final : public TokenChecker {
 public:
  /// `options` as check_options() accepts them.
  Oidc(net::Loop& loop, std::unique_ptr<link::HttpClient> client, OidcOptions options);

  std::optional<Result<Identity>> check(const Jwt& token, WallTime now) override;

 private:
  Result<> check_signature(const Jwt& token);
  Result<> check_claims(const Jwt& token) const;
  Result<Identity> identity_of(const Jwt& token) const;
  Result<std::vector<std::string>> groups_of(const json::object& claims) const;
  std::string username_prefix() const;

  OidcOptions options_;
  OidcKeys keys_;
};

}  // namespace wireway::control
