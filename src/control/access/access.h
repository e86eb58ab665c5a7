#pragma once
/// Who asks, and whether he may: the guard in front of every request of the API server.
///
/// Kept current by the store's changes: roles and bindings (rbac.h), ServiceAccounts, and whether
/// there has been a user yet. Until then the system is open to whoever is on this machine; from
/// then on everybody needs credentials.
///
/// Source: Kubernetes "Authenticating", "Authorization"; TokenRequest and TokenReview of
///         authentication.k8s.io/v1.
/// Thread: the server's. Owns: the signing keys.
/// Limits: a token lives token_life_min to token_life_max.
/// Errors: Errc::denied with a sentence for credentials that are wrong; no credentials are no
///         error: they make the user anonymous.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/access/credentials.h"
#include "control/access/identity.h"
#include "control/access/rbac.h"
#include "control/access/users.h"
#include "control/access/verified_tokens.h"
#include "link/http_server.h"

namespace wireway::control {

/// The ConfigMap of user_space that keeps the system closed once it has had a user, also when the
/// last one goes: `loopback: closed`.
inline constexpr std::string_view closed_map = "wireway-access";

inline constexpr std::string_view session_cookie = "wireway-session";

inline constexpr Duration token_life_min = std::chrono::minutes{10};
inline constexpr Duration token_life_max = std::chrono::hours{24 * 365};

struct AccessOptions {
  std::function<WallTime()> clock;
  std::function<std::string()> new_uid;
  /// The first signs; all are accepted, so that a key can be replaced without a break.
  std::vector<SigningKey> keys = {};
  std::string issuer = "https://kubernetes.default.svc.cluster.local";
};

/// One part of what is authenticated outside of here: OIDC, sessions of people.
class TokenChecker {
 public:
  virtual ~TokenChecker() = default;
  /// Nothing if the token is none of this checker's.
  virtual std::optional<Result<Identity>> check(const Jwt& token, WallTime now) = 0;
};

/// The object that a token ends with. Secrets, the only such kind that lives here.
struct BoundObject {
  std::string name;
  std::string uid;
};

/// A token that was made, and when it ends.
struct IssuedToken {
  std::string token;
  WallTime expires;
};

struct TokenWish {
  std::string space;
  std::string account;
  std::vector<std::string> audiences = {};  ///< empty = this API
  Duration life = std::chrono::hours{1};
  std::optional<BoundObject> bound = {};  ///< a Secret of the account's namespace
};

/// What a valid token says: who, and for which of the asked audiences.
struct ReviewedToken {
  Identity who;
  std::vector<std::string> audiences;
};

class Access {
 public:
  explicit Access(AccessOptions options);

  /// True for kinds whose objects must be told to on_object().
  static bool concerns(std::string_view resource);
  /// A living object, at the start and after each commit; null once it is gone.
  void on_object(std::string_view resource, const std::string& space, const std::string& name,
                 const json::value* object);
  void add(std::unique_ptr<TokenChecker> checker) { checkers_.push_back(std::move(checker)); }

  Result<Identity> authenticate(const link::HttpRequest& request) const;
  const Rbac& rbac() const { return rbac_; }
  const Users& users() const { return users_; }
  /// False once the ServiceAccount or the session behind an identity, or what its token is bound
  /// to, is gone.
  bool is_living(const Identity& who) const;
  /// Whether whoever is on this machine may do everything.
  bool is_open() const { return !users_.any() && !closed_; }
  /// Whether the ConfigMap is there that keeps it so.
  bool is_kept_closed() const { return closed_; }

  /// Errors: Errc::not_found if there is no such ServiceAccount;
  Result<IssuedToken> issue(const TokenWish& wish) const;
  /// "" if there is none.
  std::string uid_of_secret(const std::string& space, const std::string& name) const;
  /// A token of whatever kind, for `audiences` (empty = this API).
  Result<ReviewedToken> review(std::string_view token,
                               const std::vector<std::string>& audiences) const;
  const std::string& issuer() const { return options_.issuer; }
  /// The keys that check our tokens: {"keys": [...]}.
  json::object jwks() const;
  const SigningKey& signing_key() const { return options_.keys.front(); }
  std::vector<PublicKey> public_keys() const;

 private:
  Result<Identity> anonymous(const link::HttpRequest& request) const;
  Result<ReviewedToken> check(std::string_view token,
                              const std::vector<std::string>& audiences) const;
  Result<ReviewedToken> accept(const Jwt& token, const std::vector<std::string>& audiences) const;
  Result<Identity> service_account(const Jwt& token) const;

  AccessOptions options_;
  Rbac rbac_;
  /// "namespace:name" -> uid of the living ServiceAccount.
  std::map<std::string, std::string> accounts_;
  std::map<std::string, std::string> secrets_;  ///< likewise
  mutable VerifiedTokens verified_;
  Users users_;
  bool closed_ = false;
  std::vector<std::unique_ptr<TokenChecker>> checkers_;
};

/// True for an address of this machine: "127.0.0.1:53312", "[::1]:53312".
bool is_loopback(std::string_view address);
/// True if the Host header names this machine: a page elsewhere cannot make a browser send that.
bool is_loopback_host(std::string_view host);
/// True for a request that a page of another site makes a browser send.
bool is_cross_site(const link::HttpRequest& request);
/// The value of one cookie, or "".
std::string_view cookie(const link::HttpRequest& request, std::string_view name);

}  // namespace wireway::control
