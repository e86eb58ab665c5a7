#include "control/api/sign_in.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/json.h"
#include "base/log.h"
#include "control/access/credentials.h"

namespace wireway::control {
namespace {

constexpr std::size_t body_bytes_max = 16 * 1024;
constexpr std::size_t token_bytes = 32;

link::HttpResponse json_response(unsigned status, const json::object& body) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          .body = json::serialize(body)};
}

std::string cookie_text(std::string_view value, std::int64_t seconds, bool encrypted) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", session_cookie,
                     value, seconds, encrypted ? "; Secure" : "");
}

ApiError denied(std::string why) { return {401, "Unauthorized", std::move(why), {}}; }

std::string address_of(const link::HttpRequest& request) {
  return request.peer.substr(0, request.peer.rfind(':'));
}

/// The session that a request comes with.
std::string_view session_of(const link::HttpRequest& request) {
  std::string_view header = request.header("authorization");
  const auto at = header.find(session_prefix);
  return at == std::string_view::npos ? cookie(request, session_cookie) : header.substr(at);
}

std::int64_t whole_seconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

SignIn::SignIn(net::Env& env, ApiServer& server)
    : env_(env),
      server_(server),
      alive_(std::make_shared<bool>(true)),
      worker_(std::make_unique<net::Worker>("sign-in")) {}

SignIn::~SignIn() { *alive_ = false; }

void SignIn::handle(link::HttpRequest request, Answer answer) {
  if (request.method != "POST") return refuse(request, method_not_allowed(), answer);
  if (is_cross_site(request))
    return refuse(request, {403, "Forbidden", "a page of another site may not sign in here", {}},
                  answer);
  if (request.path == "/logout") return log_out(request, answer);
  log_in(std::move(request), std::move(answer));
}

void SignIn::refuse(const link::HttpRequest& request, const ApiError& error, const Answer& answer) {
  link::HttpResponse response = json_response(error.code, to_status(error));
  server_.audit().begin();
  server_.audit().end(request, response);
  answer(std::move(response), false);
}

SignIn::Attempts& SignIn::attempts_of(const link::HttpRequest& request,
                                      const std::string& username) {
  const WallTime now = env_.loop.wall_now();
  if (attempts_.size() >= attempts_max)
    std::erase_if(attempts_,
                  [now](const auto& each) { return now - each.second.last > delay_max; });
  if (attempts_.size() >= attempts_max) attempts_.erase(attempts_.begin());
  return attempts_[address_of(request) + "\n" + username];
}

void SignIn::log_in(link::HttpRequest request, Answer answer) {
  const Access* access = server_.options().access;
  if (access == nullptr || !access->users().any())
    return refuse(request, denied("no user is set; make one: wireway user add NAME"), answer);
  if (request.body.size() > body_bytes_max)
    return refuse(request, too_large(body_bytes_max), answer);
  auto body = parse_json(request.body);
  if (!body || !body->is_object())
    return refuse(request, bad_request("a JSON object with username and password is expected"),
                  answer);
  Credentials given{.username = text_at(*body, {"username"}),
                    .password = text_at(*body, {"password"}),
                    .wants_token = bool_at(*body, {"token"}, false)};
  if (given.username.empty() || given.username.size() > 256 ||
      given.password.size() > password_bytes_max)
    return refuse(request, denied("the user name or the password is wrong"), answer);
  const WallTime now = env_.loop.wall_now();
  const Attempts& attempts = attempts_of(request, given.username);
  if (now < attempts.until || waiting_ >= waiting_max) {
    const std::int64_t wait =
        std::max<std::int64_t>(1, whole_seconds(attempts.until - now + std::chrono::seconds{1}));
    link::HttpResponse response = json_response(
        429, to_status(too_many_requests(
                 now < attempts.until
                     ? fmt::format("too many wrong passwords; try again in {} seconds", wait)
                     : "many are signing in just now; try again in a second")));
    response.headers.emplace_back("Retry-After", std::to_string(now < attempts.until ? wait : 1));
    server_.audit().begin();
    server_.audit().end(request, response);
    return answer(std::move(response), false);
  }
  const LocalUser* user = access->users().find(given.username);
  const std::string hash = user != nullptr ? user->hash : std::string();
  request.body.clear();
  ++waiting_;
  const auto queued =
      worker_->run([this, alive = alive_, &loop = env_.loop, hash, given = std::move(given),
                    request = std::move(request), answer = std::move(answer)]() mutable {
        bool good = false;
        if (hash.empty())
          spend_a_check(given.password);
        else
          good = is_password(hash, given.password);
        given.password.clear();
        loop.post([this, alive, good, given = std::move(given), request = std::move(request),
                   answer = std::move(answer)] {
          if (*alive) checked(request, given, good, answer);
        });
      });
  if (!queued) --waiting_;  // its answer was destroyed: the responder says 500
}

