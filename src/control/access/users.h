#pragma once
/// Local users and who of them is signed in. Both are Secrets in `wireway-system`, so that they are
/// listed, audited, backed up and removed as everything else is:
///
///   type wireway.io/user      username, passwordHash (argon2id), groups (one a line),
///                             sessionHours (12)
///   type wireway.io/session   username, stamp, expires; named after the SHA-256 of the token that
///                             the client holds
///
/// A session ends with its time, at sign-out (its Secret is deleted), with its user, and when the
/// user's password changes (the stamp).
///
/// Thread: the server's. Limits: session_hours_max; group system:masters is a user's to have, other
///         names that begin with "system:" are not.
/// Errors: a Secret that is no good user closes the open mode all the same; nobody can sign in by
///         it, and the log says why.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "control/access/identity.h"

namespace wireway::control {

/// Local users: Secrets of this type in this namespace.
inline constexpr std::string_view user_secret_type = "wireway.io/user";
inline constexpr std::string_view session_secret_type = "wireway.io/session";
inline constexpr std::string_view user_space = "wireway-system";
/// What a client holds begins with it: bearer token and cookie alike.
inline constexpr std::string_view session_prefix = "wws_";

struct LocalUser {
  std::string name;
  std::string hash;
  std::string uid;     ///< of its Secret
  std::string secret;  ///< its name
  std::vector<std::string> groups;
  Duration session_life = std::chrono::hours{12};

  /// Changes with the password.
  std::string stamp() const;
};

/// A new session: the Secret to write, and what the client gets.
struct NewSession {
  std::string token;
  WallTime expires;
  json::object secret;
};

class Users {
 public:
  static constexpr int session_hours_max = 24 * 400;

  /// A Secret of user_space as it is now; null once it is gone.
  void on_secret(const std::string& name, const json::value* object);

  bool any() const { return !user_secrets_.empty(); }
  /// Nothing if there is no such user, or two.
  const LocalUser* find(std::string_view username) const;
  bool is_living(std::string_view session) const { return sessions_.contains(session); }

  static bool is_session(std::string_view token) { return token.starts_with(session_prefix); }
  /// Who holds the token. Errors: Errc::denied with what to do.
  Result<Identity> check(std::string_view token, WallTime now) const;
  /// `random`: 32 bytes nobody knows.
  static NewSession open(const LocalUser& user, WallTime now, std::string_view random);
  /// The Secret's name of the session that a token is of.
  static std::string session_name(std::string_view token);
  /// Names of the sessions that are over.
  std::vector<std::string> over(WallTime now) const;
  std::size_t sessions_of(std::string_view username) const;

 private:
  struct Session {
    std::string username;
    std::string stamp;
    WallTime expires;
  };
  void read_user(const std::string& name, const json::value& object);
  void read_session(const std::string& name, const json::value& object);

  std::map<std::string, std::optional<LocalUser>> user_secrets_;  ///< nullopt: not usable
  std::map<std::string, Session, std::less<>> sessions_;          ///< by the Secret's name
};

}  // namespace wireway::control
