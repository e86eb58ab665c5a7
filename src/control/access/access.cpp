#include "control/access/access.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::control {
namespace {

bool is_role(std::string_view resource) { return resource.ends_with(rbac_group); }

std::string kind_of(std::string_view resource) {
  if (resource.starts_with("rolebindings.")) return "RoleBinding";
  if (resource.starts_with("clusterrolebindings.")) return "ClusterRoleBinding";
  return resource.starts_with("clusterroles.") ? "ClusterRole" : "Role";
}

Identity authenticated(Identity who) {
  if (!who.in_group(group_authenticated)) who.groups.emplace_back(group_authenticated);
  return who;
}

std::string_view bearer(const link::HttpRequest& request) {
  std::string_view header = request.header("authorization");
  constexpr std::string_view scheme = "bearer ";
  if (header.size() < scheme.size() ||
      !equals_ignoring_case(header.substr(0, scheme.size()), scheme))
    return {};
  header.remove_prefix(scheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.since_epoch).count();
}

}  // namespace

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("[::1]") ||
         address.starts_with("::1") || address.starts_with("[::ffff:127.");
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) return host == "[::1]" || host.starts_with("[::1]:");
  const std::string_view name = host.substr(0, host.find(':'));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  // An address, not a name that begins like one: 127.evil.example is anybody's.
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos;
}

bool is_cross_site(const link::HttpRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return true;
  return origin.substr(scheme + 3) != request.header("host");
}

std::string_view cookie(const link::HttpRequest& request, std::string_view name) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(';'), rest.size());
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const auto sign = pair.find('=');
    if (sign != std::string_view::npos && pair.substr(0, sign) == name)
      return pair.substr(sign + 1);
  }
  return {};
}

Access::Access(AccessOptions options) : options_(std::move(options)) {}

bool Access::concerns(std::string_view resource) {
  return is_role(resource) || resource == "serviceaccounts" || resource == "secrets" ||
         resource == "configmaps";
}

void Access::on_object(std::string_view resource, const std::string& space, const std::string& name,
                       const json::value* object) {
  if (is_role(resource)) {
    if (object == nullptr)
      rbac_.erase(kind_of(resource), space, name);
    else
      rbac_.put(kind_of(resource), *object);
  } else if (resource == "serviceaccounts" || resource == "secrets") {
    auto& living = resource == "secrets" ? secrets_ : accounts_;
    if (object == nullptr)
      living.erase(space + ":" + name);
    else
      living[space + ":" + name] = text_at(*object, {"metadata", "uid"});
  }
  if (resource == "secrets" && space == user_space) users_.on_secret(name, object);
  if (resource == "configmaps" && space == user_space && name == closed_map)
    closed_ = object != nullptr && text_at(*object, {"data", "loopback"}) == "closed";
}

Result<Identity> Access::authenticate(const link::HttpRequest& request) const {
  if (!request.header("authorization").empty()) {
    const std::string_view token = bearer(request);
    if (token.empty()) return fail(Errc::denied, "the Authorization header holds no bearer token");
    auto checked = check(token, {options_.issuer});
    if (!checked) return std::unexpected(checked.error());
    return authenticated(std::move(checked->who));
  }
  // A header is chosen for the request, a certificate for the connection.
  if (request.client_certificate)
    return authenticated({.user = request.client_certificate->common_name,
                          .groups = request.client_certificate->organizations,
                          .expires = request.client_certificate->not_after});
  if (const std::string_view session = cookie(request, session_cookie); !session.empty()) {
    if (is_cross_site(request) && request.method != "GET" && request.method != "HEAD")
      return fail(Errc::denied, "a page of another site may not write in the name of a session");
    if (auto checked = users_.check(session, options_.clock()))
      return authenticated(std::move(*checked));
    return anonymous(request);  // a session that is over must not keep its browser from signing in
  }
  return anonymous(request);
}

/// Whoever brings no credentials.
Result<Identity> Access::anonymous(const link::HttpRequest& request) const {
  // What a proxy on this machine passes on comes from elsewhere.
  const bool passed_on =
      !request.header("x-forwarded-for").empty() || !request.header("forwarded").empty();
  const bool here =
      !passed_on && is_loopback(request.peer) && is_loopback_host(request.header("host"));
  if (is_open() && here && !is_cross_site(request))
    return Identity{.user = std::string(user_local),
                    .groups = {std::string(group_masters), std::string(group_authenticated)}};
  return Identity{.user = std::string(user_anonymous),
                  .groups = {std::string(group_unauthenticated)}};
}

Result<ReviewedToken> Access::check(std::string_view token,
                                    const std::vector<std::string>& audiences) const {
  if (Users::is_session(token)) {
    auto who = users_.check(token, options_.clock());
    if (!who) return std::unexpected(who.error());
    if (std::ranges::find(audiences, options_.issuer) == audiences.end())
      return fail(Errc::denied, "the token is for this API alone");
    return ReviewedToken{std::move(*who), {options_.issuer}};
  }
  if (const Jwt* known = verified_.find(token)) return accept(*known, audiences);
  auto jwt = Jwt::parse(token);
  if (!jwt) return std::unexpected(jwt.error());
  const WallTime now = options_.clock();
  for (const auto& checker : checkers_)
    if (auto answer = checker->check(*jwt, now)) {
      if (!*answer) return std::unexpected(answer->error());
      if (std::ranges::find(audiences, options_.issuer) == audiences.end())
        return fail(Errc::denied, "the token is for this API alone");
      return ReviewedToken{std::move(**answer), {options_.issuer}};
    }
  if (jwt->issuer() != options_.issuer)
    return fail(Errc::denied, "the token's issuer is not known here");
  if (auto good = jwt->check_signature(public_keys()); !good) return std::unexpected(good.error());
  return accept(verified_.remember(token, std::move(*jwt)), audiences);
}