void SignIn::checked(const link::HttpRequest& request, const Credentials& given, bool good,
                     const Answer& answer) {
  --waiting_;
  const WallTime now = env_.loop.wall_now();
  Attempts& attempts = attempts_of(request, given.username);
  attempts.last = now;
  // The user may have gone while the password was looked at.
  const LocalUser* user = server_.options().access->users().find(given.username);
  if (!good || user == nullptr) {
    const int beyond = ++attempts.failed - failures_free;
    if (beyond > 0)
      attempts.until =
          now + std::min<Duration>(delay_max, std::chrono::seconds{1LL << std::min(beyond, 6)});
    return refuse(request, denied("the user name or the password is wrong"), answer);
  }
  attempts_.erase(address_of(request) + "\n" + given.username);
  std::string random(token_bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), token_bytes) != 1)
    return refuse(request, {500, "InternalError", "the system gives no random numbers", {}},
                  answer);
  NewSession session = Users::open(*user, now, random);
  server_.audit().begin();
  server_.audit().admitted({.user = user->name, .uid = user->uid, .groups = user->groups});
  link::HttpResponse response = welcome(request, *user, session, given.wants_token);
  if (auto done = server_.put_own("secrets", std::move(session.secret)); !done)
    response = json_response(500, to_status({500, "InternalError", done.error().message, {}}));
  server_.audit().end(request, response);
  log::info("{} has signed in from {}", given.username, address_of(request));
  answer(std::move(response), true);
}

link::HttpResponse SignIn::welcome(const link::HttpRequest& request, const LocalUser& user,
                                   const NewSession& session, bool wants_token) const {
  json::object body{{"username", user.name},
                    {"groups", json::array(user.groups.begin(), user.groups.end())},
                    {"expires", to_rfc3339(session.expires)}};
  if (wants_token) body["token"] = session.token;
  link::HttpResponse response = json_response(200, body);
  if (!wants_token)
    response.headers.emplace_back(
        "Set-Cookie",
        cookie_text(session.token, whole_seconds(user.session_life), request.encrypted));
  return response;
}

void SignIn::log_out(const link::HttpRequest& request, const Answer& answer) {
  const std::string_view token = session_of(request);
  const Access* access = server_.options().access;
  link::HttpResponse response = json_response(200, {{"signedOut", true}});
  response.headers.emplace_back("Set-Cookie", cookie_text("", 0, request.encrypted));
  server_.audit().begin();
  bool wrote = false;
  if (access != nullptr && Users::is_session(token)) {
    if (auto who = access->users().check(token, env_.loop.wall_now())) {
      server_.audit().admitted(*who);
      const auto done =
          server_.remove_own({"secrets", std::string(user_space), Users::session_name(token)});
      if (!done)
        response = json_response(500, to_status({500, "InternalError", done.error().message, {}}));
      wrote = done.has_value();
    }
  }
  server_.audit().end(request, response);
  answer(std::move(response), wrote);
}

}  // namespace wireway::control
