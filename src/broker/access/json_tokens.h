#pragma once
/// Method Jwt (ours): signed JSON Web Tokens of an issuer, as the password of a client or by
/// enhanced authentication with the method "JWT".
///
/// Source: RFC 7519; the keys are a JWK set in a ConfigMap
/// Rules:  a text claim, or the first of a list of texts, becomes an attribute's value

#include <map>
#include <vector>

#include "broker/access/method.h"
#include "link/credentials/jwt.h"

namespace wireway::broker {

struct JsonTokenOptions {
  std::string issuer = {};
  std::vector<std::string> audiences = {};  ///< the token must be for one of them
  std::vector<link::PublicKey> keys = {};
  std::string username_claim = "sub";
  std::map<std::string, std::string> attributes = {};  ///< attribute -> claim
};

/// Of a JWK set. Errors: Errc::invalid if there is no key that can check a signature.
Result<std::vector<link::PublicKey>> parse_key_set(std::string_view text);

class JsonTokens final : public Method {
 public:
  static constexpr std::string_view method_name = "JWT";

  explicit JsonTokens(JsonTokenOptions options) : options_(std::move(options)) {}

  bool concerns(const Credentials& credentials) const override;
  void check(const Credentials& credentials, WallTime now, Answer answer) override;

 private:
  Result<Principal> principal_of(const link::Jwt& token, WallTime now) const;

  JsonTokenOptions options_;
};

}  // namespace wireway::broker