/// What has to be asked each time of a token that we made.
Result<ReviewedToken> Access::accept(const Jwt& token,
                                     const std::vector<std::string>& audiences) const {
  if (auto good = token.check_time(options_.clock()); !good) return std::unexpected(good.error());
  ReviewedToken out;
  for (const std::string& each : token.audiences())
    if (std::ranges::find(audiences, each) != audiences.end()) out.audiences.push_back(each);
  if (out.audiences.empty())
    return fail(Errc::denied,
                fmt::format("the token is for {}, not for {}", fmt::join(token.audiences(), ", "),
                            fmt::join(audiences, ", ")));
  auto who = service_account(token);
  if (!who) return std::unexpected(who.error());
  out.who = std::move(*who);
  out.who.expires = token.expires();
  return out;
}

Result<Identity> Access::service_account(const Jwt& token) const {
  const json::value claims(token.claims);
  const std::string space = text_at(claims, {"kubernetes.io", "namespace"});
  const std::string name = text_at(claims, {"kubernetes.io", "serviceaccount", "name"});
  const std::string uid = text_at(claims, {"kubernetes.io", "serviceaccount", "uid"});
  const auto living = accounts_.find(space + ":" + name);
  if (living == accounts_.end() || living->second != uid)
    return fail(Errc::denied,
                fmt::format("the ServiceAccount {}/{} of the token is gone", space, name));
  Identity who{.user = fmt::format("{}{}:{}", service_account_prefix, space, name),
               .uid = uid,
               .groups = {std::string(group_service_accounts),
                          fmt::format("{}:{}", group_service_accounts, space)}};
  const std::string secret = text_at(claims, {"kubernetes.io", "secret", "name"});
  if (secret.empty()) return who;
  who.bound_secret = space + ":" + secret;
  who.bound_uid = text_at(claims, {"kubernetes.io", "secret", "uid"});
  if (is_living(who)) return who;
  return fail(Errc::denied,
              fmt::format("the Secret {}/{} that the token is bound to is gone", space, secret));
}

bool Access::is_living(const Identity& who) const {
  if (!who.session.empty()) return users_.is_living(who.session);
  // Who came without credentials while the system was open; credentials end some time.
  if (who.user == user_local && !who.expires) return is_open();
  if (!who.bound_secret.empty()) {
    const auto bound = secrets_.find(who.bound_secret);
    if (bound == secrets_.end() || bound->second != who.bound_uid) return false;
  }
  if (!who.user.starts_with(service_account_prefix) || who.uid.empty()) return true;
  const auto living = accounts_.find(who.user.substr(service_account_prefix.size()));
  return living != accounts_.end() && living->second == who.uid;
}

std::string Access::uid_of_secret(const std::string& space, const std::string& name) const {
  const auto found = secrets_.find(space + ":" + name);
  return found == secrets_.end() ? "" : found->second;
}

Result<IssuedToken> Access::issue(const TokenWish& wish) const {
  const auto living = accounts_.find(wish.space + ":" + wish.account);
  if (living == accounts_.end())
    return fail(Errc::not_found, fmt::format("serviceaccounts \"{}\" not found", wish.account));
  const WallTime now = options_.clock();
  const Duration life = std::clamp<Duration>(wish.life, token_life_min, token_life_max);
  std::vector<std::string> audiences = wish.audiences;
  if (audiences.empty()) audiences.push_back(options_.issuer);
  json::object account{{"namespace", wish.space},
                       {"serviceaccount", {{"name", wish.account}, {"uid", living->second}}}};
  if (wish.bound)
    account["secret"] = json::object{{"name", wish.bound->name}, {"uid", wish.bound->uid}};
  const json::object claims{
      {"iss", options_.issuer},
      {"sub", fmt::format("{}{}:{}", service_account_prefix, wish.space, wish.account)},
      {"aud", json::array(audiences.begin(), audiences.end())},
      {"iat", unix_seconds(now)},
      {"nbf", unix_seconds(now)},
      {"exp", unix_seconds(now + life)},
      {"jti", options_.new_uid()},
      {"kubernetes.io", std::move(account)}};
  auto token = signing_key().sign(claims);
  if (!token) return std::unexpected(token.error());
  return IssuedToken{std::move(*token), {std::chrono::seconds{unix_seconds(now + life)}}};
}

Result<ReviewedToken> Access::review(std::string_view token,
                                     const std::vector<std::string>& audiences) const {
  auto out = check(token, audiences.empty() ? std::vector{options_.issuer} : audiences);
  if (out) out->who = authenticated(std::move(out->who));
  return out;
}

json::object Access::jwks() const {
  json::array keys;
  for (const SigningKey& key : options_.keys) keys.push_back(key.public_key().jwk());
  return {{"keys", std::move(keys)}};
}

std::vector<PublicKey> Access::public_keys() const {
  std::vector<PublicKey> out;
  for (const SigningKey& key : options_.keys) out.push_back(key.public_key());
  return out;
}

}  // namespace wireway::control
