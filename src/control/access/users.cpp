#include "control/access/users.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/log.h"
#include "control/access/credentials.h"

namespace wireway::control {
namespace {

constexpr std::size_t session_name_digits = 40;

std::string sha256_hex(std::string_view text) {
  std::string digest(32, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha256(), nullptr);
  return hex_encode(as_bytes(digest));
}

std::string data_of(const json::value& secret, std::string_view key) {
  return base64_decode(text_at(secret, {"data", key})).value_or("");
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(",\n"), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.front() == ' ' || line.front() == '\r')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    if (!line.empty()) out.emplace_back(line);
  }
  return out;
}

bool may_have(const std::string& group) {
  return group == group_masters || !group.starts_with("system:");
}

}  // namespace

std::string LocalUser::stamp() const { return sha256_hex(hash).substr(0, 16); }

void Users::on_secret(const std::string& name, const json::value* object) {
  const std::string type = object == nullptr ? "" : text_at(*object, {"type"});
  if (type == user_secret_type)
    read_user(name, *object);
  else
    user_secrets_.erase(name);
  if (type == session_secret_type)
    read_session(name, *object);
  else
    sessions_.erase(name);
}

void Users::read_user(const std::string& name, const json::value& object) {
  LocalUser user{.name = data_of(object, "username"),
                 .hash = data_of(object, "passwordHash"),
                 .uid = text_at(object, {"metadata", "uid"}),
                 .secret = name,
                 .groups = {}};
  std::string why;
  if (user.name.empty()) why = "data.username is missing";
  if (user.name.starts_with("system:")) why = "data.username may not begin with system:";
  if (!user.hash.starts_with("$argon2id$"))
    why = "data.passwordHash is no argon2id hash; `wireway user password` makes one";
  for (std::string& group : lines_of(data_of(object, "groups"))) {
    if (may_have(group))
      user.groups.push_back(std::move(group));
    else
      log::warn("Secret {}/{}: the group {} is not given to a user", user_space, name, group);
  }
  if (const std::string text = data_of(object, "sessionHours"); !text.empty()) {
    int hours = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
    if (error != std::errc{} || end != text.data() + text.size() || hours < 1 ||
        hours > session_hours_max)
      why = fmt::format("data.sessionHours is not 1 to {}", session_hours_max);
    user.session_life = std::chrono::hours{hours};
  }
  if (why.empty()) {
    user_secrets_[name] = std::move(user);
    return;
  }
  log::error("Secret {}/{}: nobody can sign in by it: {}", user_space, name, why);
  user_secrets_[name] = std::nullopt;
}

void Users::read_session(const std::string& name, const json::value& object) {
  const auto expires = parse_rfc3339(data_of(object, "expires"));
  if (!expires) {
    sessions_.erase(name);
    return;
  }
  sessions_[name] = {data_of(object, "username"), data_of(object, "stamp"), *expires};
}

const LocalUser* Users::find(std::string_view username) const {
  const LocalUser* found = nullptr;
  for (const auto& [name, user] : user_secrets_) {
    if (!user || user->name != username) continue;
    if (found != nullptr) {
      log::error("the user {} is set twice, by the Secrets {} and {}: remove one", username,
                 found->secret, name);
      return nullptr;
    }
    found = &*user;
  }
  return found;
}

std::string Users::session_name(std::string_view token) {
  return "session-" + sha256_hex(token).substr(0, session_name_digits);
}

Result<Identity> Users::check(std::string_view token, WallTime now) const {
  const auto session = sessions_.find(session_name(token));
  if (session == sessions_.end() || session->second.expires <= now)
    return fail(Errc::denied, "the session is over; sign in again");
  const LocalUser* user = find(session->second.username);
  if (user == nullptr || user->stamp() != session->second.stamp)
    return fail(Errc::denied, "the session is over, its user or password has changed; sign in");
  return Identity{.user = user->name,
                  .uid = user->uid,
                  .groups = user->groups,
                  .expires = session->second.expires,
                  .session = session->first};
}

NewSession Users::open(const LocalUser& user, WallTime now, std::string_view random) {
  const std::string token = std::string(session_prefix) + base64url_encode(random);
  const WallTime expires = now + user.session_life;
  const auto encoded = [](std::string_view text) { return base64_encode(as_bytes(text)); };
  json::object secret{{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", session_secret_type}};
  // Goes with its user.
  secret["metadata"] = json::object{
      {"name", session_name(token)},
      {"namespace", user_space},
      {"ownerReferences",
       json::array{json::object{
           {"apiVersion", "v1"}, {"kind", "Secret"}, {"name", user.secret}, {"uid", user.uid}}}}};
  secret["data"] = json::object{{"username", encoded(user.name)},
                                {"stamp", encoded(user.stamp())},
                                {"expires", encoded(to_rfc3339(expires))}};
  return {token, expires, std::move(secret)};
}

std::vector<std::string> Users::over(WallTime now) const {
  std::vector<std::string> out;
  for (const auto& [name, session] : sessions_) {
    const LocalUser* user = find(session.username);
    if (session.expires <= now || user == nullptr || user->stamp() != session.stamp)
      out.push_back(name);
  }
  return out;
}

std::size_t Users::sessions_of(std::string_view username) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sessions_, [&](const auto& each) { return each.second.username == username; }));
}

}  // namespace wireway::control
