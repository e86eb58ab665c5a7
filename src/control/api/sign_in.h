#pragma once
/// POST /login and POST /logout: how people get a session for the page, and for `wireway login`.
///
///   /login   {"username", "password"} -> 200 {"username", "groups", "expires"} and the cookie;
///            with "token": true the answer has a bearer token instead
///   /logout  ends the session of the cookie or the token
///
/// Passwords are checked on a thread of their own, one after the other.
///
/// Thread: the Loop's. Owns: the worker.
/// Limits: waiting_max checks at once (429); after failures_free wrong passwords of one user from
///         one address, each further one doubles the time in which that address gets 429 for that
///         user, up to delay_max. attempts_max users and addresses are remembered.
/// Errors: 401 for a wrong name or password, which look alike; 403 for a page of another site.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/api/server.h"
#include "net/env.h"
#include "net/worker.h"

namespace wireway::control {

class SignIn {
 public:
  static constexpr std::size_t waiting_max = 64;
  static constexpr int failures_free = 5;
  static constexpr Duration delay_max = std::chrono::seconds{60};
  static constexpr std::size_t attempts_max = 10'000;

  /// What was written is durable only after the caller's commit; `answer` gives it the response and
  /// whether something was written.
  using Answer = std::function<void(link::HttpResponse, bool wrote)>;

  SignIn(net::Env& env, ApiServer& server);
  ~SignIn();
  SignIn(const SignIn&) = delete;
  SignIn& operator=(const SignIn&) = delete;

  static bool owns(std::string_view path) { return path == "/login" || path == "/logout"; }
  void handle(link::HttpRequest request, Answer answer);

 private:
  struct Attempts {
    int failed = 0;
    WallTime until;  ///< no check before
    WallTime last;
  };
  struct Credentials {
    std::string username;
    std::string password;
    bool wants_token = false;
  };

  void log_in(link::HttpRequest request, Answer answer);
  void log_out(const link::HttpRequest& request, const Answer& answer);
  void checked(const link::HttpRequest& request, const Credentials& given, bool good,
               const Answer& answer);
  void refuse(const link::HttpRequest& request, const ApiError& error, const Answer& answer);
  Attempts& attempts_of(const link::HttpRequest& request, const std::string& username);
  link::HttpResponse welcome(const link::HttpRequest& request, const LocalUser& user,
                             const NewSession& session, bool wants_token) const;

  net::Env& env_;
  ApiServer& server_;
  std::map<std::string, Attempts> attempts_;
  std::size_t waiting_ = 0;
  std::shared_ptr<bool> alive_;  ///< false once destroyed: what the worker posts may come later
  std::unique_ptr<net::Worker> worker_;
};

}  // namespace wireway::control
