#pragma once
/// JSON Web Tokens: signed by a key of ours, or checked with the published keys of an issuer.
///
/// Source: RFC 7515 (JWS compact), RFC 7517 (JWK), RFC 7518 (RS, PS and ES algorithms), RFC 7519,
///         RFC 7638.
/// Thread: immutable after making; any.
/// Limits: token_bytes_max; RSA keys of 2048 bits and more; each algorithm only with a key of its
///         own type and curve; anything else is refused, `none` included, and so is a token that
///         says a thing twice.
/// Errors: a sentence that says what is wrong with the token, never the token itself.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace wireway::link {

inline constexpr std::size_t token_bytes_max = 16 * 1024;
/// How far the clocks of issuer and checker may be apart.
inline constexpr Duration token_clock_skew = std::chrono::seconds{60};

std::string base64url_encode(std::string_view bytes);
std::string sha256(std::string_view bytes);
/// Errors: Errc::invalid for anything but the unpadded alphabet of RFC 4648 section 5.
Result<std::string> base64url_decode(std::string_view text);

class PublicKey {
 public:
  static Result<PublicKey> from_jwk(const json::value& jwk);
  static Result<PublicKey> from_pem(const std::string& pem);
  /// The key's thumbprint (RFC 7638), unless its JWK names another.
  const std::string& id() const { return id_; }
  /// What such a key signs with unless told otherwise: "RS256", "ES256", "ES384" or "ES512".
  std::string_view algorithm() const;
  json::object jwk() const;
  /// False also if `algorithm` is not one for this key.
  bool verify(std::string_view algorithm, std::string_view signed_text,
              std::string_view signature) const;

  struct Key;

 private:
  friend class SigningKey;
  explicit PublicKey(std::shared_ptr<const Key> key);
  std::shared_ptr<const Key> key_;
  std::string id_;
  std::string only_;  ///< the one algorithm that its JWK allows; empty = all of its type
};

/// A private key: made on P-256, or read.
class SigningKey {
 public:
  static Result<SigningKey> generate();
  static Result<SigningKey> from_pem(const std::string& pem);
  std::string to_pem() const;
  const PublicKey& public_key() const { return public_; }
  /// A signed token.
  Result<std::string> sign(const json::object& claims) const;

 private:
  explicit SigningKey(PublicKey key) : public_(std::move(key)) {}
  PublicKey public_;
};

/// A token taken apart, not checked yet.
struct Jwt {
  std::string algorithm;
  std::string key_id;
  json::object claims;
  std::string signed_text;
  std::string signature;

  static Result<Jwt> parse(std::string_view token);
  std::string issuer() const;
  std::vector<std::string> audiences() const;
  WallTime expires() const;
  /// Errors: Errc::denied "the token expired at ...", "... is not valid before ...".
  Result<> check_time(WallTime now) const;
  /// Errors: Errc::denied if none of `keys` made the signature.
  Result<> check_signature(const std::vector<PublicKey>& keys) const;
};

}  // namespace wireway::link
